package sql

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/handclasp/handclasp/store"
)

// AddSecret implements store.Records. It looks, and writes only over the list that it looked at.
func (d *DB) AddSecret(ctx context.Context, id, hash string) (store.Client, error) {
	for {
		c, err := d.Client(ctx, id)
		if err != nil {
			return store.Client{}, err
		}
		if c.Public {
			return store.Client{}, store.ErrRefused
		}
		before, err := asJSON(c.SecretHashes)
		if err != nil {
			return store.Client{}, err
		}
		c.SecretHashes = slices.Insert(c.SecretHashes, 0, hash)
		c.SecretHashes = c.SecretHashes[:min(len(c.SecretHashes), store.SecretsMost)]
		after, err := asJSON(c.SecretHashes)
		if err != nil {
			return store.Client{}, err
		}
		now := d.now().UTC().Truncate(time.Millisecond) // as it is kept
		err = d.claims(ctx, errFaster, `UPDATE clients SET secret_hashes = $3, updated_at = $4
			WHERE id = $1 AND secret_hashes = $2 AND public = 0`, id, before, after, ms(now))
		if errors.Is(err, errFaster) {
			continue // somebody was faster: look again
		}
		c.UpdatedAt = now
		return c, err
	}
}
