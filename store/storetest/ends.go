package storetest

import (
	"slices"
	"time"

	"github.com/handclasp/handclasp/store"
)

var endStories = []story[*book]{
	{"ending keeps the first time and reason and frees the device", func(b *book) {
		s := b.live(b.user("ana"), "fp", after(1))
		want := s
		want.EndedAt, want.EndReason = after(2), "logout"
		for i, reason := range []string{"logout", "reuse"} {
			got, err := b.EndSession(b.ctx, s.ID, reason, after(2+i))
			b.ok(err)
			b.same(got, store.Ended{Session: want, First: i == 0})
		}
		b.same(b.owner(s.DeviceID), "")
		_, err := b.EndSession(b.ctx, "ses_nothing", "logout", after(2))
		b.fails(err, store.ErrNotFound)
	}},
	{"a device stays owned while another session is left on it", func(b *book) {
		ana := b.user("ana")
		one, two, three := b.live(ana, "fp", after(1)), b.live(ana, "fp", after(2)), b.begun(ana, "fp")
		for _, s := range []store.Session{one, two, three} {
			b.same(b.owner(s.DeviceID), ana.ID)
			_, err := b.EndSession(b.ctx, s.ID, "logout", after(3))
			b.ok(err)
		}
		b.same(b.owner(one.DeviceID), "")
	}},
	{"of 32 ends at once all get the same row, and one hears that it was the first", func(b *book) {
		s := b.live(b.user("ana"), "fp", after(1))
		ended := race(32, func(i int) store.Ended {
			got, err := b.EndSession(b.ctx, s.ID, "logout", after(2+i))
			if err != nil {
				b.t.Errorf("end: %v", err)
			}
			return got
		})
		for _, e := range ended {
			b.same(e.Session, ended[0].Session)
		}
		b.same(count(ended, func(e store.Ended) bool { return e.First }), 1)
	}},
	{"what was ended halfway is listed for its user and its client", func(b *book) {
		ana, bob := b.user("ana"), b.user("bob")
		s, other := b.live(ana, "fp", after(1)), b.live(bob, "other", after(1))
		_, err := b.EndSession(b.ctx, s.ID, "logout", after(2))
		b.ok(err)
		half := func(user, client string) (ids []string) {
			got, err := b.HalfEnded(b.ctx, user, client)
			b.ok(err)
			for _, g := range got {
				ids = append(ids, g.ID)
			}
			return ids
		}
		b.same(half(ana.ID, ""), []string{s.ID})
		b.same(half("", other.ClientID), []string{s.ID})
		b.same(half(bob.ID, ""), []string(nil))
		b.same(half("", ""), []string(nil))
		b.ok(b.GrantGone(b.ctx, s.ID, after(3)))
		b.same(half(ana.ID, ""), []string(nil))
	}},
	{"an ended session is due until its tickets are gone", func(b *book) {
		s := b.live(b.user("ana"), "fp", after(1))
		b.ok(b.GrantGone(b.ctx, s.ID, after(1)))
		b.due(after(2))
		_, err := b.EndSession(b.ctx, s.ID, "logout", after(2))
		b.ok(err)
		b.due(after(2), s.ID)
		b.ok(b.GrantGone(b.ctx, s.ID, after(3)))
		b.ok(b.GrantGone(b.ctx, s.ID, after(4)))
		b.due(after(60))
		got, err := b.Session(b.ctx, s.ID)
		b.ok(err)
		b.same(got.GrantGoneAt, after(3))
	}},
	{"sessions that ended since a moment are listed in pages by id", func(b *book) {
		ana := b.user("ana")
		var want []string
		for minute := 1; minute <= 6; minute++ {
			s := b.live(ana, "", after(0))
			_, err := b.EndSession(b.ctx, s.ID, "logout", after(minute))
			b.ok(err)
			if minute >= 3 {
				want = append(want, s.ID)
			}
		}
		b.live(ana, "", after(0))
		slices.Sort(want)
		var got []string
		for last := ""; ; {
			page, err := b.EndedSince(b.ctx, after(3), last, 3)
			b.ok(err)
			if len(page) == 0 {
				break
			}
			got = append(got, ids(page)...)
			last = got[len(got)-1]
		}
		b.same(got, want)
	}},
	{"live and provisional sessions of a user are listed, all and by device", func(b *book) {
		ana := b.user("ana")
		live, provisional, ended := b.live(ana, "one", after(1)), b.begun(ana, "two"), b.live(ana, "three", after(1))
		b.live(b.user("bo"), "four", after(1))
		_, err := b.EndSession(b.ctx, ended.ID, "logout", after(1))
		b.ok(err)
		want := []string{live.ID, provisional.ID}
		got, err := b.SessionsOfUser(b.ctx, ana.ID)
		b.ok(err)
		listed := ids(got)
		slices.Sort(want)
		slices.Sort(listed)
		b.same(listed, want)
		got, err = b.SessionsOnDevice(b.ctx, ana.ID, provisional.DeviceID)
		b.ok(err)
		b.same(ids(got), []string{provisional.ID})
		got, err = b.SessionsOnDevice(b.ctx, ana.ID, ended.DeviceID)
		b.ok(err)
		b.same(len(got), 0)
	}},
	{"live and provisional sessions of a client are listed", func(b *book) {
		ana := b.user("ana")
		b.ok(b.CreateClient(b.ctx, someClient("second")))
		start := beginning(ana, "fp")
		start.Session.ClientID = "second"
		b.beginsAs(start)
		live, provisional, ended := b.live(ana, "one", after(1)), b.begun(ana, "two"), b.live(ana, "three", after(1))
		_, err := b.EndSession(b.ctx, ended.ID, "logout", after(1))
		b.ok(err)
		got, err := b.SessionsOfClient(b.ctx, tool, 10)
		b.ok(err)
		want := []string{live.ID, provisional.ID}
		listed := ids(got)
		slices.Sort(want)
		slices.Sort(listed)
		b.same(listed, want)
		got, err = b.SessionsOfClient(b.ctx, tool, 1)
		b.ok(err)
		b.same(len(got), 1)
	}},
}

var dueStories = []story[*book]{
	{"what is due comes longest due first and no more than asked", func(b *book) {
		ana := b.user("ana")
		check := func(minute int) store.Session {
			start := beginning(ana, "")
			start.Session.CheckAt = after(minute)
			_, s := b.beginsAs(start)
			return s
		}
		third, first, later := check(30), check(10), check(90)
		second := b.live(ana, "fp", after(1))
		_, err := b.EndSession(b.ctx, second.ID, "logout", after(20))
		b.ok(err)
		_, err = b.ConfirmSession(b.ctx, third.ID, after(5))
		b.ok(err)
		b.due(after(60), first.ID, second.ID, third.ID)
		b.due(after(90), first.ID, second.ID, third.ID, later.ID)
		some, err := b.DueSessions(b.ctx, after(60), 2)
		b.ok(err)
		b.same(ids(some), []string{first.ID, second.ID})
	}},
	{"what was looked at is due at its next time", func(b *book) {
		s := b.live(b.user("ana"), "fp", after(1))
		b.due(after(10), s.ID)
		b.ok(b.Recheck(b.ctx, s.ID, after(9), after(40)))
		b.due(after(39))
		b.due(after(40), s.ID)
		b.ok(b.Recheck(b.ctx, s.ID, after(3), after(50))) // an older use than the one that is known
		got, err := b.Session(b.ctx, s.ID)
		b.ok(err)
		b.same(got.SeenAt, after(9))
		b.same(got.CheckAt, after(50))
	}},
	{"what is old and finished is forgotten, nothing else", func(b *book) {
		ana := b.user("ana")
		finished, unfinished, recent, live := b.live(ana, "", after(1)), b.live(ana, "b", after(1)), b.live(ana, "c", after(1)), b.live(ana, "d", after(1))
		for s, minute := range map[string]int{finished.ID: 10, unfinished.ID: 10, recent.ID: 50} {
			_, err := b.EndSession(b.ctx, s, "logout", after(minute))
			b.ok(err)
		}
		b.ok(b.GrantGone(b.ctx, finished.ID, after(11)))
		b.ok(b.GrantGone(b.ctx, recent.ID, after(51)))
		b.ok(b.AddEvents(b.ctx, event(5), event(55)))
		n, err := b.Forget(b.ctx, after(30))
		b.ok(err)
		if n < 2 {
			b.t.Fatalf("%d rows went, want at least the session and the event", n)
		}
		_, err = b.Session(b.ctx, finished.ID)
		b.fails(err, store.ErrNotFound)
		for _, id := range []string{unfinished.ID, recent.ID, live.ID} {
			_, err = b.Session(b.ctx, id)
			b.ok(err)
		}
		left, err := b.Events(b.ctx, "", 10)
		b.ok(err)
		b.same(left, []store.Event{event(55)})
		n, err = b.Forget(b.ctx, after(30))
		b.ok(err)
		b.same(n, int64(0))
	}},
	{"a device that is in use or was seen lately is not forgotten", func(b *book) {
		ana := b.user("ana")
		live, lately := b.live(ana, "one", after(1)), b.live(ana, "two", after(40))
		_, err := b.EndSession(b.ctx, lately.ID, "logout", after(41))
		b.ok(err)
		b.ok(b.GrantGone(b.ctx, lately.ID, after(41)))
		start := beginning(ana, "three")
		start.Session.CreatedAt = after(40)
		_, undone := b.beginsAs(start)
		b.ok(b.UndoSession(b.ctx, undone.ID))
		_, err = b.Forget(b.ctx, after(30))
		b.ok(err)
		_, err = b.Device(b.ctx, undone.DeviceID)
		b.ok(err)
		for _, fingerprint := range []string{"one", "two"} {
			known, err := b.KnownDevice(b.ctx, ana.ID, fingerprint)
			b.ok(err)
			b.same(known, true)
		}
		b.same(b.owner(live.DeviceID), ana.ID)
	}},
	{"a session that is not there is not found", func(b *book) {
		_, err := b.Session(b.ctx, "ses_nothing")
		b.fails(err, store.ErrNotFound)
		_, err = b.Device(b.ctx, "dev_nothing")
		b.fails(err, store.ErrNotFound)
		b.ok(b.Ping(b.ctx))
	}},
}

// due checks what the sweeper is given, in its order.
func (b *book) due(now time.Time, want ...string) {
	b.t.Helper()
	got, err := b.DueSessions(b.ctx, now, 100)
	b.ok(err)
	b.same(ids(got), want)
}
