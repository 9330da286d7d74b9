package storetest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/handclasp/handclasp/store"
)

var beginStories = []story[*book]{
	{"a session begins provisional, owns its device and shows on no list", func(b *book) {
		ana := b.user("ana")
		start := beginning(ana, "fp")
		begun, got := b.beginsAs(start)
		b.same(begun.Known, false)
		want := start.Session
		want.DeviceID, want.StatusIndex = begun.DeviceID, begun.StatusIndex
		b.same(got, want)
		d, err := b.Device(b.ctx, begun.DeviceID)
		b.ok(err)
		b.same(d, store.Device{
			ID: begun.DeviceID, Fingerprint: "fp", OwnerID: ana.ID, Name: "laptop", Platform: "linux/amd64", FirstSeen: noon, LastSeen: noon,
		})
		lists, err := b.LiveSessions(b.ctx, ana.ID)
		b.ok(err)
		b.same(len(lists), 0)
		known, err := b.KnownDevice(b.ctx, ana.ID, "fp")
		b.ok(err)
		b.same(known, false)
	}},
	{"beginning twice answers as the first time and changes nothing", func(b *book) {
		ana := b.user("ana")
		start := beginning(ana, "fp")
		first, session := b.beginsAs(start)
		second, again := b.beginsAs(start)
		b.same(second, first)
		b.same(again, session)
		start.Fingerprint = ""
		start.Session.ID = store.NewID(store.SessionPrefix)
		first, _ = b.beginsAs(start)
		second, _ = b.beginsAs(start)
		b.same(second, first)
	}},
	{"beginning again after the confirmation leaves the session live", func(b *book) {
		ana := b.user("ana")
		start := beginning(ana, "fp")
		b.beginsAs(start)
		_, err := b.ConfirmSession(b.ctx, start.Session.ID, after(1))
		b.ok(err)
		_, got := b.beginsAs(start)
		b.same(got.Live(), true)
	}},
	{"an id that another person's session has is refused", func(b *book) {
		ana, bo := b.user("ana"), b.user("bo")
		start := beginning(ana, "fp")
		b.beginsAs(start)
		start.Session.UserID = bo.ID
		if _, err := b.BeginSession(b.ctx, start); err == nil {
			b.t.Fatal("one session id served two people")
		}
		got, err := b.Session(b.ctx, start.Session.ID)
		b.ok(err)
		b.same(got.UserID, ana.ID)
	}},
	{"a second person on an owned device is refused and told of the rival", func(b *book) {
		ana, bo := b.user("ana"), b.user("bo")
		owned := b.live(ana, "fp", after(1))
		start := beginning(bo, "fp")
		start.Session.Name = "stolen"
		begun, err := b.BeginSession(b.ctx, start)
		b.fails(err, store.ErrConflict)
		b.same(begun.Rival, owned)
		_, err = b.Session(b.ctx, start.Session.ID)
		b.fails(err, store.ErrNotFound)
		d, err := b.Device(b.ctx, owned.DeviceID)
		b.ok(err)
		b.same(d.OwnerID, ana.ID)
		b.same(d.Name, "laptop")
	}},
	{"a provisional session holds its device too", func(b *book) {
		ana, bo := b.user("ana"), b.user("bo")
		s := b.begun(ana, "fp")
		begun, err := b.BeginSession(b.ctx, beginning(bo, "fp"))
		b.fails(err, store.ErrConflict)
		b.same(begun.Rival.ID, s.ID)
	}},
	{"of two people who claim one device at once one gets it", func(b *book) {
		ana, bo := b.user("ana"), b.user("bo")
		errs := race(32, func(i int) error {
			_, err := b.BeginSession(b.ctx, beginning([]store.User{ana, bo}[i%2], "fp"))
			return err
		})
		b.same(count(errs, won), 16)
		owner := errs[0] == nil
		for i, err := range errs {
			if (i%2 == 0) != owner && !errors.Is(err, store.ErrConflict) {
				b.t.Fatalf("the loser got %v", err)
			}
		}
	}},
	{"a free device changes hands", func(b *book) {
		ana, bo := b.user("ana"), b.user("bo")
		s := b.live(ana, "fp", after(1))
		_, err := b.EndSession(b.ctx, s.ID, "logout", after(2))
		b.ok(err)
		start := beginning(bo, "fp")
		start.Session.Name = "bo's own"
		begun, _ := b.beginsAs(start)
		b.same(begun.DeviceID, s.DeviceID)
		b.same(begun.Known, false)
		b.same(b.owner(s.DeviceID), bo.ID)
		begun, err = b.BeginSession(b.ctx, beginning(ana, "fp"))
		b.fails(err, store.ErrConflict)
	}},
	{"the same person comes back to a known device", func(b *book) {
		ana := b.user("ana")
		s := b.live(ana, "fp", after(1))
		begun, next := b.beginsAs(beginning(ana, "fp"))
		b.same(begun, store.Begun{DeviceID: s.DeviceID, Known: true, StatusIndex: next.StatusIndex})
		bo := b.user("bo")
		for user, want := range map[string]bool{ana.ID: true, bo.ID: false} {
			known, err := b.KnownDevice(b.ctx, user, "fp")
			b.ok(err)
			b.same(known, want)
		}
		known, err := b.KnownDevice(b.ctx, ana.ID, "")
		b.ok(err)
		b.same(known, false)
	}},
	{"an app is known once somebody has had a session with it, also when that has ended", func(b *book) {
		ana, bo := b.user("ana"), b.user("bo")
		knows := func(user, client string, want bool) {
			b.t.Helper()
			known, err := b.KnownApp(b.ctx, user, client)
			b.ok(err)
			b.same(known, want)
		}
		b.begun(ana, "provisional")
		knows(ana.ID, tool, false)
		s := b.live(ana, "fp", after(1))
		_, err := b.EndSession(b.ctx, s.ID, "logout", after(2))
		b.ok(err)
		knows(ana.ID, tool, true)
		knows(ana.ID, "another", false)
		knows(bo.ID, tool, false)
	}},
	{"a client without a fingerprint gets a device of its own each time", func(b *book) {
		ana, bo := b.user("ana"), b.user("bo")
		one, two, three := b.begun(ana, ""), b.begun(ana, ""), b.begun(bo, "")
		if one.DeviceID == "" || one.DeviceID == two.DeviceID || two.DeviceID == three.DeviceID {
			b.t.Fatalf("devices are %q, %q and %q", one.DeviceID, two.DeviceID, three.DeviceID)
		}
		b.same(b.owner(three.DeviceID), bo.ID)
	}},
	{"a browser's session is live at once and has no device", func(b *book) {
		ana := b.user("ana")
		start := beginning(ana, "")
		start.Session.Kind, start.Session.ClientID, start.Session.ConfirmedAt = store.KindBrowser, "", noon
		begun, got := b.beginsAs(start)
		b.same(begun, store.Begun{})
		b.same(got.Live(), true)
		lists, err := b.LiveSessions(b.ctx, ana.ID)
		b.ok(err)
		b.same(ids(lists), []string{got.ID})
	}},
	{"an account holds so many devices and no more, also when all ask at once", func(b *book) {
		ana := b.user("ana")
		begin := func(fingerprint string) error {
			start := beginning(ana, fingerprint)
			start.MostDevices = 3
			_, err := b.BeginSession(b.ctx, start)
			return err
		}
		errs := race(16, func(i int) error {
			return begin(fmt.Sprint("fp-", i))
		})
		b.same(count(errs, won), 3)
		held := slices.IndexFunc(errs, won)
		for _, err := range errs {
			if err != nil {
				b.fails(err, store.ErrFull)
			}
		}
		b.ok(begin(fmt.Sprint("fp-", held))) // the device that it holds already
		b.ok(begin(store.AppFingerprint + "calendar"))
		b.fails(begin(""), store.ErrFull) // a device entry of its own counts too
		other := beginning(b.user("bo"), "bo's")
		other.MostDevices = 3
		b.beginsAs(other)
		on, err := b.SessionsOfClient(b.ctx, tool, 100)
		b.ok(err)
		for _, s := range on {
			if s.UserID == ana.ID {
				_, err = b.EndSession(b.ctx, s.ID, "logout", after(1))
				b.ok(err)
			}
		}
		for i := range 4 { // apps in a browser take no place
			b.ok(begin(fmt.Sprint(store.AppFingerprint, i)))
		}
		b.ok(begin("fp-new"))
	}},
	{"nobody begins for a disabled or unknown person", func(b *book) {
		ana := b.user("ana")
		b.ok(b.SetDisabled(b.ctx, ana.ID, true, after(1)))
		_, err := b.BeginSession(b.ctx, beginning(ana, "fp"))
		b.fails(err, store.ErrRefused)
		_, err = b.BeginSession(b.ctx, beginning(store.User{ID: "usr_nobody"}, "fp"))
		b.fails(err, store.ErrRefused)
	}},
	{"an ended session does not begin again", func(b *book) {
		start := beginning(b.user("ana"), "fp")
		b.beginsAs(start)
		_, err := b.EndSession(b.ctx, start.Session.ID, "logout", after(1))
		b.ok(err)
		_, err = b.BeginSession(b.ctx, start)
		b.fails(err, store.ErrRefused)
	}},
	{"undoing frees the device and leaves nothing", func(b *book) {
		ana, bo := b.user("ana"), b.user("bo")
		s := b.begun(ana, "fp")
		b.ok(b.UndoSession(b.ctx, s.ID))
		b.ok(b.UndoSession(b.ctx, s.ID))
		_, err := b.Session(b.ctx, s.ID)
		b.fails(err, store.ErrNotFound)
		b.same(b.owner(s.DeviceID), "")
		b.same(b.begun(bo, "fp").DeviceID, s.DeviceID)
	}},
	{"undoing one session leaves the device to another", func(b *book) {
		ana := b.user("ana")
		kept := b.live(ana, "fp", after(1))
		b.ok(b.UndoSession(b.ctx, b.begun(ana, "fp").ID))
		b.same(b.owner(kept.DeviceID), ana.ID)
	}},
	{"what was confirmed or ended cannot be undone", func(b *book) {
		ana := b.user("ana")
		live, ended := b.live(ana, "fp", after(1)), b.begun(ana, "other")
		_, err := b.EndSession(b.ctx, ended.ID, "logout", after(1))
		b.ok(err)
		for _, id := range []string{live.ID, ended.ID} {
			b.ok(b.UndoSession(b.ctx, id))
			_, err = b.Session(b.ctx, id)
			b.ok(err)
		}
	}},
}
