package sessions_test

import (
	"context"
	"errors"
	"testing"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// Somebody who got hold of a browser approves a terminal of their own and does not poll yet. No list shows the session, and
// whoever ends everything must have ended it too.
func TestAnApprovalThatNobodyRedeemedEndsWithEverythingElse(t *testing.T) {
	ways := map[string]func(r *rig, s *sessions.Sessions, deviceID string) error{
		"end all others": func(r *rig, s *sessions.Sessions, _ string) error {
			_, err := s.EndOthers(r.ctx, r.ada, "", sessions.EndUser)
			return err
		},
		"end the device": func(r *rig, s *sessions.Sessions, deviceID string) error {
			return s.EndDevice(r.ctx, r.ada, deviceID)
		},
		"disable and enable": func(r *rig, s *sessions.Sessions, _ string) error {
			return errors.Join(s.Disable(r.ctx, r.ada), s.Enable(r.ctx, r.ada))
		},
	}
	t.Parallel()
	for name, end := range ways {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, r *rig) {
				s, q := r.whole(), r.opened("laptop", r.ada)
				if err := s.Begin(r.ctx, q, r.browser(r.ada)); err != nil {
					t.Fatal(err)
				}
				row, err := r.records.Session(r.ctx, q.SID)
				if err != nil {
					t.Fatal(err)
				}
				if err := end(r, s, row.DeviceID); err != nil {
					t.Fatal(err)
				}
				if err := redeem(r, s, r.tickets, q); !errors.Is(err, store.ErrRefused) {
					t.Errorf("redeemed afterwards: %v, want a refusal", err)
				}
				r.sweepAfterAll()
				r.checkBothMemories("afterwards")
			})
		})
	}
}

// latePut lets something happen between the row of a browser session and its ticket.
type latePut struct {
	store.Tickets
	before func()
}

func (p latePut) PutBrowser(ctx context.Context, b store.Browser) error {
	p.before()
	return p.Tickets.PutBrowser(ctx, b)
}

func TestASignInThatRacesWithTheEndOfEverythingLeavesNothingBehind(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		var sid string
		s := r.sessions(r.records, latePut{r.tickets, func() {
			rows, err := r.records.LiveSessions(r.ctx, r.ada)
			if err != nil || len(rows) != 1 {
				t.Fatalf("the sessions of ada are %v, %v", rows, err)
			}
			sid = rows[0].ID
			if _, err := r.whole().EndOthers(r.ctx, r.ada, "", sessions.EndUser); err != nil {
				t.Fatal(err)
			}
		}})
		user, err := r.records.User(r.ctx, r.ada)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.BeginBrowser(r.ctx, sessions.SignIn{User: user}); !errors.Is(err, store.ErrRefused) {
			t.Errorf("got %v, want a refusal", err)
		}
		pulses, err := r.tickets.Pulses(r.ctx, sid)
		if err != nil || pulses[0].State != store.StateGone {
			t.Errorf("a ticket is left of a session that has ended: %v, %v", pulses, err)
		}
	})
}
