package sql

import (
	"context"

	"github.com/handclasp/handclasp/store"
)

const inviteColumns = `id, token, note, uses, uses_left, created_at, expires_at`

func scanInvite(row scanner) (i store.ClientInvite, err error) {
	err = row.Scan(&i.ID, &i.Token, &i.Note, &i.Uses, &i.Left, timeInto(&i.CreatedAt), timeInto(&i.ExpiresAt))
	return i, err
}

// CreateClientInvite implements store.Records.
func (d *DB) CreateClientInvite(ctx context.Context, i store.ClientInvite) error {
	return d.claims(ctx, store.ErrExists, `INSERT INTO client_invites (`+inviteColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT DO NOTHING`, i.ID, i.Token, i.Note, i.Uses, i.Left, ms(i.CreatedAt), ms(i.ExpiresAt))
}

// ClientInvites implements store.Records.
func (d *DB) ClientInvites(ctx context.Context) ([]store.ClientInvite, error) {
	return all(ctx, d.read, scanInvite, `SELECT `+inviteColumns+` FROM client_invites ORDER BY id`)
}

// DeleteClientInvite implements store.Records.
func (d *DB) DeleteClientInvite(ctx context.Context, id string) error {
	return d.claims(ctx, store.ErrNotFound, `DELETE FROM client_invites WHERE id = $1`, id)
}
