package sql

import (
	"context"
	"errors"
	"time"

	"github.com/handclasp/handclasp/store"
)

const sessionColumns = `id, kind, user_id, device_id, client_id, scope, audience, amr, address, name, platform,
	auth_time, created_at, seen_at, confirmed_at, check_at, expires_at, ended_at, end_reason, grant_gone_at, status_index, opener`

func scanSession(row scanner) (s store.Session, err error) {
	err = row.Scan(&s.ID, &s.Kind, &s.UserID, &s.DeviceID, &s.ClientID, wordsInto(&s.Scope), wordsInto(&s.Audience),
		wordsInto(&s.AMR), &s.Address, &s.Name, &s.Platform, timeInto(&s.AuthTime), timeInto(&s.CreatedAt),
		timeInto(&s.SeenAt), timeInto(&s.ConfirmedAt), timeInto(&s.CheckAt), timeInto(&s.ExpiresAt),
		timeInto(&s.EndedAt), &s.EndReason, timeInto(&s.GrantGoneAt), &s.StatusIndex, &s.Opener)
	return s, err
}

func session(ctx context.Context, r *runner, sid string) (store.Session, error) {
	return single(ctx, r, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE id = $1`, sid)
}

// Session implements store.Records.
func (d *DB) Session(ctx context.Context, sid string) (store.Session, error) {
	return session(ctx, d.read, sid)
}

// ConfirmSession implements store.Records.
func (d *DB) ConfirmSession(ctx context.Context, sid string, at time.Time) (store.Confirmed, error) {
	return answer(ctx, d.hard, func(ctx context.Context, tx *runner) (store.Confirmed, error) {
		return confirm(ctx, tx, sid, ms(at))
	})
}

// permitted is the state in which a session may be or become live: not ended, its user and its client enabled.
const permitted = ` AND ended_at = 0
	AND EXISTS (SELECT 1 FROM users WHERE users.id = sessions.user_id AND users.disabled_at = 0)
	AND (client_id = '' OR EXISTS (SELECT 1 FROM clients WHERE clients.id = sessions.client_id AND clients.disabled_at = 0))`

func confirm(ctx context.Context, tx *runner, sid string, at int64) (c store.Confirmed, err error) {
	c.Session, err = single(ctx, tx, scanSession, `UPDATE sessions SET confirmed_at = $2, seen_at = $2
		WHERE id = $1 AND confirmed_at = 0`+permitted+` RETURNING `+sessionColumns, sid, at)
	switch {
	case err == nil:
		err = settle(ctx, tx, c.Session)
	case errors.Is(err, store.ErrNotFound): // confirmed before, or never to be
		c.Session, err = single(ctx, tx, scanSession, `SELECT `+sessionColumns+` FROM sessions
			WHERE id = $1 AND confirmed_at <> 0`+permitted, sid)
	}
	if errors.Is(err, store.ErrNotFound) {
		return c, store.ErrRefused
	}
	if err != nil {
		return c, err
	}
	c.Replaced, err = all(ctx, tx, text, `SELECT id FROM sessions WHERE `+unended+`
		AND replaced_by = $2 ORDER BY id`, c.Session.UserID, sid)
	if err != nil {
		return c, err
	}
	c.User, err = single(ctx, tx, scanUser, `SELECT `+userColumns+` FROM users WHERE id = $1`, c.Session.UserID)
	return c, err
}

// settle notes on the device what a session that was just confirmed means for it: it was seen, it is known to the user,
// and the older sessions of the same client are replaced. That stands on their rows, so that a confirmation whose answer
// was lost gives the same answer again.
func settle(ctx context.Context, tx *runner, s store.Session) error {
	if s.DeviceID == "" {
		return nil
	}
	if err := used(ctx, tx, s.ClientID, s.SeenAt); err != nil {
		return err
	}
	_, err := tx.exec(ctx, `UPDATE devices SET last_seen = $2 WHERE id = $1 AND last_seen < $2`, s.DeviceID, ms(s.SeenAt))
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO device_users (device_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, s.DeviceID, s.UserID)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, replaceOlder, s.UserID, s.DeviceID, s.ID, s.ClientID)
	return err
}

const replaceOlder = `UPDATE sessions SET replaced_by = $3 WHERE ` + onDevice + ` AND client_id || '' = $4 AND id <> $3 AND confirmed_at <> 0`

// EndSession implements store.Records.
func (d *DB) EndSession(ctx context.Context, sid, reason string, at time.Time) (store.Ended, error) {
	return answer(ctx, d.hard, func(ctx context.Context, tx *runner) (store.Ended, error) {
		n, err := tx.exec(ctx, `UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at = 0`, sid, ms(at), reason)
		if err != nil {
			return store.Ended{}, err
		}
		row, err := session(ctx, tx, sid)
		s := store.Ended{Session: row, First: n > 0}
		if err != nil || !s.First && !leftOpen(row, reason) {
			return s, err
		}
		if err := release(ctx, tx, s.DeviceID); err != nil || store.Silent(reason) {
			return s, err
		}
		if s.Took, err = endOpened(ctx, tx, sid, reason, ms(at)); err != nil {
			return s, err
		}
		return s, noteLogouts(ctx, tx, sid, ms(at))
	})
}

// GrantGone implements store.Records.
func (d *DB) GrantGone(ctx context.Context, sid string, at time.Time) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		_, err := tx.exec(ctx, `UPDATE sessions SET grant_gone_at = $2
			WHERE id = $1 AND ended_at <> 0 AND grant_gone_at = 0`, sid, ms(at))
		return err
	})
}

// Recheck implements store.Records.
func (d *DB) Recheck(ctx context.Context, sid string, seen, next time.Time) error {
	return d.soft.write(ctx, func(ctx context.Context, tx *runner) error {
		_, err := tx.exec(ctx, `UPDATE sessions SET check_at = $3, seen_at = CASE WHEN seen_at < $2 THEN $2 ELSE seen_at END
			WHERE id = $1 AND ended_at = 0`, sid, ms(seen), ms(next))
		return err
	})
}
