package sql

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/handclasp/handclasp/store"
)

const grantColumns = `sid, user_id, device_id, client_id, scope, audience, amr, fingerprint, auth_time, created_at,
	rotated_at, expires_at, idle_ms, jti, next_jti, previous_jti, status_index, bound_key`

func scanGrant(row scanner) (g store.Grant, err error) {
	err = row.Scan(&g.SID, &g.UserID, &g.DeviceID, &g.ClientID, wordsInto(&g.Scope), wordsInto(&g.Audience),
		wordsInto(&g.AMR), &g.Fingerprint, timeInto(&g.AuthTime), timeInto(&g.CreatedAt), timeInto(&g.RotatedAt),
		timeInto(&g.ExpiresAt), spanInto(&g.Idle), &g.JTI, &g.Next, &g.Previous, &g.StatusIndex, &g.Key)
	return g, err
}

// idleEnd is when what was used now ends if nobody uses it again: never past its absolute end.
func idleEnd(now time.Time, idle time.Duration, absolute time.Time) int64 {
	return min(ms(now.Add(idle)), ms(absolute))
}

func insertGrant(ctx context.Context, tx *runner, g store.Grant) error {
	_, err := tx.exec(ctx, `INSERT INTO grants (`+grantColumns+`, idle_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, '', $16, $17, $18)`,
		g.SID, g.UserID, g.DeviceID, g.ClientID, words(g.Scope), words(g.Audience), words(g.AMR), g.Fingerprint,
		ms(g.AuthTime), ms(g.CreatedAt), ms(g.RotatedAt), ms(g.ExpiresAt), g.Idle.Milliseconds(), g.JTI, g.Next,
		g.StatusIndex, g.Key, idleEnd(g.RotatedAt, g.Idle, g.ExpiresAt))
	return err
}

// Grant implements store.Tickets.
func (d *DB) Grant(ctx context.Context, sid, jti string) (store.Grant, error) {
	return single(ctx, d.read, scanGrant, `SELECT `+grantColumns+` FROM grants WHERE sid = $1 AND idle_at > $2
		AND NOT EXISTS (SELECT 1 FROM revoked WHERE revoked.sid = $1 AND revoked.jti = $3 AND revoked.expires_at > $2)`,
		sid, ms(d.now()), jti)
}

// Rotate implements store.Tickets. Like move, it looks, decides, and writes only over what it looked at: the current JTI
// is another one after every rotation.
func (d *DB) Rotate(ctx context.Context, r store.Rotation) (store.Grant, error) {
	for {
		g, err := d.Grant(ctx, r.SID, "")
		if err != nil {
			return store.Grant{}, err
		}
		current, now := g.JTI, d.now()
		moved, err := rotate(&g, r, now)
		switch {
		case errors.Is(err, store.ErrReused):
			if gone := d.endGrant(ctx, r.SID, current); gone != nil {
				err = gone
			}
		case err == nil && moved:
			err = d.moveGrant(ctx, g, current)
		}
		if errors.Is(err, errFaster) {
			continue
		}
		if err != nil {
			return store.Grant{}, err
		}
		return g, nil
	}
}

// rotate decides what a refresh token is worth, in the order of store.Tickets.
func rotate(g *store.Grant, r store.Rotation, now time.Time) (moved bool, err error) {
	switch {
	case r.ClientID != g.ClientID:
		return false, store.ErrForeign
	case r.Fingerprint != "" && g.Fingerprint != "" && !equal(r.Fingerprint, g.Fingerprint):
		return false, store.ErrForeign
	case g.Key != "" && r.Key != g.Key:
		return false, store.ErrKey
	case slices.ContainsFunc(r.Scope, func(s string) bool { return !slices.Contains(g.Scope, s) }):
		return false, store.ErrScope
	case r.Audience != "" && !slices.Contains(g.Audience, r.Audience):
		return false, store.ErrTarget
	case r.JTI == "":
		return false, store.ErrReused
	case r.JTI == g.Previous && now.Sub(g.RotatedAt) <= store.RefreshGrace:
		return false, nil
	case r.JTI != g.JTI && r.JTI != g.Next:
		return false, store.ErrReused
	}
	g.Previous, g.JTI, g.Next = r.JTI, r.Next, r.AfterNext
	g.RotatedAt = now.UTC().Truncate(time.Millisecond)
	return true, nil
}

func (d *DB) moveGrant(ctx context.Context, g store.Grant, current string) error {
	return d.claims(ctx, errFaster, `UPDATE grants SET jti = $3, next_jti = $4, previous_jti = $5, rotated_at = $6, idle_at = $7
		WHERE sid = $1 AND jti = $2`,
		g.SID, current, g.JTI, g.Next, g.Previous, ms(g.RotatedAt), idleEnd(g.RotatedAt, g.Idle, g.ExpiresAt))
}

func (d *DB) endGrant(ctx context.Context, sid, current string) error {
	return d.claims(ctx, errFaster, `DELETE FROM grants WHERE sid = $1 AND jti = $2`, sid, current)
}

// noSession stands in the rows of tokens that belong to none. It is no session's id.
const noSession = "service"

// RevokeService implements store.Tickets.
func (d *DB) RevokeService(ctx context.Context, jti string, ttl time.Duration) error {
	return d.RevokeAccess(ctx, noSession, jti, ttl)
}

// Revoked implements store.Tickets.
func (d *DB) Revoked(ctx context.Context, jti string) (bool, error) {
	err := d.read.one(ctx, `SELECT 1 FROM revoked WHERE sid = $1 AND jti = $2 AND expires_at > $3`,
		[]any{noSession, jti, ms(d.now())}, new(int64))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// RevokeAccess implements store.Tickets.
func (d *DB) RevokeAccess(ctx context.Context, sid, jti string, ttl time.Duration) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		_, err := tx.exec(ctx, `INSERT INTO revoked (sid, jti, expires_at) VALUES ($1, $2, $3)
			ON CONFLICT (sid, jti) DO UPDATE SET expires_at =
				CASE WHEN revoked.expires_at > excluded.expires_at THEN revoked.expires_at ELSE excluded.expires_at END`,
			sid, jti, ms(d.now().Add(ttl)))
		return err
	})
}

// Drop implements store.Tickets.
func (d *DB) Drop(ctx context.Context, sid string) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		for _, text := range []string{
			`DELETE FROM requests WHERE sid = $1`,
			`DELETE FROM grants WHERE sid = $1`,
			`DELETE FROM browsers WHERE sid = $1`,
			`DELETE FROM revoked WHERE sid = $1`,
		} {
			if _, err := tx.exec(ctx, text, sid); err != nil {
				return err
			}
		}
		return nil
	})
}

// Pulses implements store.Tickets.
func (d *DB) Pulses(ctx context.Context, sids ...string) ([]store.Pulse, error) {
	now := ms(d.now())
	pulses := make([]store.Pulse, len(sids))
	for i, sid := range sids {
		p := store.Pulse{SID: sid}
		err := d.read.one(ctx, `SELECT 1 AS rank, 'live' AS state, rotated_at AS seen, idle_at AS ends FROM grants
				WHERE sid = $1 AND idle_at > $2
			UNION ALL SELECT 2, 'live', seen_at, idle_at FROM browsers WHERE sid = $1 AND idle_at > $2
			UNION ALL SELECT 3, state, 0, expires_at FROM requests WHERE sid = $1 AND expires_at > $2
			ORDER BY rank LIMIT 1`, []any{sid, now}, new(int64), &p.State, timeInto(&p.SeenAt), timeInto(&p.ExpiresAt))
		if errors.Is(err, store.ErrNotFound) {
			p.State, err = store.StateGone, nil
		}
		if err != nil {
			return nil, err
		}
		pulses[i] = p
	}
	return pulses, nil
}
