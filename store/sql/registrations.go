package sql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/handclasp/handclasp/store"
)

const registrationColumns = `client_id, origin, auth_method, token, before, invite_id, created_at, rotated_at, used_at,
	leaving_at, fresh_until`

func scanRegistration(row scanner) (r store.Registration, err error) {
	err = row.Scan(&r.ClientID, &r.Origin, &r.AuthMethod, &r.Token, &r.Before, &r.InviteID, timeInto(&r.CreatedAt),
		timeInto(&r.RotatedAt), timeInto(&r.UsedAt), timeInto(&r.LeavingAt), timeInto(&r.FreshUntil))
	return r, err
}

// Registration implements store.Records.
func (d *DB) Registration(ctx context.Context, clientID string) (store.Registration, error) {
	return single(ctx, d.read, scanRegistration, `SELECT `+registrationColumns+` FROM registrations WHERE client_id = $1`, clientID)
}

// OwnNames implements store.Records.
func (d *DB) OwnNames(ctx context.Context) ([]string, error) {
	return all(ctx, d.read, text, `SELECT name FROM clients
		WHERE NOT EXISTS (SELECT 1 FROM registrations WHERE client_id = clients.id) ORDER BY id`)
}

// RegisterClient implements store.Records.
func (d *DB) RegisterClient(ctx context.Context, c store.Client, r store.Registration, invite string, most int) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		if invite != "" {
			err := tx.one(ctx, `UPDATE client_invites SET uses_left = uses_left - 1
				WHERE token = $1 AND uses_left > 0 AND expires_at > $2 RETURNING id`, []any{invite, ms(r.CreatedAt)}, &r.InviteID)
			if err != nil {
				return or(err, store.ErrNotFound, store.ErrRefused)
			}
		}
		return register(ctx, tx, c, r, most)
	})
}

// register inserts a client and what stands beside it.
func register(ctx context.Context, tx *runner, c store.Client, r store.Registration, most int) error {
	values, err := clientValues(c)
	if err != nil {
		return err
	}
	if n, err := tx.exec(ctx, insertClient, values...); err != nil || n == 0 {
		return orIfNone(err, store.ErrExists)
	}
	n, err := tx.exec(ctx, `INSERT INTO registrations (`+registrationColumns+`)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 WHERE (SELECT COUNT(*) FROM registrations) < $12`,
		c.ID, string(r.Origin), r.AuthMethod, r.Token, r.Before, r.InviteID, ms(r.CreatedAt), ms(r.RotatedAt), ms(r.UsedAt),
		ms(r.LeavingAt), ms(r.FreshUntil), most)
	if err != nil || n == 0 {
		return orIfNone(err, store.ErrFull)
	}
	return nil
}

// or is err, or other in place of one word.
func or(err, word, other error) error {
	if errors.Is(err, word) {
		return other
	}
	return err
}

// orIfNone is err, or the refusal if there is none: no row was changed.
func orIfNone(err, refusal error) error {
	if err != nil {
		return err
	}
	return refusal
}

// stillTheirs is what a presented registration access token must fit: $1 is the client, $2 the presented hash, $3 the time
// after which the token before must have been replaced.
const stillTheirs = `client_id = $1 AND token <> '' AND (token = $2 OR before = $2 AND rotated_at > $3)`

// RestateClient implements store.Records. A retry with the token before rotates again and leaves the time alone, so that its
// grace ends some day.
func (d *DB) RestateClient(ctx context.Context, c store.Client, r store.Registration, presented string, at time.Time) error {
	values, err := clientValues(c)
	if err != nil {
		return err
	}
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		n, err := tx.exec(ctx, `UPDATE registrations SET rotated_at = CASE WHEN token = $2 THEN $4 ELSE rotated_at END,
			before = $2, token = $5, auth_method = $6 WHERE `+stillTheirs+` AND leaving_at = 0`,
			c.ID, presented, ms(at.Add(-store.RegistrationGrace)), ms(at), r.Token, r.AuthMethod)
		if err != nil || n == 0 {
			return orIfNone(err, store.ErrNotFound)
		}
		return restate(ctx, tx, c, values, at)
	})
}

// restate writes what a client may say of itself, and nothing that only an operator may. Whoever goes by another name or to another
// address than the one that people have said yes to is asked for again.
func restate(ctx context.Context, tx *runner, c store.Client, values []any, at time.Time) error {
	was, err := single(ctx, tx, scanClient, `SELECT `+clientColumns+` FROM clients WHERE id = $1 AND disabled_at = 0`, c.ID)
	if err != nil {
		return err
	}
	if was.Name != c.Name || !sameSet(was.RedirectURIs, c.RedirectURIs) {
		if _, err := tx.exec(ctx, `DELETE FROM consents WHERE client_id = $1`, c.ID); err != nil {
			return err
		}
	}
	n, err := tx.exec(ctx, `UPDATE clients SET name = $2, public = $3, secret_hashes = $4, grant_types = $5,
		redirect_uris = $6, scopes = $7, jwks = $8, updated_at = $9, logout_redirect_uris = $10 WHERE id = $1 AND disabled_at = 0`,
		values[0], values[1], values[2], values[3], values[5], values[6], values[7], values[13], ms(at), values[15])
	if err != nil || n == 0 {
		return orIfNone(err, store.ErrNotFound)
	}
	return nil
}

// sameSet compares lists whose order says nothing.
func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// LeaveClient implements store.Records.
func (d *DB) LeaveClient(ctx context.Context, clientID, presented string, at time.Time) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		n, err := tx.exec(ctx, `UPDATE registrations SET leaving_at = CASE WHEN leaving_at = 0 THEN $4 ELSE leaving_at END
			WHERE `+stillTheirs+` AND (leaving_at <> 0 OR EXISTS (SELECT 1 FROM clients WHERE id = $1 AND disabled_at = 0))`,
			clientID, presented, ms(at.Add(-store.RegistrationGrace)), ms(at))
		if err != nil || n == 0 {
			return orIfNone(err, store.ErrNotFound)
		}
		_, err = tx.exec(ctx, `UPDATE clients SET disabled_at = $2, updated_at = $2 WHERE id = $1 AND disabled_at = 0`, clientID, ms(at))
		return err
	})
}

// LeavingClients implements store.Records.
func (d *DB) LeavingClients(ctx context.Context, limit int) ([]string, error) {
	return all(ctx, d.read, text, `SELECT client_id FROM registrations WHERE leaving_at <> 0 ORDER BY client_id LIMIT $1`, limit)
}

// PutDocument implements store.Records.
func (d *DB) PutDocument(ctx context.Context, c store.Client, freshUntil time.Time, most int) error {
	values, err := clientValues(c)
	if err != nil {
		return err
	}
	r := store.Registration{Origin: store.OriginDocument, AuthMethod: authMethod(c), CreatedAt: c.CreatedAt, FreshUntil: freshUntil}
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		n, err := tx.exec(ctx, `UPDATE registrations SET fresh_until = $2, auth_method = $3 WHERE client_id = $1 AND origin = $4`,
			c.ID, ms(freshUntil), r.AuthMethod, string(store.OriginDocument))
		if err != nil {
			return err
		}
		if n == 0 {
			return register(ctx, tx, c, r, most)
		}
		// One that is disabled keeps what it was.
		return or(restate(ctx, tx, c, values, c.UpdatedAt), store.ErrNotFound, nil)
	})
}

// authMethod is how a document's client proves itself: it has keys, or nothing.
func authMethod(c store.Client) string {
	if c.JWKS == "" {
		return "none"
	}
	return "private_key_jwt"
}

// used notes that somebody has begun a session with a client that no operator has registered. A day is near enough.
func used(ctx context.Context, tx *runner, clientID string, at time.Time) error {
	_, err := tx.exec(ctx, `UPDATE registrations SET used_at = $2 WHERE client_id = $1 AND used_at < $3`,
		clientID, ms(at), ms(at.Add(-24*time.Hour)))
	return err
}

// ForgetClients implements store.Records.
func (d *DB) ForgetClients(ctx context.Context, registered, passing time.Time) (int64, error) {
	gone, err := d.deleteInParts(ctx, d.hard, `DELETE FROM client_invites WHERE id IN (SELECT id FROM client_invites
		WHERE expires_at < $1 LIMIT $2)`, ms(registered))
	if err != nil {
		return gone, fmt.Errorf("forget old invites: %w", err)
	}
	for {
		n, err := answer(ctx, d.hard, func(ctx context.Context, tx *runner) (int64, error) {
			return forgetClients(ctx, tx, registered, passing)
		})
		gone += n
		if err != nil {
			return gone, fmt.Errorf("forget unused clients: %w", err)
		}
		if n < sweepMost {
			return gone, nil
		}
	}
}

// forgetClients is one part of it. A session that begins meanwhile comes before or after: after, it finds no client.
func forgetClients(ctx context.Context, tx *runner, registered, passing time.Time) (int64, error) {
	ids, err := all(ctx, tx, text, `SELECT r.client_id FROM registrations r JOIN clients c ON c.id = r.client_id
		WHERE c.disabled_at = 0 AND r.leaving_at = 0
		AND c.updated_at < CASE WHEN r.origin = 'document' OR r.used_at = 0 THEN $2 ELSE $1 END
		AND r.used_at < CASE WHEN r.origin = 'document' THEN $2 ELSE $1 END
		AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.client_id = r.client_id AND sessions.ended_at = 0)
		ORDER BY r.client_id LIMIT $3`, ms(registered), ms(passing), sweepMost)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if _, err := tx.exec(ctx, `DELETE FROM consents WHERE client_id = $1`, id); err != nil {
			return 0, err
		}
		if _, err := tx.exec(ctx, `DELETE FROM clients WHERE id = $1`, id); err != nil {
			return 0, err
		}
	}
	return int64(len(ids)), nil
}
