package sql

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/handclasp/handclasp/store"
)

const clientColumns = `id, name, public, secret_hashes, require_fingerprint, grant_types, redirect_uris, scopes, audiences,
	built_in, created_at, updated_at, disabled_at, jwks, logout_uri, logout_redirect_uris, admin`

const insertClient = `INSERT INTO clients (` + clientColumns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT (id) DO NOTHING`

func scanClient(row scanner) (c store.Client, err error) {
	err = row.Scan(&c.ID, &c.Name, bitInto(&c.Public), jsonInto(&c.SecretHashes), bitInto(&c.RequireFingerprint),
		jsonInto(&c.Grants), jsonInto(&c.RedirectURIs), jsonInto(&c.Scopes), jsonInto(&c.Audiences), bitInto(&c.BuiltIn),
		timeInto(&c.CreatedAt), timeInto(&c.UpdatedAt), timeInto(&c.DisabledAt), &c.JWKS, &c.LogoutURI,
		jsonInto(&c.LogoutRedirectURIs), namesInto(&c.Admin))
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
		ms(c.CreatedAt), ms(c.UpdatedAt), ms(c.DisabledAt), c.JWKS, c.LogoutURI, lists[5], words(c.Admin)), nil
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
	return d.claims(ctx, store.ErrExists, insertClient, values...)
}

// UpdateClient implements store.Records.
func (d *DB) UpdateClient(ctx context.Context, c store.Client) error {
	values, err := clientValues(c)
	if err != nil {
		return err
	}
	return d.claims(ctx, store.ErrNotFound, setClient+` WHERE id = $1`, values...)
}

// setClient writes every column but what a client is for good. Values stand in the order of the columns, from $1 on.
var setClient = `UPDATE clients SET ` + clientTerms(1, ", ", "id", "built_in", "created_at")

// stillClient compares every column, with values that stand behind those of setClient.
var stillClient = clientTerms(len(clientNames)+1, " AND ")

var clientNames = strings.FieldsFunc(clientColumns, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })

// clientTerms is "name = $n" for each column, the first one's number being n, without those that are left out.
func clientTerms(n int, between string, without ...string) string {
	var terms []string
	for i, name := range clientNames {
		if !slices.Contains(without, name) {
			terms = append(terms, name+" = $"+strconv.Itoa(n+i))
		}
	}
	return strings.Join(terms, between)
}

// ReplaceClient implements store.Records.
func (d *DB) ReplaceClient(ctx context.Context, was, c store.Client) error {
	values, err := clientValues(c)
	if err != nil {
		return err
	}
	before, err := clientValues(was)
	if err != nil {
		return err
	}
	return d.claims(ctx, store.ErrChanged, setClient+` WHERE id = $1 AND `+stillClient, append(values, before...)...)
}

// DeleteClient implements store.Records.
func (d *DB) DeleteClient(ctx context.Context, id string) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		if _, err := tx.exec(ctx, `DELETE FROM consents WHERE client_id = $1`, id); err != nil {
			return err
		}
		n, err := tx.exec(ctx, `DELETE FROM clients WHERE id = $1`, id)
		if err == nil && n == 0 {
			return store.ErrNotFound
		}
		return err
	})
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
