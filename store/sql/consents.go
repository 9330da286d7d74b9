package sql

import (
	"context"
	"slices"

	"github.com/handclasp/handclasp/store"
)

const consentColumns = `user_id, client_id, scope, created_at, updated_at`

func scanConsent(row scanner) (c store.Consent, err error) {
	err = row.Scan(&c.UserID, &c.ClientID, wordsInto(&c.Scope), timeInto(&c.CreatedAt), timeInto(&c.UpdatedAt))
	return c, err
}

// AddConsent implements store.Records.
func (d *DB) AddConsent(ctx context.Context, c store.Consent) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		old, err := all(ctx, tx, scanConsent, `SELECT `+consentColumns+` FROM consents WHERE user_id = $1 AND client_id = $2`,
			c.UserID, c.ClientID)
		if err != nil {
			return err
		}
		scope := c.Scope
		for _, o := range old {
			scope = slices.Concat(o.Scope, c.Scope)
		}
		slices.Sort(scope)
		_, err = tx.exec(ctx, `INSERT INTO consents (`+consentColumns+`) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (user_id, client_id) DO UPDATE SET scope = excluded.scope, updated_at = excluded.updated_at`,
			c.UserID, c.ClientID, words(slices.Compact(scope)), ms(c.CreatedAt), ms(c.UpdatedAt))
		return err
	})
}

// Consent implements store.Records.
func (d *DB) Consent(ctx context.Context, userID, clientID string) (store.Consent, error) {
	return single(ctx, d.read, scanConsent, `SELECT `+consentColumns+` FROM consents WHERE user_id = $1 AND client_id = $2`,
		userID, clientID)
}

// Consents implements store.Records.
func (d *DB) Consents(ctx context.Context, userID string) ([]store.Consent, error) {
	return all(ctx, d.read, scanConsent, `SELECT `+consentColumns+` FROM consents WHERE user_id = $1 ORDER BY client_id`, userID)
}

// RemoveConsent implements store.Records.
func (d *DB) RemoveConsent(ctx context.Context, userID, clientID string) error {
	return d.claims(ctx, store.ErrNotFound, `DELETE FROM consents WHERE user_id = $1 AND client_id = $2`, userID, clientID)
}
