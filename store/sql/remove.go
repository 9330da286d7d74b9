package sql

import (
	"context"
	"time"

	"github.com/handclasp/handclasp/store"
)

// RemoveUser implements store.Records. The row stays, since sessions name it: after a failover of the tickets the sweeper
// must still find what has ended. No address has the form that takes the place of the removed one's.
func (d *DB) RemoveUser(ctx context.Context, userID string, at time.Time) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		user, err := single(ctx, tx, scanUser, `SELECT `+userColumns+` FROM users WHERE id = $1 AND removed_at = 0`, userID)
		if err != nil {
			return err
		}
		n, err := tx.exec(ctx, `UPDATE users SET email = 'removed:' || id, name = '', removed_at = $2
			WHERE id = $1 AND removed_at = 0 AND disabled_at <> 0 AND changed_ns <= followed_ns AND NOT EXISTS
				(SELECT 1 FROM sessions WHERE user_id = $1 AND (ended_at = 0 OR grant_gone_at = 0))`, userID, ms(at))
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrRefused
		}
		for _, text := range []string{`DELETE FROM consents WHERE user_id = $1`, `DELETE FROM device_users WHERE user_id = $1`} {
			if _, err := tx.exec(ctx, text, userID); err != nil {
				return err
			}
		}
		_, err = tx.exec(ctx, `DELETE FROM invites WHERE email = $1`, user.Email)
		return err
	})
}
