package sql

import (
	"context"
	"errors"
	"strings"

	"github.com/handclasp/handclasp/store"
)

// BeginSession implements store.Records.
func (d *DB) BeginSession(ctx context.Context, b store.Beginning) (store.Begun, error) {
	return answer(ctx, d.hard, func(ctx context.Context, tx *runner) (store.Begun, error) { return begin(ctx, tx, b) })
}

func begin(ctx context.Context, tx *runner, b store.Beginning) (store.Begun, error) {
	enabled, err := tx.has(ctx, `SELECT 1 FROM users WHERE id = $1 AND disabled_at = 0`, b.Session.UserID)
	if err != nil {
		return store.Begun{}, err
	}
	if !enabled {
		return store.Begun{}, store.ErrRefused
	}
	if b.Session.Opener != "" {
		ended, err := tx.has(ctx, `SELECT 1 FROM sessions WHERE id = $1 AND ended_at <> 0`, b.Session.Opener)
		if err != nil {
			return store.Begun{}, err
		}
		if ended {
			return store.Begun{}, store.ErrRefused
		}
	}
	older, err := session(ctx, tx, b.Session.ID)
	if err == nil {
		return beginAgain(ctx, tx, older, b)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return store.Begun{}, err
	}
	begun, err := claim(ctx, tx, b)
	if err != nil {
		return begun, err
	}
	if err := roomFor(ctx, tx, b, begun.DeviceID); err != nil {
		return store.Begun{}, err
	}
	s := b.Session
	s.DeviceID = begun.DeviceID
	if begun.StatusIndex, err = insertSession(ctx, tx, s); err != nil {
		return store.Begun{}, err
	}
	if s.Live() {
		err = settle(ctx, tx, s)
	}
	return begun, err
}

// roomFor counts the devices that the user holds besides this one. Apps in a browser are none.
func roomFor(ctx context.Context, tx *runner, b store.Beginning, device string) error {
	if b.MostDevices == 0 || device == "" || strings.HasPrefix(b.Fingerprint, store.AppFingerprint) {
		return nil
	}
	full, err := tx.has(ctx, `SELECT 1 WHERE (SELECT COUNT(DISTINCT devices.id) FROM sessions
		JOIN devices ON devices.id = sessions.device_id AND devices.fingerprint NOT LIKE $4
		WHERE sessions.user_id = $1 AND sessions.ended_at = 0 AND devices.id <> $2) >= $3`,
		b.Session.UserID, device, b.MostDevices, store.AppFingerprint+"%")
	if err == nil && full {
		err = store.ErrFull
	}
	return err
}

// beginAgain answers for a session id that is there already.
func beginAgain(ctx context.Context, tx *runner, s store.Session, b store.Beginning) (store.Begun, error) {
	if !s.EndedAt.IsZero() || s.UserID != b.Session.UserID {
		return store.Begun{}, store.ErrRefused
	}
	if b.Fingerprint != "" {
		same, err := tx.has(ctx, `SELECT 1 FROM devices WHERE id = $1 AND fingerprint = $2`, s.DeviceID, b.Fingerprint)
		if err != nil {
			return store.Begun{}, err
		}
		if !same {
			return store.Begun{}, store.ErrRefused
		}
	}
	known, err := isKnown(ctx, tx, s.DeviceID, s.UserID)
	return store.Begun{DeviceID: s.DeviceID, Known: known, StatusIndex: s.StatusIndex}, err
}

func insertAt(ctx context.Context, tx *runner, s store.Session, index int64) (bool, error) {
	n, err := tx.exec(ctx, `INSERT INTO sessions (`+sessionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 0, '', 0, $18, $19)
		ON CONFLICT (status_index) WHERE status_index <> 0 DO NOTHING`,
		s.ID, s.Kind, s.UserID, s.DeviceID, s.ClientID, words(s.Scope), words(s.Audience), words(s.AMR), s.Address, s.Name,
		s.Platform, ms(s.AuthTime), ms(s.CreatedAt), ms(s.SeenAt), ms(s.ConfirmedAt), ms(s.CheckAt), ms(s.ExpiresAt), index, s.Opener)
	return n > 0, err
}

// UndoSession implements store.Records.
func (d *DB) UndoSession(ctx context.Context, sid string) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		device, err := single(ctx, tx, text, `DELETE FROM sessions WHERE id = $1 AND confirmed_at = 0 AND ended_at = 0
			RETURNING device_id`, sid)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return release(ctx, tx, device)
	})
}
