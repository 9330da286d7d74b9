package storetest

import (
	"slices"

	"github.com/handclasp/handclasp/store"
)

var confirmStories = []story[*book]{
	{"confirming makes a session live and touches its device", func(b *book) {
		ana := b.user("ana")
		s := b.begun(ana, "fp")
		c, err := b.ConfirmSession(b.ctx, s.ID, after(3))
		b.ok(err)
		s.ConfirmedAt, s.SeenAt = after(3), after(3)
		b.same(c, store.Confirmed{Session: s, User: ana})
		d, err := b.Device(b.ctx, s.DeviceID)
		b.ok(err)
		b.same(d.LastSeen, after(3))
		b.same(d.FirstSeen, noon)
		got, err := b.LiveSessions(b.ctx, ana.ID)
		b.ok(err)
		b.same(got, []store.Session{s})
	}},
	{"confirming replaces the older session of the same person, device and client", func(b *book) {
		ana := b.user("ana")
		b.ok(b.CreateClient(b.ctx, someClient("second")))
		older, elsewhere, nameless := b.live(ana, "fp", after(1)), b.live(ana, "other", after(1)), b.live(ana, "", after(1))
		start := beginning(ana, "fp")
		start.Session.ClientID = "second"
		_, sibling := b.beginsAs(start)
		c, err := b.ConfirmSession(b.ctx, sibling.ID, after(1))
		b.ok(err)
		b.same(len(c.Replaced), 0)
		newer := b.begun(ana, "fp")
		provisional := b.begun(ana, "fp")
		for range 2 { // the answer to the first may have been lost
			c, err = b.ConfirmSession(b.ctx, newer.ID, after(2))
			b.ok(err)
			b.same(c.Replaced, []string{older.ID})
			b.same(c.Session.ConfirmedAt, after(2))
		}
		for _, id := range []string{older.ID, elsewhere.ID, nameless.ID, sibling.ID} { // the caller ends what was replaced
			s, err := b.Session(b.ctx, id)
			b.ok(err)
			b.same(s.Live(), true)
		}
		_, err = b.EndSession(b.ctx, older.ID, "replaced", after(3))
		b.ok(err)
		c, err = b.ConfirmSession(b.ctx, newer.ID, after(4))
		b.ok(err)
		b.same(len(c.Replaced), 0)
		b.same(c.Session.ConfirmedAt, after(2))
		c, err = b.ConfirmSession(b.ctx, provisional.ID, after(5))
		b.ok(err)
		b.same(c.Replaced, []string{newer.ID})
	}},
	{"confirming an older session again does not replace the newer", func(b *book) {
		ana := b.user("ana")
		older, newer := b.live(ana, "fp", after(1)), b.live(ana, "fp", after(1))
		c, err := b.ConfirmSession(b.ctx, older.ID, after(2))
		b.ok(err)
		b.same(len(c.Replaced), 0)
		c, err = b.ConfirmSession(b.ctx, newer.ID, after(2))
		b.ok(err)
		b.same(c.Replaced, []string{older.ID})
	}},
	{"nothing is confirmed for a disabled person", func(b *book) {
		ana := b.user("ana")
		s := b.begun(ana, "fp")
		b.ok(b.SetDisabled(b.ctx, ana.ID, true, after(1)))
		_, err := b.ConfirmSession(b.ctx, s.ID, after(2))
		b.fails(err, store.ErrRefused)
		b.unchanged(s)
		b.ok(b.SetDisabled(b.ctx, ana.ID, false, after(3)))
		_, err = b.ConfirmSession(b.ctx, s.ID, after(4))
		b.ok(err)
	}},
	{"nothing is confirmed for a disabled or deleted client", func(b *book) {
		ana := b.user("ana")
		s := b.begun(ana, "fp")
		c := someClient(tool)
		c.DisabledAt = after(1)
		b.ok(b.UpdateClient(b.ctx, c))
		_, err := b.ConfirmSession(b.ctx, s.ID, after(2))
		b.fails(err, store.ErrRefused)
		b.ok(b.DeleteClient(b.ctx, tool))
		_, err = b.ConfirmSession(b.ctx, s.ID, after(2))
		b.fails(err, store.ErrRefused)
		b.unchanged(s)
	}},
	{"what has ended or never was is not confirmed", func(b *book) {
		s := b.begun(b.user("ana"), "fp")
		ended, err := b.EndSession(b.ctx, s.ID, "logout", after(1))
		b.ok(err)
		_, err = b.ConfirmSession(b.ctx, s.ID, after(2))
		b.fails(err, store.ErrRefused)
		b.unchanged(ended.Session)
		_, err = b.ConfirmSession(b.ctx, "ses_nothing", after(2))
		b.fails(err, store.ErrRefused)
	}},
	{"confirm and end at once: whatever happens it ends ended", func(b *book) {
		ana := b.user("ana")
		for range 8 {
			s := b.begun(ana, "fp")
			race(8, func(i int) error {
				if i%2 == 0 {
					_, err := b.ConfirmSession(b.ctx, s.ID, after(1))
					return err
				}
				_, err := b.EndSession(b.ctx, s.ID, "logout", after(1))
				return err
			})
			got, err := b.Session(b.ctx, s.ID)
			b.ok(err)
			b.same(got.EndedAt.IsZero(), false)
			b.same(b.owner(s.DeviceID), "")
		}
	}},
	{"live sessions are listed newest first, by person and by device", func(b *book) {
		ana, bo := b.user("ana"), b.user("bo")
		var want []string
		for minute := range 4 {
			start := beginning(ana, []string{"fp", "other"}[minute%2])
			start.Session.CreatedAt = after(minute)
			_, s := b.beginsAs(start)
			_, err := b.ConfirmSession(b.ctx, s.ID, after(minute))
			b.ok(err)
			want = append(want, s.ID)
		}
		b.live(bo, "bo's", after(1))
		slices.Reverse(want)
		got, err := b.LiveSessions(b.ctx, ana.ID)
		b.ok(err)
		b.same(ids(got), want)
		on, err := b.SessionsOnDevice(b.ctx, ana.ID, got[0].DeviceID)
		b.ok(err)
		b.same(ids(on), []string{want[0], want[2]})
		on, err = b.SessionsOnDevice(b.ctx, bo.ID, got[0].DeviceID)
		b.ok(err)
		b.same(len(on), 0)
	}},
}

// unchanged checks that a refusal wrote nothing to the session.
func (b *book) unchanged(want store.Session) {
	b.t.Helper()
	got, err := b.Session(b.ctx, want.ID)
	b.ok(err)
	b.same(got, want)
}
