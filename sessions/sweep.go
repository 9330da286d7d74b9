package sessions

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/handclasp/handclasp/store"
)

const (
	sweepEvery  = 5 * time.Second
	sweepBatch  = 200
	forgetEvery = time.Hour
	// lookAgain is how long the records may say of a live session what its ticket has said: so old is the last use that an
	// operator sees, and so long a session is counted whose ticket was lost.
	lookAgain  = time.Hour
	indexSlack = time.Hour
	// reviveWindow is how far back sessions are ended once more after the ticket store has restarted or failed over: what
	// it may have forgotten since its last snapshot. docs/operations.md promises it.
	reviveWindow = 24 * time.Hour
)

// epochs is what a ticket store offers if it can lose its latest writes: a text that changes when it restarts or
// fails over.
type epochs interface {
	Epoch(ctx context.Context) (string, error)
}

// Sweeper finishes what was cut off. Any number of replicas may run one: every step of it may be done twice.
type Sweeper struct {
	s          *Sessions
	epoch      string
	lastForget time.Time
}

// NewSweeper returns a sweeper that has seen nothing yet.
func NewSweeper(s *Sessions) *Sweeper { return &Sweeper{s: s} }

// Run sweeps every five seconds until ctx ends.
func (w *Sweeper) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := w.Sweep(ctx); err != nil && ctx.Err() == nil {
			w.s.Log.WarnContext(ctx, "sweep", "error", err)
		}
	}
}

// Sweep does one round: sessions ended before a failover, users whose grants must follow, unfinished ends, provisional
// sessions whose code has run out, live ones whose ticket may be gone, and what has expired.
func (w *Sweeper) Sweep(ctx context.Context) error {
	return errors.Join(
		w.afterFailover(ctx),
		w.followChanges(ctx),
		w.removeLeaving(ctx),
		w.due(ctx),
		w.s.Tickets.Sweep(ctx),
		w.forget(ctx),
	)
}

// afterFailover deletes the grants of recently ended sessions again: a replica that took over, or a restart without its
// latest writes, may have brought them back.
func (w *Sweeper) afterFailover(ctx context.Context) error {
	keeper, ok := w.s.Tickets.(epochs)
	if !ok {
		return nil
	}
	epoch, err := keeper.Epoch(ctx)
	if err != nil {
		return fmt.Errorf("ask the ticket store for its epoch: %w", err)
	}
	if epoch == w.epoch {
		return nil
	}
	since, after := w.s.Now().Add(-reviveWindow), ""
	for {
		rows, err := w.s.Records.EndedSince(ctx, since, after, sweepBatch)
		if err != nil {
			return fmt.Errorf("list recently ended sessions: %w", err)
		}
		for _, row := range rows {
			if err := w.s.Tickets.Drop(ctx, row.ID); err != nil {
				return fmt.Errorf("delete a grant again: %w", err)
			}
			after = row.ID
		}
		if len(rows) < sweepBatch {
			w.epoch = epoch
			return nil
		}
	}
}

func (w *Sweeper) followChanges(ctx context.Context) error {
	users, err := w.s.Records.PendingChanges(ctx, sweepBatch)
	if err != nil {
		return fmt.Errorf("list changed users: %w", err)
	}
	var failed []error
	for _, user := range users {
		failed = append(failed, w.s.follow(ctx, user))
	}
	return errors.Join(failed...)
}

func (w *Sweeper) due(ctx context.Context) error {
	for {
		rows, err := w.s.Records.DueSessions(ctx, w.s.Now(), sweepBatch)
		if err != nil {
			return fmt.Errorf("list due sessions: %w", err)
		}
		if len(rows) == 0 {
			return nil
		}
		if err := w.settleAll(ctx, rows); err != nil {
			return err
		}
		if len(rows) < sweepBatch {
			return nil
		}
	}
}

func (w *Sweeper) settleAll(ctx context.Context, rows []store.Session) error {
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	pulses, err := w.s.Tickets.Pulses(ctx, ids...)
	if err != nil {
		return fmt.Errorf("ask for tickets: %w", err)
	}
	var failed []error // one that cannot be settled must not stand in the way of the others
	for i, row := range rows {
		if err := w.settle(ctx, row, pulses[i]); err != nil {
			failed = append(failed, fmt.Errorf("settle session %s: %w", row.ID, err))
		}
	}
	return errors.Join(failed...)
}

// settle brings one session and its ticket back together.
func (w *Sweeper) settle(ctx context.Context, row store.Session, pulse store.Pulse) error {
	switch {
	case !row.EndedAt.IsZero():
		if err := w.s.Tickets.Drop(ctx, row.ID); err != nil {
			return err
		}
		return w.s.Records.GrantGone(ctx, row.ID, w.s.Now())
	case row.ConfirmedAt.IsZero():
		return w.settleProvisional(ctx, row, pulse)
	case pulse.State == store.StateLive:
		return w.s.Records.Recheck(ctx, row.ID, pulse.SeenAt, w.next(pulse))
	default:
		return w.s.End(ctx, row.ID, EndExpired)
	}
}

// next is when a live session is looked at again. At random, lest all that were found at once stay together for good.
func (w *Sweeper) next(p store.Pulse) time.Time {
	soon := w.s.Now().Add(lookAgain - rand.N(lookAgain/4))
	if end := p.ExpiresAt.Add(time.Second); end.Before(soon) {
		return end
	}
	return soon
}

// settleProvisional: nobody can redeem the code any more. Whoever redeemed it and died before the confirmation has told
// nobody, so the grant goes too.
func (w *Sweeper) settleProvisional(ctx context.Context, row store.Session, pulse store.Pulse) error {
	if pulse.State == store.StatePending || pulse.State == store.StateApproved {
		if now := w.s.Now(); now.Before(pulse.ExpiresAt) {
			return w.s.Records.Recheck(ctx, row.ID, row.SeenAt, pulse.ExpiresAt.Add(sweepMargin))
		}
	}
	if pulse.State == store.StateLive {
		if err := w.s.Tickets.Drop(ctx, row.ID); err != nil {
			return err
		}
	}
	return w.s.Records.UndoSession(ctx, row.ID)
}

func (w *Sweeper) forget(ctx context.Context) error {
	now := w.s.Now()
	if w.s.Retention <= 0 || now.Sub(w.lastForget) < forgetEvery {
		return nil
	}
	// A status list tells of an ended session for as long as an access token of it may live; until then its row, which keeps the
	// index, has to stay.
	n, err := w.s.Records.Forget(ctx, now.Add(-max(w.s.Retention, w.s.AccessLife+indexSlack)))
	if err != nil {
		return fmt.Errorf("forget old sessions: %w", err)
	}
	if err := w.forgetClients(ctx, now); err != nil {
		return err
	}
	w.lastForget = now
	if n > 0 {
		w.s.Log.InfoContext(ctx, "old sessions and events are forgotten", "rows", n)
	}
	return nil
}
