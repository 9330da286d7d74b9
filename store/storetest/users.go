package storetest

import (
	"slices"

	"github.com/handclasp/handclasp/store"
)

var userStories = []story[*book]{
	{"an unknown address makes the user, a known one finds it", func(b *book) {
		ana := b.user("ana")
		got, err := b.User(b.ctx, ana.ID)
		b.ok(err)
		b.same(got, ana)
		got, created, err := b.EnsureUser(b.ctx, store.User{ID: store.NewID(store.UserPrefix), Email: ana.Email, Name: "Other", CreatedAt: after(1), VerifiedAt: after(1)})
		b.ok(err)
		b.same(created, false)
		b.same(got, ana)
		got, err = b.UserByEmail(b.ctx, ana.Email)
		b.ok(err)
		b.same(got, ana)
	}},
	{"the first proof of an address is noted, later ones are not", func(b *book) {
		u := store.User{ID: store.NewID(store.UserPrefix), Email: "bo@example.test", CreatedAt: noon}
		_, created, err := b.EnsureUser(b.ctx, u)
		b.ok(err)
		b.same(created, true)
		for _, minute := range []int{3, 9} {
			u.VerifiedAt = after(minute)
			got, created, err := b.EnsureUser(b.ctx, u)
			b.ok(err)
			b.same(created, false)
			b.same(got.VerifiedAt, after(3))
		}
	}},
	{"of 32 first sign-ins with one address one makes the user and all get it", func(b *book) {
		type result struct {
			id      string
			created bool
			err     error
		}
		got := race(32, func(int) result {
			u, created, err := b.EnsureUser(b.ctx, store.User{ID: store.NewID(store.UserPrefix), Email: "ana@example.test", CreatedAt: noon, VerifiedAt: noon})
			return result{u.ID, created, err}
		})
		b.same(count(got, func(r result) bool { return r.created }), 1)
		for _, r := range got {
			b.ok(r.err)
			b.same(r.id, got[0].id)
		}
	}},
	{"who is not there is not found", func(b *book) {
		_, err := b.User(b.ctx, "usr_nobody")
		b.fails(err, store.ErrNotFound)
		_, err = b.UserByEmail(b.ctx, "nobody@example.test")
		b.fails(err, store.ErrNotFound)
		b.fails(b.SetDisabled(b.ctx, "usr_nobody", true, noon), store.ErrNotFound)
	}},
	{"users are listed in pages by id", func(b *book) {
		var want []string
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			want = append(want, b.user(name).ID)
		}
		slices.Sort(want)
		var got []string
		for after := ""; ; {
			page, err := b.Users(b.ctx, after, 2)
			b.ok(err)
			if len(page) == 0 {
				break
			}
			for _, u := range page {
				got = append(got, u.ID)
			}
			after = got[len(got)-1]
		}
		b.same(got, want)
	}},
	{"an invitation is kept, and twice is no error", func(b *book) {
		invited, err := b.Invited(b.ctx, "cy@example.test")
		b.ok(err)
		b.same(invited, false)
		b.ok(b.Invite(b.ctx, "cy@example.test", "admin", noon))
		b.ok(b.Invite(b.ctx, "cy@example.test", "admin", after(1)))
		invited, err = b.Invited(b.ctx, "cy@example.test")
		b.ok(err)
		b.same(invited, true)
	}},
	{"disabling a user leaves a note until the grants have followed", func(b *book) {
		ana, bo := b.user("ana"), b.user("bo")
		b.pending()
		b.ok(b.SetDisabled(b.ctx, ana.ID, true, after(1)))
		got, err := b.User(b.ctx, ana.ID)
		b.ok(err)
		b.same(got.DisabledAt, after(1))
		b.pending(ana.ID)
		b.ok(b.SetDisabled(b.ctx, bo.ID, true, after(2)))
		b.ok(b.ChangeDone(b.ctx, ana.ID, after(1)))
		b.pending(bo.ID)
		b.ok(b.SetDisabled(b.ctx, ana.ID, false, after(3)))
		got, err = b.User(b.ctx, ana.ID)
		b.ok(err)
		b.same(got.Disabled(), false)
		b.pending(ana.ID, bo.ID)
		some, err := b.PendingChanges(b.ctx, 1)
		b.ok(err)
		b.same(len(some), 1)
	}},
	{"what followed an older change does not answer for a newer one", func(b *book) {
		ana := b.user("ana")
		b.ok(b.SetDisabled(b.ctx, ana.ID, true, after(1)))
		b.ok(b.SetDisabled(b.ctx, ana.ID, false, after(3)))
		b.ok(b.ChangeDone(b.ctx, ana.ID, after(2)))
		b.pending(ana.ID)
		b.ok(b.ChangeDone(b.ctx, ana.ID, after(3)))
		b.pending()
		b.ok(b.ChangeDone(b.ctx, ana.ID, after(2))) // a late note takes nothing back
		b.pending()
	}},
	{"a change by a slow clock is pending all the same", func(b *book) {
		ana := b.user("ana")
		b.ok(b.SetDisabled(b.ctx, ana.ID, true, after(5)))
		b.ok(b.ChangeDone(b.ctx, ana.ID, after(5)))
		b.ok(b.SetDisabled(b.ctx, ana.ID, false, after(4)))
		b.pending(ana.ID)
	}},
	{"disabling again keeps the first time", func(b *book) {
		ana := b.user("ana")
		b.ok(b.SetDisabled(b.ctx, ana.ID, true, after(1)))
		b.ok(b.SetDisabled(b.ctx, ana.ID, true, after(2)))
		got, err := b.User(b.ctx, ana.ID)
		b.ok(err)
		b.same(got.DisabledAt, after(1))
	}},
}

// pending checks whose grants have not followed yet.
func (b *book) pending(want ...string) {
	b.t.Helper()
	got, err := b.PendingChanges(b.ctx, 100)
	b.ok(err)
	slices.Sort(got)
	slices.Sort(want)
	b.same(got, want)
}
