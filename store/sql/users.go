package sql

import (
	"context"
	"time"

	"github.com/handclasp/handclasp/store"
)

const userColumns = `id, email, name, created_at, verified_at, disabled_at`

func scanUser(row scanner) (u store.User, err error) {
	err = row.Scan(&u.ID, &u.Email, &u.Name, timeInto(&u.CreatedAt), timeInto(&u.VerifiedAt), timeInto(&u.DisabledAt))
	return u, err
}

// User implements store.Records.
func (d *DB) User(ctx context.Context, id string) (store.User, error) {
	return single(ctx, d.read, scanUser, `SELECT `+userColumns+` FROM users WHERE id = $1 AND removed_at = 0`, id)
}

// UserByEmail implements store.Records.
func (d *DB) UserByEmail(ctx context.Context, email string) (store.User, error) {
	return single(ctx, d.read, scanUser, `SELECT `+userColumns+` FROM users WHERE email = $1`, email)
}

// Users implements store.Records.
func (d *DB) Users(ctx context.Context, after string, limit int) ([]store.User, error) {
	return all(ctx, d.read, scanUser, `SELECT `+userColumns+` FROM users
		WHERE id > $1 AND removed_at = 0 ORDER BY id LIMIT $2`, after, limit)
}

// EnsureUser implements store.Records.
func (d *DB) EnsureUser(ctx context.Context, u store.User) (store.User, bool, error) {
	type ensured struct {
		store.User
		created bool
	}
	got, err := answer(ctx, d.hard, func(ctx context.Context, tx *runner) (e ensured, err error) {
		n, err := tx.exec(ctx, `INSERT INTO users (`+userColumns+`) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (email) DO NOTHING`,
			u.ID, u.Email, u.Name, ms(u.CreatedAt), ms(u.VerifiedAt), ms(u.DisabledAt))
		if err != nil {
			return e, err
		}
		e.created = n > 0
		if !e.created {
			_, err = tx.exec(ctx, `UPDATE users SET verified_at = $2 WHERE email = $1 AND verified_at = 0`, u.Email, ms(u.VerifiedAt))
			if err != nil {
				return e, err
			}
		}
		e.User, err = single(ctx, tx, scanUser, `SELECT `+userColumns+` FROM users WHERE email = $1`, u.Email)
		return e, err
	})
	return got.User, got.created && err == nil, err
}

// Invite implements store.Records.
func (d *DB) Invite(ctx context.Context, email, by string, at time.Time) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		_, err := tx.exec(ctx, `INSERT INTO invites (email, invited_by, invited_at) VALUES ($1, $2, $3)
			ON CONFLICT (email) DO NOTHING`, email, by, ms(at))
		return err
	})
}

// Invited implements store.Records.
func (d *DB) Invited(ctx context.Context, email string) (bool, error) {
	return d.read.has(ctx, `SELECT 1 FROM invites WHERE email = $1`, email)
}

// SetDisabled implements store.Records.
func (d *DB) SetDisabled(ctx context.Context, userID string, disabled bool, at time.Time) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		// The change counts as newer than whatever has been followed, even if this replica's clock is behind.
		n, err := tx.exec(ctx, `UPDATE users SET
			disabled_at = CASE WHEN $2 = 0 THEN 0 WHEN disabled_at <> 0 THEN disabled_at ELSE $3 END,
			changed_ns = CASE WHEN $4 > changed_ns AND $4 > followed_ns THEN $4
				WHEN changed_ns > followed_ns THEN changed_ns ELSE followed_ns + 1 END
			WHERE id = $1 AND removed_at = 0`, userID, bit(disabled), ms(at), at.UnixNano())
		if err == nil && n == 0 {
			return store.ErrNotFound
		}
		return err
	})
}

// PendingChanges implements store.Records.
func (d *DB) PendingChanges(ctx context.Context, limit int) ([]string, error) {
	return all(ctx, d.read, text, `SELECT id FROM users WHERE changed_ns > followed_ns ORDER BY id LIMIT $1`, limit)
}

// ChangeDone implements store.Records.
func (d *DB) ChangeDone(ctx context.Context, userID string, at time.Time) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		_, err := tx.exec(ctx, `UPDATE users SET followed_ns = $2 WHERE id = $1 AND followed_ns < $2`, userID, at.UnixNano())
		return err
	})
}
