package storetest

import "slices"

var statusStories = []story[*book]{
	{"every session has a place of its own in a status list", func(b *book) {
		ana, seen := b.user("ana"), map[int64]bool{}
		for range 50 {
			begun, err := b.BeginSession(b.ctx, beginning(ana, ""))
			b.ok(err)
			b.same(begun.StatusIndex > 0 && !seen[begun.StatusIndex], true)
			seen[begun.StatusIndex] = true
		}
	}},
	{"a beginning that is repeated has the same place", func(b *book) {
		start := beginning(b.user("ana"), "fp")
		first, err := b.BeginSession(b.ctx, start)
		b.ok(err)
		again, err := b.BeginSession(b.ctx, start)
		b.ok(err)
		b.same(again.StatusIndex, first.StatusIndex)
	}},
	{"an end is told until its tickets have been gone for long", func(b *book) {
		ana := b.user("ana")
		ended, alive := b.live(ana, "fp", after(1)), b.live(ana, "other", after(1))
		told := func(want bool, since int) {
			indexes, _, err := b.EndedIndexes(b.ctx, after(since))
			b.ok(err)
			b.same(slices.Contains(indexes, ended.StatusIndex), want)
			b.same(slices.Contains(indexes, alive.StatusIndex), false)
		}
		told(false, 0)
		_, err := b.EndSession(b.ctx, ended.ID, "logout", after(2))
		b.ok(err)
		told(true, 9) // its tickets may be there still
		b.ok(b.GrantGone(b.ctx, ended.ID, after(5)))
		told(true, 5)
		told(false, 6)
	}},
}
