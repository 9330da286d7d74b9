package sessions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/handclasp/handclasp/store"
)

// passing is how long a client stays that is known by a document and that nobody uses: the next request fetches it again. So
// long stays one, too, that registered itself and in which nobody has ever signed in: else a script could fill the places.
const passing = 7 * 24 * time.Hour

// RemoveClient ends every session of a client that is disabled, and lets go of it; ended says how many. After a failure halfway
// it may be called again. That the client is gone already is no error.
func (s *Sessions) RemoveClient(ctx context.Context, clientID string) (ended int, err error) {
	if ended, err = s.EndClient(ctx, clientID); err != nil {
		return ended, err
	}
	if err := s.Records.DeleteClient(ctx, clientID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return ended, fmt.Errorf("delete client: %w", err)
	}
	return ended, nil
}

// removeLeaving finishes what clients have begun that wanted to be deleted.
func (w *Sweeper) removeLeaving(ctx context.Context) error {
	ids, err := w.s.Records.LeavingClients(ctx, sweepBatch)
	if err != nil {
		return fmt.Errorf("list clients that leave: %w", err)
	}
	var failed []error
	for _, id := range ids {
		if _, err := w.s.RemoveClient(ctx, id); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// forgetClients lets go of clients that came by themselves and that nobody uses.
func (w *Sweeper) forgetClients(ctx context.Context, now time.Time) error {
	if w.s.ClientUnused <= 0 {
		return nil
	}
	n, err := w.s.Records.ForgetClients(ctx, now.Add(-w.s.ClientUnused), now.Add(-min(passing, w.s.ClientUnused)))
	if err != nil {
		return fmt.Errorf("forget unused clients: %w", err)
	}
	if n > 0 {
		w.s.Log.InfoContext(ctx, "clients that nobody uses are forgotten", "rows", n)
	}
	return nil
}
