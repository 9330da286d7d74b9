package sql

import (
	"context"
	"time"

	"github.com/handclasp/handclasp/store"
)

func (d *DB) sessions(ctx context.Context, where string, args ...any) ([]store.Session, error) {
	return all(ctx, d.read, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE `+where, args...)
}

// unended is what a user has that has not ended: a few dozen rows, and an index of their own (sessions_user). What has ended may be
// tens of thousands, of one device too. So nothing else in such a query may look as if it had an index: an empty text behind a
// column, or a zero, takes it out of the choice.
const unended = `user_id = $1 AND ended_at = 0`

// onDevice is what of it is on one device.
const onDevice = unended + ` AND device_id || '' = $2`

const newestFirst = ` ORDER BY created_at + 0 DESC, id DESC`

// LiveSessions implements store.Records.
func (d *DB) LiveSessions(ctx context.Context, userID string) ([]store.Session, error) {
	return d.sessions(ctx, unended+` AND confirmed_at <> 0`+newestFirst, userID)
}

// SessionsOfUser implements store.Records.
func (d *DB) SessionsOfUser(ctx context.Context, userID string) ([]store.Session, error) {
	return d.sessions(ctx, unended+newestFirst, userID)
}

// SessionsOnDevice implements store.Records.
func (d *DB) SessionsOnDevice(ctx context.Context, userID, deviceID string) ([]store.Session, error) {
	return d.sessions(ctx, onDevice+newestFirst, userID, deviceID)
}

// SessionsOfClient implements store.Records.
func (d *DB) SessionsOfClient(ctx context.Context, clientID string, limit int) ([]store.Session, error) {
	return d.sessions(ctx, `client_id = $1 AND ended_at = 0 LIMIT $2`, clientID, limit)
}

// HalfEnded implements store.Records.
func (d *DB) HalfEnded(ctx context.Context, userID, clientID string) ([]store.Session, error) {
	return d.sessions(ctx, `ended_at <> 0 AND grant_gone_at = 0 AND (user_id = $1 OR client_id = $2 AND client_id <> '')
		ORDER BY ended_at`, userID, clientID)
}

// dueWhere is what the sweeper must look at: the longest ended that are not finished, and the longest due to be checked.
// Two searches, because no index serves both.
const dueWhere = `id IN (
		SELECT id FROM (SELECT id FROM sessions WHERE ended_at <> 0 AND grant_gone_at = 0
			ORDER BY ended_at LIMIT $2) AS unfinished
		UNION ALL SELECT id FROM (SELECT id FROM sessions WHERE ended_at = 0 AND check_at > 0 AND check_at <= $1
			ORDER BY check_at LIMIT $2) AS unchecked)
	ORDER BY CASE WHEN ended_at <> 0 THEN ended_at ELSE check_at END, id LIMIT $2`

// DueSessions implements store.Records.
func (d *DB) DueSessions(ctx context.Context, now time.Time, limit int) ([]store.Session, error) {
	return d.sessions(ctx, dueWhere, ms(now), limit)
}

// EndedSince implements store.Records.
func (d *DB) EndedSince(ctx context.Context, since time.Time, after string, limit int) ([]store.Session, error) {
	return d.sessions(ctx, `ended_at <> 0 AND ended_at >= $1 AND id > $2 ORDER BY id LIMIT $3`, ms(since), after, limit)
}
