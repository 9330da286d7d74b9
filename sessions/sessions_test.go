package sessions_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// each tells a story on every keeper of tickets.
func each(t *testing.T, story func(t *testing.T, r *rig)) {
	t.Helper()
	t.Parallel()
	for _, keeper := range keepers {
		t.Run(keeper.name, func(t *testing.T) {
			t.Parallel()
			story(t, newRig(t, keeper.open))
		})
	}
}

func TestASecondUserCannotTakeADeviceThatIsInUse(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		owned := r.signIn("laptop", r.ada)
		q := r.opened("laptop", r.bob)
		if err := r.whole().Begin(r.ctx, q, r.browser(r.bob)); !errors.Is(err, store.ErrConflict) {
			t.Fatalf("got %v, want a conflict", err)
		}
		polled, err := r.tickets.Poll(r.ctx, store.Poll{SID: q.SID, Secret: "secret", ClientID: "tool", Fingerprint: q.Fingerprint})
		if err != nil || polled.Answer != store.AnswerDenied || polled.Reason != store.ReasonConflict {
			t.Errorf("the terminal hears %v %q %v", polled.Answer, polled.Reason, err)
		}
		if err := r.whole().Begin(r.ctx, q, r.browser(r.bob)); err == nil {
			t.Error("the refusal was not final")
		}
		row, err := r.records.Session(r.ctx, owned.SID)
		if err != nil || !row.Live() {
			t.Errorf("the owner's session was touched: %v", err)
		}
		if r.journal.count("device.conflict") == 0 {
			t.Error("no event tells of the conflict")
		}
	})
}

func TestADeviceIsFreeAfterLogout(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		owned := r.signIn("laptop", r.ada)
		if err := r.whole().End(r.ctx, owned.SID, sessions.EndLogout); err != nil {
			t.Fatal(err)
		}
		r.signIn("laptop", r.bob)
	})
}

func TestADeviceIsFreeOnceItsSessionHasExpiredAlsoBeforeTheSweep(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.signIn("laptop", r.ada)
		r.clock.advance(31 * 24 * time.Hour)
		r.signIn("laptop", r.bob)
	})
}

func TestTheSameOwnerAgainReplacesTheOlderSessionOnlyWhenRedeemed(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		older := r.signIn("laptop", r.ada)
		s, q := r.whole(), r.opened("laptop", r.ada)
		if err := s.Begin(r.ctx, q, r.browser(r.ada)); err != nil {
			t.Fatal(err)
		}
		if row, err := r.records.Session(r.ctx, older.SID); err != nil || !row.Live() {
			t.Fatalf("an approval that nobody redeemed has signed somebody out: %v", err)
		}
		if err := redeem(r, s, r.tickets, q); err != nil {
			t.Fatal(err)
		}
		row, err := r.records.Session(r.ctx, older.SID)
		if err != nil || row.EndReason != sessions.EndReplaced {
			t.Errorf("the older session: %+v %v", row, err)
		}
		if _, err := r.tickets.Grant(r.ctx, older.SID, ""); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the older grant is still there: %v", err)
		}
	})
}

func TestAnApprovalByADisabledUserIsNotRedeemed(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		s, q := r.whole(), r.opened("laptop", r.ada)
		if err := s.Begin(r.ctx, q, r.browser(r.ada)); err != nil {
			t.Fatal(err)
		}
		if err := s.Disable(r.ctx, r.ada); err != nil {
			t.Fatal(err)
		}
		if err := redeem(r, s, r.tickets, q); !errors.Is(err, store.ErrRefused) {
			t.Errorf("got %v, want a refusal", err)
		}
		r.sweepAfterAll()
		r.checkBothMemories("after the refusal")
	})
}

func TestOnlyTheFirstLoginOfADeviceIsANoticeToItsOwner(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.signIn("laptop", r.ada)
		r.signIn("laptop", r.ada)
		r.signIn("desktop", r.ada)
		if len(r.notices) != 2 {
			t.Errorf("%d notices, want one for each device", len(r.notices))
		}
	})
}

// away is a ticket store that deletes nothing while it is away.
type away struct {
	store.Tickets
	gone bool
}

var errAway = errors.New("away")

func (a *away) Drop(ctx context.Context, sid string) error {
	if a.gone {
		return errAway
	}
	return a.Tickets.Drop(ctx, sid)
}

func TestEndingAgainFinishesWhatWasEndedHalfway(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		q := r.signIn("laptop", r.ada)
		tickets := &away{r.tickets, true}
		s := r.sessions(r.records, tickets)
		for range 2 {
			if err := s.Disable(r.ctx, r.ada); !errors.Is(err, errAway) {
				t.Fatalf("while the tickets are away: %v", err)
			}
			if _, err := s.EndOthers(r.ctx, r.ada, "", sessions.EndUser); !errors.Is(err, errAway) {
				t.Fatalf("while the tickets are away: %v", err)
			}
		}
		tickets.gone = false
		if err := s.Disable(r.ctx, r.ada); err != nil {
			t.Fatal(err)
		}
		if _, err := r.tickets.Grant(r.ctx, q.SID, ""); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the grant is still there: %v", err)
		}
	})
}

// Whoever finds the tickets away has ended the session all the same, and of many at once it is one who tells of it.
func TestTheEndOfASessionIsToldOnceWhateverTheTicketsDo(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		q, tickets := r.signIn("laptop", r.ada), &away{r.tickets, true}
		s := r.sessions(r.records, tickets)
		now := r.clock.now()
		s.Now = func() time.Time { return now }
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				if err := s.End(r.ctx, q.SID, sessions.EndReuse); !errors.Is(err, errAway) {
					t.Errorf("while the tickets are away: %v", err)
				}
			})
		}
		all.Wait()
		tickets.gone = false
		if err := s.End(r.ctx, q.SID, sessions.EndReuse); err != nil {
			t.Error(err)
		}
		mails := len(slices.DeleteFunc(r.notices, func(n sessions.Notice) bool { return n.Kind != sessions.NoticeReuse }))
		if n := r.journal.count("session.end"); n != 1 || mails != 1 {
			t.Errorf("one end was told by %d events and %d mails", n, mails)
		}
	})
}

// What hangs on a browser session ends in the statement that ends the browser, whatever becomes of the tickets then, and of whoever
// asks for the same once more.
func TestTheEndOfWhatHungOnABrowserIsToldOnceToo(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		tickets := &away{r.tickets, true}
		s := r.sessions(r.records, tickets)
		by := store.NewID(store.SessionPrefix)
		for _, row := range []store.Session{
			{ID: by, Kind: store.KindBrowser},
			{ID: store.NewID(store.SessionPrefix), Kind: store.KindDevice, ClientID: "tool", Opener: by},
		} {
			row.UserID, row.CreatedAt, row.ConfirmedAt = r.ada, r.clock.now(), r.clock.now()
			if _, err := r.records.BeginSession(r.ctx, store.Beginning{Session: row}); err != nil {
				t.Fatal(err)
			}
		}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := s.End(r.ctx, by, sessions.EndLogout); !errors.Is(err, errAway) {
					t.Errorf("while the tickets are away: %v", err)
				}
			})
		}
		all.Wait()
		if n := r.journal.count("session.end"); n != 2 {
			t.Errorf("before the tickets are back: %d events tell of two ends", n)
		}
		tickets.gone = false
		if err := s.End(r.ctx, by, sessions.EndLogout); err != nil {
			t.Error(err)
		}
		if n := r.journal.count("session.end"); n != 2 {
			t.Errorf("%d events tell of two ends", n)
		}
		if left, err := r.records.HalfEnded(r.ctx, r.ada, ""); err != nil || len(left) > 0 {
			t.Errorf("%d sessions are half ended, %v", len(left), err)
		}
	})
}

// undone writes nothing: its commit fails after the statements have answered.
type undone struct {
	store.Records
	on bool
}

func (u *undone) EndSession(ctx context.Context, sid, reason string, at time.Time) (store.Ended, error) {
	if !u.on {
		return u.Records.EndSession(ctx, sid, reason, at)
	}
	row, err := u.Session(ctx, sid)
	row.EndedAt, row.EndReason = at, reason
	return store.Ended{Session: row, First: true}, errors.Join(err, errAway)
}

func TestAnEndThatIsNotWrittenIsNotTold(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		q, records := r.signIn("laptop", r.ada), &undone{r.records, true}
		s := r.sessions(records, r.tickets)
		if err := s.End(r.ctx, q.SID, sessions.EndReuse); !errors.Is(err, errAway) {
			t.Fatalf("while nothing is written: %v", err)
		}
		records.on = false
		if err := s.End(r.ctx, q.SID, sessions.EndReuse); err != nil {
			t.Fatal(err)
		}
		if n := r.journal.count("session.end"); n != 1 {
			t.Errorf("%d events tell of one end", n)
		}
	})
}

func TestAnAccountHoldsOnlySoManyDevices(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		first := r.signIn("laptop", r.ada)
		r.signIn("desktop", r.ada)
		s := r.whole()
		s.MostDevices = 2
		if err := s.Begin(r.ctx, r.opened("laptop", r.ada), r.browser(r.ada)); err != nil {
			t.Errorf("a device that is hers already was refused: %v", err)
		}
		q := r.opened("phone", r.ada)
		if err := s.Begin(r.ctx, q, r.browser(r.ada)); !errors.Is(err, store.ErrFull) {
			t.Fatalf("got %v, want that she has too many", err)
		}
		for _, on := range r.asked { // both of her sessions on the laptop: the live one, and the approval
			if on.Name == first.Name {
				if err := s.End(r.ctx, on.SID, sessions.EndUser); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := s.Begin(r.ctx, q, r.browser(r.ada)); err != nil {
			t.Errorf("the request did not wait for the room: %v", err)
		}
	})
}

func TestNobodyEndsASessionOfSomebodyElse(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		q := r.signIn("laptop", r.ada)
		if err := r.whole().EndMine(r.ctx, r.bob, q.SID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("by another user: %v", err)
		}
		if err := r.whole().EndOf(r.ctx, q.SID, "other-tool", sessions.EndLogout); !errors.Is(err, store.ErrForeign) {
			t.Errorf("by another client: %v", err)
		}
		if row, err := r.records.Session(r.ctx, q.SID); err != nil || !row.Live() {
			t.Errorf("the session was touched: %v", err)
		}
	})
}

func TestEndingTwiceIsTheSameAsOnce(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		q, s := r.signIn("laptop", r.ada), r.whole()
		for range 2 {
			if err := s.End(r.ctx, q.SID, sessions.EndLogout); err != nil {
				t.Fatal(err)
			}
		}
		if n := r.journal.count("session.end"); n != 1 {
			t.Errorf("%d events tell of one end", n)
		}
	})
}

func TestASessionThatWasEndedStaysEndedWhenItsGrantComesBack(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		q, s := r.opened("laptop", r.ada), r.whole()
		if err := s.Begin(r.ctx, q, r.browser(r.ada)); err != nil {
			t.Fatal(err)
		}
		if _, err := r.records.ConfirmSession(r.ctx, q.SID, r.clock.now()); err != nil {
			t.Fatal(err)
		}
		// The record has ended, but the tickets still hold an approval: as after a failover that lost the deletion.
		if _, err := r.records.EndSession(r.ctx, q.SID, sessions.EndUser, r.clock.now()); err != nil {
			t.Fatal(err)
		}
		if err := redeem(r, s, r.tickets, q); !errors.Is(err, store.ErrRefused) {
			t.Errorf("got %v, want a refusal", err)
		}
		r.checkBothMemories("after the refusal")
	})
}

// Whoever has lost the tickets (Redis that was flushed) has signed everybody out, and what is gone must not stand in anybody's way
// for as long as it could have lived: not on lists, and not among the devices that a person may have.
func TestASessionWhoseTicketsWereLostIsOverSoon(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		s := r.whole()
		s.MostDevices = 2
		for _, device := range []string{"laptop", "desktop"} {
			lost := r.signIn(device, r.ada)
			r.clock.advance(24 * time.Hour)
			if err := sessions.NewSweeper(s).Sweep(r.ctx); err != nil { // which finds that it lives
				t.Fatal(err)
			}
			if err := r.tickets.Drop(r.ctx, lost.SID); err != nil {
				t.Fatal(err)
			}
		}
		r.clock.advance(2 * time.Hour)
		if err := sessions.NewSweeper(s).Sweep(r.ctx); err != nil {
			t.Fatal(err)
		}
		if err := s.Begin(r.ctx, r.opened("container", r.ada), r.browser(r.ada)); err != nil {
			t.Errorf("sessions that are gone keep a device out: %v", err)
		}
	})
}
