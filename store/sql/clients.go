package sql

import (
	"context"

	"github.com/handclasp/handclasp/store"
)

const clientColumns = `id, name, public, secret_hashes, require_fingerprint, grant_types, redirect_uris, scopes, audiences,
	built_in, created_at, updated_at, disabled_at, jwks, logout_uri, logout_redirect_uris`

func scanClient(row scanner) (c store.Client, err error) {
	err = row.Scan(&c.ID, &c.Name, bitInto(&c.Public), jsonInto(&c.SecretHashes), bitInto(&c.RequireFingerprint),
		jsonInto(&c.Grants), jsonInto(&c.RedirectURIs), jsonInto(&c.Scopes), jsonInto(&c.Audiences), bitInto(&c.BuiltIn),
		timeInto(&c.CreatedAt), timeInto(&c.UpdatedAt), timeInto(&c.DisabledAt), &c.JWKS, &c.LogoutURI,
		jsonInto(&c.LogoutRedirectURIs))
	return c, err
}

// clientValues are the columns of a client, in their order.
func clientValues(c store.Client) ([]any, error) {
	values := []any{c.ID, c.Name, bit(c.Public)}
	lists := make([]string, 6)
	for i, list := range []any{c.SecretHashes, c.Grants, c.RedirectURIs, c.Scopes, c.Audiences, c.LogoutRedirectURIs} {
		var err error
		if lists[i], err = asJSON(list); err != nil {
			return nil, err
		}
	}
	return append(values, lists[0], bit(c.RequireFingerprint), lists[1], lists[2], lists[3], lists[4], bit(c.BuiltIn),
		ms(c.CreatedAt), ms(c.UpdatedAt), ms(c.DisabledAt), c.JWKS, c.LogoutURI, lists[5]), nil
}

// Client implements store.Records.
func (d *DB) Client(ctx context.Context, id string) (store.Client, error) {
	return single(ctx, d.read, scanClient, `SELECT `+clientColumns+` FROM clients WHERE id = $1`, id)
}

// Clients implements store.Records.
func (d *DB) Clients(ctx context.Context) ([]store.Client, error) {
	return all(ctx, d.read, scanClient, `SELECT `+clientColumns+` FROM clients ORDER BY id`)
}

// CreateClient implements store.Records.
func (d *DB) CreateClient(ctx context.Context, c store.Client) error {
	values, err := clientValues(c)
	if err != nil {
		return err
	}
	return d.claims(ctx, store.ErrExists, `INSERT INTO clients (`+clientColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT (id) DO NOTHING`, values...)
}

// UpdateClient implements store.Records.
func (d *DB) UpdateClient(ctx context.Context, c store.Client) error {
	values, err := clientValues(c)
	if err != nil {
		return err
	}
	return d.claims(ctx, store.ErrNotFound, `UPDATE clients SET name = $2, public = $3, secret_hashes = $4,
		require_fingerprint = $5, grant_types = $6, redirect_uris = $7, scopes = $8, audiences = $9, updated_at = $12,
		disabled_at = $13, jwks = $14, logout_uri = $15, logout_redirect_uris = $16 WHERE id = $1`, values...)
}

// DeleteClient implements store.Records.
func (d *DB) DeleteClient(ctx context.Context, id string) error {
	return d.claims(ctx, store.ErrNotFound, `DELETE FROM clients WHERE id = $1`, id)
}

// claims runs one hard statement that must change a row; otherwise the answer is refusal.
func (d *DB) claims(ctx context.Context, refusal error, text string, args ...any) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		n, err := tx.exec(ctx, text, args...)
		if err == nil && n == 0 {
			return refusal
		}
		return err
	})
}
