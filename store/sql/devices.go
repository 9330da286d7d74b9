package sql

import (
	"context"
	"errors"

	"github.com/handclasp/handclasp/store"
)

const deviceColumns = `id, fingerprint, owner_id, name, platform, first_seen, last_seen`

func scanDevice(row scanner) (v store.Device, err error) {
	err = row.Scan(&v.ID, &v.Fingerprint, &v.OwnerID, &v.Name, &v.Platform, timeInto(&v.FirstSeen), timeInto(&v.LastSeen))
	return v, err
}

// Device implements store.Records.
func (d *DB) Device(ctx context.Context, id string) (store.Device, error) {
	return single(ctx, d.read, scanDevice, `SELECT `+deviceColumns+` FROM devices WHERE id = $1`, id)
}

// KnownDevice implements store.Records.
func (d *DB) KnownDevice(ctx context.Context, userID, fingerprint string) (bool, error) {
	return d.read.has(ctx, `SELECT 1 FROM devices JOIN device_users ON device_users.device_id = devices.id
		WHERE devices.fingerprint = $1 AND devices.fingerprint <> '' AND device_users.user_id = $2`, fingerprint, userID)
}

// KnownApp implements store.Records.
func (d *DB) KnownApp(ctx context.Context, userID, clientID string) (bool, error) {
	return d.read.has(ctx, `SELECT 1 FROM sessions WHERE user_id = $1 AND client_id = $2 AND confirmed_at <> 0 LIMIT 1`, userID, clientID)
}

func isKnown(ctx context.Context, r *runner, deviceID, userID string) (bool, error) {
	return r.has(ctx, `SELECT 1 FROM device_users WHERE device_id = $1 AND user_id = $2`, deviceID, userID)
}

// claim gives the device of a session that begins to its user, or says who stands in the way.
func claim(ctx context.Context, tx *runner, b store.Beginning) (store.Begun, error) {
	s := b.Session
	if s.Kind == store.KindBrowser && b.Fingerprint == "" {
		return store.Begun{}, nil
	}
	var id, owner string
	err := tx.one(ctx, `INSERT INTO devices (`+deviceColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $6)
		ON CONFLICT (fingerprint) WHERE fingerprint <> '' DO UPDATE SET fingerprint = excluded.fingerprint RETURNING id, owner_id`,
		[]any{store.NewID(store.DevicePrefix), b.Fingerprint, s.UserID, s.Name, s.Platform, ms(s.CreatedAt)}, &id, &owner)
	if err != nil {
		return store.Begun{}, err
	}
	begun := store.Begun{DeviceID: id}
	if owner != s.UserID {
		begun.Rival, err = single(ctx, tx, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE `+onDevice+`
			ORDER BY confirmed_at DESC, id LIMIT 1`, owner, id)
		if err == nil {
			return begun, store.ErrConflict
		}
		if !errors.Is(err, store.ErrNotFound) {
			return store.Begun{}, err
		}
	}
	_, err = tx.exec(ctx, `UPDATE devices SET owner_id = $2, name = $3, platform = $4 WHERE id = $1`, id, s.UserID, s.Name, s.Platform)
	if err != nil {
		return store.Begun{}, err
	}
	begun.Known, err = isKnown(ctx, tx, id, s.UserID)
	return begun, err
}

// release frees a device if no live or provisional session is left on it; all that there are belong to its owner.
func release(ctx context.Context, tx *runner, deviceID string) error {
	_, err := tx.exec(ctx, freeDevice, deviceID)
	return err
}

const freeDevice = `UPDATE devices SET owner_id = '' WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM sessions
	WHERE sessions.user_id = devices.owner_id AND sessions.ended_at = 0 AND sessions.device_id || '' = devices.id)`
