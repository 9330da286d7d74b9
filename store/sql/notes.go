package sql

import (
	"context"
	"time"
)

// PutNote implements store.Tickets. A soft write: a note that is lost harms nobody, its browser begins again.
func (d *DB) PutNote(ctx context.Context, name, body string, ttl time.Duration) error {
	return d.soft.write(ctx, func(ctx context.Context, tx *runner) error {
		_, err := tx.exec(ctx, `INSERT INTO notes (name, body, expires_at) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET body = excluded.body, expires_at = excluded.expires_at`,
			name, body, ms(d.now().Add(ttl)))
		return err
	})
}

// Note implements store.Tickets.
func (d *DB) Note(ctx context.Context, name string) (string, error) {
	return single(ctx, d.read, text, `SELECT body FROM notes WHERE name = $1 AND expires_at > $2`, name, ms(d.now()))
}

// TakeNote implements store.Tickets. A hard write: what was decided must not wait for a decision again.
func (d *DB) TakeNote(ctx context.Context, name string) (string, error) {
	return answer(ctx, d.hard, func(ctx context.Context, tx *runner) (string, error) {
		return single(ctx, tx, text, `DELETE FROM notes WHERE name = $1 AND expires_at > $2 RETURNING body`, name, ms(d.now()))
	})
}
