package sql

import (
	"context"
	"fmt"
	"time"

	"github.com/handclasp/handclasp/store"
)

const (
	// sweepMost is how many rows one transaction deletes, so that sweeping keeps nobody waiting.
	sweepMost = 500
	// signalLife is how long other processes may take to hear of a decision.
	signalLife = time.Minute
)

// Sweep implements store.Tickets.
func (d *DB) Sweep(ctx context.Context) error {
	now := d.now()
	for _, s := range []struct {
		text  string
		until int64
	}{
		{`DELETE FROM requests WHERE sid IN (SELECT sid FROM requests WHERE expires_at <= $1 LIMIT $2)`, ms(now.Add(-store.RequestAfterlife))},
		{`DELETE FROM grants WHERE sid IN (SELECT sid FROM grants WHERE idle_at <= $1 LIMIT $2)`, ms(now)},
		{`DELETE FROM browsers WHERE sid IN (SELECT sid FROM browsers WHERE idle_at <= $1 LIMIT $2)`, ms(now)},
		{`DELETE FROM links WHERE id IN (SELECT id FROM links WHERE expires_at <= $1 LIMIT $2)`, ms(now)},
		{`DELETE FROM marks WHERE name IN (SELECT name FROM marks WHERE expires_at <= $1 LIMIT $2)`, ms(now)},
		{`DELETE FROM notes WHERE name IN (SELECT name FROM notes WHERE expires_at <= $1 LIMIT $2)`, ms(now)},
		{`DELETE FROM buckets WHERE name IN (SELECT name FROM buckets WHERE full_us <= $1 LIMIT $2)`, now.UnixMicro()},
		{`DELETE FROM revoked WHERE jti IN (SELECT jti FROM revoked WHERE expires_at <= $1 LIMIT $2) AND expires_at <= $1`, ms(now)},
		// The last signal stays, so that the numbers go on.
		{`DELETE FROM decided WHERE seq IN (SELECT seq FROM decided
			WHERE decided_at <= $1 AND seq < (SELECT MAX(seq) FROM decided) ORDER BY seq LIMIT $2)`, ms(now.Add(-signalLife))},
	} {
		if _, err := d.deleteInParts(ctx, d.soft, s.text, s.until); err != nil {
			return fmt.Errorf("sweep tickets: %w", err)
		}
	}
	return nil
}

// Forget implements store.Records. Devices that nobody has used since before, and that no session names any more, go too:
// every login after a logout brings a new one. So does what is left of removed users.
func (d *DB) Forget(ctx context.Context, before time.Time) (int64, error) {
	var gone int64
	for _, text := range []string{
		`DELETE FROM sessions WHERE id IN (SELECT id FROM sessions
			WHERE ended_at <> 0 AND ended_at < $1 AND grant_gone_at <> 0 LIMIT $2)`,
		`DELETE FROM devices WHERE id IN (SELECT id FROM devices WHERE last_seen < $1
			AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.device_id = devices.id) LIMIT $2)`,
		`DELETE FROM users WHERE id IN (SELECT id FROM users WHERE removed_at <> 0 AND removed_at < $1
			AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.user_id = users.id) LIMIT $2)`,
		`DELETE FROM events WHERE id IN (SELECT id FROM events WHERE happened < $1 LIMIT $2)`,
	} {
		n, err := d.deleteInParts(ctx, d.hard, text, ms(before))
		gone += n
		if err != nil {
			return gone, fmt.Errorf("forget what is old: %w", err)
		}
	}
	return gone, nil
}

// deleteInParts runs a DELETE of at most $2 rows until none is left.
func (d *DB) deleteInParts(ctx context.Context, w *writer, text string, until int64) (int64, error) {
	var gone int64
	for {
		n, err := answer(ctx, w, func(ctx context.Context, tx *runner) (int64, error) {
			return tx.exec(ctx, text, until, sweepMost)
		})
		gone += n
		if err != nil || n < sweepMost {
			return gone, err
		}
	}
}
