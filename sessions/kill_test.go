package sessions_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// errKilled is what the process "hears" from the moment on at which it is killed.
var errKilled = errors.New("killed")

// knife cuts a process off at one point: before the n-th write, or after it and before its answer. From then on nothing
// that the process tries has any effect.
type knife struct {
	at   int // counts the points; 0 cuts nothing
	seen int
	dead bool
}

// cut runs one write. Each write has two points: before it, and between its effect and its answer.
func (k *knife) cut(write func() error) error {
	if k.dead {
		return errKilled
	}
	if k.seen++; k.seen == k.at {
		k.dead = true
		return errKilled
	}
	err := write()
	if k.seen++; k.seen == k.at {
		k.dead = true
		return errKilled
	}
	return err
}

// killedRecords and killedTickets are the real keepers behind the knife. Reads of a dead process fail too.
type killedRecords struct {
	store.Records
	*knife
}

func (r killedRecords) BeginSession(ctx context.Context, b store.Beginning) (begun store.Begun, err error) {
	err = r.cut(func() error { begun, err = r.Records.BeginSession(ctx, b); return err })
	return begun, err
}

func (r killedRecords) UndoSession(ctx context.Context, sid string) error {
	return r.cut(func() error { return r.Records.UndoSession(ctx, sid) })
}

func (r killedRecords) ConfirmSession(ctx context.Context, sid string, at time.Time) (c store.Confirmed, err error) {
	err = r.cut(func() error { c, err = r.Records.ConfirmSession(ctx, sid, at); return err })
	return c, err
}

func (r killedRecords) EndSession(ctx context.Context, sid, reason string, at time.Time) (s store.Ended, err error) {
	err = r.cut(func() error { s, err = r.Records.EndSession(ctx, sid, reason, at); return err })
	return s, err
}

func (r killedRecords) GrantGone(ctx context.Context, sid string, at time.Time) error {
	return r.cut(func() error { return r.Records.GrantGone(ctx, sid, at) })
}

func (r killedRecords) SetDisabled(ctx context.Context, id string, disabled bool, at time.Time) error {
	return r.cut(func() error { return r.Records.SetDisabled(ctx, id, disabled, at) })
}

func (r killedRecords) ChangeDone(ctx context.Context, id string, at time.Time) error {
	return r.cut(func() error { return r.Records.ChangeDone(ctx, id, at) })
}

type killedTickets struct {
	store.Tickets
	*knife
}

func (t killedTickets) Open(ctx context.Context, r store.Request, limits ...store.Limit) (v store.Verdict, err error) {
	err = t.cut(func() error { v, err = t.Tickets.Open(ctx, r, limits...); return err })
	return v, err
}

func (t killedTickets) Bind(ctx context.Context, code, browser, userID string) (q store.Request, err error) {
	err = t.cut(func() error { q, err = t.Tickets.Bind(ctx, code, browser, userID); return err })
	return q, err
}

func (t killedTickets) Approve(ctx context.Context, a store.Approval) error {
	return t.cut(func() error { return t.Tickets.Approve(ctx, a) })
}

func (t killedTickets) Deny(ctx context.Context, sid, browser, reason string) error {
	return t.cut(func() error { return t.Tickets.Deny(ctx, sid, browser, reason) })
}

func (t killedTickets) Drop(ctx context.Context, sid string) error {
	return t.cut(func() error { return t.Tickets.Drop(ctx, sid) })
}

func (t killedTickets) Poll(ctx context.Context, p store.Poll) (polled store.Polled, err error) {
	err = t.cut(func() error { polled, err = t.Tickets.Poll(ctx, p); return err })
	return polled, err
}

// lives are whole lives of a session, each point of which may be the last of its process.
var lives = map[string]func(r *rig, s *sessions.Sessions, tickets store.Tickets) error{
	"begin, redeem and end": func(r *rig, s *sessions.Sessions, tickets store.Tickets) error {
		request := r.opened("laptop", r.ada)
		if err := s.Begin(r.ctx, request, r.browser(r.ada)); err != nil {
			return err
		}
		if err := redeem(r, s, tickets, request); err != nil {
			return err
		}
		return s.End(r.ctx, request.SID, sessions.EndLogout)
	},
	"replace an older session": func(r *rig, s *sessions.Sessions, tickets store.Tickets) error {
		for range 2 {
			request := r.opened("laptop", r.ada)
			if err := s.Begin(r.ctx, request, r.browser(r.ada)); err != nil {
				return err
			}
			if err := redeem(r, s, tickets, request); err != nil {
				return err
			}
		}
		return nil
	},
	"begin in one go, and replace": func(r *rig, s *sessions.Sessions, _ store.Tickets) error {
		for range 2 {
			if _, err := s.BeginNow(r.ctx, r.phone(), sessions.Person{UserID: r.ada, AMR: []string{"mail"}}); err != nil {
				return err
			}
		}
		return nil
	},
	"begin in one go on somebody else's device": func(r *rig, s *sessions.Sessions, _ store.Tickets) error {
		r.signIn("phone", r.ada)
		_, err := s.BeginNow(r.ctx, r.phone(), sessions.Person{UserID: r.bob, AMR: []string{"mail"}})
		if errors.Is(err, store.ErrConflict) {
			return nil
		}
		return err
	},
	"approve and never redeem": func(r *rig, s *sessions.Sessions, _ store.Tickets) error {
		return s.Begin(r.ctx, r.opened("laptop", r.ada), r.browser(r.ada))
	},
	"deny after a conflict": func(r *rig, s *sessions.Sessions, _ store.Tickets) error {
		r.signIn("laptop", r.ada)
		err := s.Begin(r.ctx, r.opened("laptop", r.bob), r.browser(r.bob))
		if errors.Is(err, store.ErrConflict) {
			return nil
		}
		return err
	},
	"sign out of the browser of an app": func(r *rig, s *sessions.Sessions, tickets store.Tickets) error {
		_, browser, err := s.BeginBrowser(r.ctx, sessions.SignIn{User: store.User{ID: r.ada}})
		if err != nil {
			return err
		}
		asked := r.ask("laptop")
		request, err := tickets.Bind(r.ctx, asked.UserCode, browser.SID, r.ada)
		if err != nil {
			return err
		}
		if err := s.BeginWithin(r.ctx, request, browser); err != nil {
			return err
		}
		if err := redeem(r, s, tickets, request); err != nil {
			return err
		}
		return s.End(r.ctx, browser.SID, sessions.EndLogout)
	},
	"disable a user": func(r *rig, s *sessions.Sessions, _ store.Tickets) error {
		r.signIn("laptop", r.ada)
		r.signIn("desktop", r.ada)
		return s.Disable(r.ctx, r.ada)
	},
}

func redeem(r *rig, s *sessions.Sessions, tickets store.Tickets, request store.Request) error {
	polled, err := tickets.Poll(r.ctx, store.Poll{
		SID: request.SID, Secret: request.Secret, ClientID: request.ClientID, Fingerprint: request.Fingerprint,
	})
	if err != nil {
		return err
	}
	if polled.Answer != store.AnswerGranted {
		return fmt.Errorf("the poll answered %s", polled.Answer)
	}
	return s.Redeem(r.ctx, polled.Grant)
}

// TestAKillAtAnyPointLeavesNoSessionWithoutOwner kills the process at each point of each life in turn, lets another
// process sweep, and looks at both memories.
func TestAKillAtAnyPointLeavesNoSessionWithoutOwner(t *testing.T) {
	t.Parallel()
	for name, live := range lives {
		for _, keeper := range keepers {
			t.Run(name+" on "+keeper.name, func(t *testing.T) {
				t.Parallel()
				points := 0
				for at := 1; ; at++ {
					r := newRig(t, keeper.open)
					k := &knife{at: at}
					tickets := killedTickets{r.tickets, k}
					err := live(r, r.sessions(killedRecords{r.records, k}, tickets), tickets)
					if !k.dead {
						if err != nil {
							t.Fatalf("without a kill: %v", err)
						}
						break
					}
					points++
					r.sweepAfterAll()
					r.checkBothMemories(fmt.Sprintf("killed at point %d", at))
				}
				if points < 4 {
					t.Fatalf("only %d points were cut: the knife does not reach", points)
				}
			})
		}
	}
}
