package sql

import (
	"context"
	"time"

	"github.com/handclasp/handclasp/store"
)

// leftOpen reports whether something may hang on a browser session that has ended: one that ran out took nothing along.
func leftOpen(s store.Session, reason string) bool {
	return s.Kind == store.KindBrowser && store.Silent(s.EndReason) && reason != ""
}

// opened is what hangs on a browser session. The word that it is not empty is what its index goes by.
const opened = `opener = $1 AND opener <> '' AND ended_at = 0`

// endOpened ends what hangs on a browser session that has just ended, and frees their devices.
func endOpened(ctx context.Context, tx *runner, sid, reason string, at int64) ([]store.Session, error) {
	rows, err := all(ctx, tx, scanSession, `UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE `+opened+` RETURNING `+sessionColumns,
		sid, at, reason)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if err := release(ctx, tx, row.DeviceID); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// noteLogouts writes down whom to tell of this end and of those that came with it. An app that never asked for an ID
// token does not know the session's name.
func noteLogouts(ctx context.Context, tx *runner, sid string, at int64) error {
	_, err := tx.exec(ctx, insertLogouts, sid, at)
	return err
}

const insertLogouts = `INSERT INTO logouts (sid, client_id, user_id, ended_at, due_at, tries)
	SELECT sessions.id, clients.id, sessions.user_id, $2, $2, 0
	FROM sessions JOIN clients ON clients.id = sessions.client_id AND clients.logout_uri <> ''
	WHERE (sessions.id = $1 OR sessions.opener = $1 AND sessions.opener <> '') AND sessions.ended_at = $2
		AND sessions.confirmed_at <> 0 AND ' ' || sessions.scope || ' ' LIKE '% openid %'
	ON CONFLICT (sid) DO NOTHING`

// MoveOpened implements store.Records.
func (d *DB) MoveOpened(ctx context.Context, from, to string) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		_, err := tx.exec(ctx, `UPDATE sessions SET opener = $2 WHERE `+opened, from, to)
		return err
	})
}

// DueLogouts implements store.Logouts.
func (d *DB) DueLogouts(ctx context.Context, now time.Time, limit int) ([]store.Logout, error) {
	return all(ctx, d.read, func(row scanner) (l store.Logout, err error) {
		err = row.Scan(&l.SID, &l.ClientID, &l.UserID, timeInto(&l.EndedAt), timeInto(&l.DueAt), &l.Tries)
		return l, err
	}, `SELECT sid, client_id, user_id, ended_at, due_at, tries FROM logouts WHERE due_at <= $1 ORDER BY due_at LIMIT $2`,
		ms(now), limit)
}

// ClaimLogout implements store.Logouts.
func (d *DB) ClaimLogout(ctx context.Context, l store.Logout, next time.Time) error {
	return d.claims(ctx, store.ErrNotFound, `UPDATE logouts SET tries = tries + 1, due_at = $3 WHERE sid = $1 AND tries = $2`,
		l.SID, l.Tries, ms(next))
}

// DropLogout implements store.Logouts.
func (d *DB) DropLogout(ctx context.Context, sid string) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		_, err := tx.exec(ctx, `DELETE FROM logouts WHERE sid = $1`, sid)
		return err
	})
}
