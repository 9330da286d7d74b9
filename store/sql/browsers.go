package sql

import (
	"context"
	"time"

	"github.com/handclasp/handclasp/store"
)

const browserColumns = `sid, secret, user_id, amr, auth_time, created_at, seen_at, expires_at, idle_ms, address`

func scanBrowser(row scanner) (b store.Browser, err error) {
	err = row.Scan(&b.SID, &b.Secret, &b.UserID, wordsInto(&b.AMR), timeInto(&b.AuthTime), timeInto(&b.CreatedAt),
		timeInto(&b.SeenAt), timeInto(&b.ExpiresAt), spanInto(&b.Idle), &b.Address)
	return b, err
}

// PutBrowser implements store.Tickets.
func (d *DB) PutBrowser(ctx context.Context, b store.Browser) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		_, err := tx.exec(ctx, `INSERT INTO browsers (`+browserColumns+`, idle_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			ON CONFLICT (sid) DO UPDATE SET secret = excluded.secret, user_id = excluded.user_id, amr = excluded.amr,
				auth_time = excluded.auth_time, created_at = excluded.created_at, seen_at = excluded.seen_at,
				expires_at = excluded.expires_at, idle_ms = excluded.idle_ms, address = excluded.address, idle_at = excluded.idle_at`,
			b.SID, b.Secret, b.UserID, words(b.AMR), ms(b.AuthTime), ms(b.CreatedAt), ms(b.SeenAt), ms(b.ExpiresAt),
			b.Idle.Milliseconds(), b.Address, idleEnd(d.now(), b.Idle, b.ExpiresAt))
		return err
	})
}

// slideEvery spares a write at each click of a person.
const slideEvery = time.Minute

// Browser implements store.Tickets.
func (d *DB) Browser(ctx context.Context, sid, secret string) (store.Browser, error) {
	now := d.now().UTC().Truncate(time.Millisecond)
	b, err := single(ctx, d.read, scanBrowser, `SELECT `+browserColumns+` FROM browsers WHERE sid = $1 AND idle_at > $2`, sid, ms(now))
	if err != nil {
		return store.Browser{}, err
	}
	if !equal(b.Secret, secret) {
		return store.Browser{}, store.ErrNotFound
	}
	if now.Sub(b.SeenAt) < slideEvery {
		return b, nil
	}
	seen := b.SeenAt
	b.SeenAt = now
	return b, d.soft.write(ctx, func(ctx context.Context, tx *runner) error {
		n, err := tx.exec(ctx, `UPDATE browsers SET idle_at = $4, seen_at = $3
			WHERE sid = $1 AND secret = $2 AND idle_at > $3 AND seen_at = $5`,
			sid, secret, ms(now), idleEnd(now, b.Idle, b.ExpiresAt), ms(seen))
		if err != nil || n > 0 {
			return err
		}
		// Another request slid it, which is as good, or it was dropped meanwhile, which is final.
		alive, err := tx.has(ctx, `SELECT 1 FROM browsers WHERE sid = $1 AND secret = $2 AND idle_at > $3`, sid, secret, ms(now))
		if err == nil && !alive {
			return store.ErrNotFound
		}
		return err
	})
}
