package sql

import (
	"context"
	"errors"
	"slices"

	"github.com/handclasp/handclasp/store"
)

const eventColumns = `id, happened, type, actor, target, user_id, session_id, client_id, device_id, address, request_id,
	result, detail`

func scanEvent(row scanner) (e store.Event, err error) {
	err = row.Scan(&e.ID, timeInto(&e.Time), &e.Type, &e.Actor, &e.Target, &e.UserID, &e.SessionID, &e.ClientID,
		&e.DeviceID, &e.Address, &e.RequestID, &e.Result, &e.Detail)
	return e, err
}

// AddEvents implements store.Records.
func (d *DB) AddEvents(ctx context.Context, events ...store.Event) error {
	if len(events) == 0 {
		return nil
	}
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		for _, e := range events {
			if err := addEvent(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// addEvent leaves alone what is there already. That is no error if it is the same: the commit before was slow, and whoever made
// it did not wait for its end.
func addEvent(ctx context.Context, tx *runner, e store.Event) error {
	n, err := tx.exec(ctx, `INSERT INTO events (`+eventColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (id) DO NOTHING`,
		e.ID, ms(e.Time), e.Type, e.Actor, e.Target, e.UserID, e.SessionID, e.ClientID, e.DeviceID, e.Address,
		e.RequestID, e.Result, e.Detail)
	if err != nil || n > 0 {
		return err
	}
	kept, err := single(ctx, tx, scanEvent, `SELECT `+eventColumns+` FROM events WHERE id = $1`, e.ID)
	if err != nil {
		return err
	}
	if ms(kept.Time) == ms(e.Time) {
		kept.Time = e.Time
	}
	if kept != e {
		return errors.New("there is another event with the id " + e.ID)
	}
	return nil
}

// Events implements store.Records.
func (d *DB) Events(ctx context.Context, after string, limit int) ([]store.Event, error) {
	if after == "" && limit < 0 {
		newest, err := all(ctx, d.read, scanEvent, `SELECT `+eventColumns+` FROM events ORDER BY id DESC LIMIT $1`, -limit)
		slices.Reverse(newest)
		return newest, err
	}
	return all(ctx, d.read, scanEvent, `SELECT `+eventColumns+` FROM events WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
}
