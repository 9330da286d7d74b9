package sql

import (
	"context"
	"errors"
	"slices"

	"github.com/handclasp/handclasp/store"
)

const resourceColumns = `id, name, dpop, created_at, updated_at`

func scanResource(row scanner) (r store.Resource, err error) {
	err = row.Scan(&r.ID, &r.Name, bitInto(&r.DPoP), timeInto(&r.CreatedAt), timeInto(&r.UpdatedAt))
	return r, err
}

// scopeOf is a scope with the resource that it belongs to.
type scopeOf struct {
	resource string
	store.Scope
}

func scanScope(row scanner) (s scopeOf, err error) {
	err = row.Scan(&s.resource, &s.Name, &s.Words)
	return s, err
}

// Resource implements store.Records.
func (d *DB) Resource(ctx context.Context, id string) (store.Resource, error) {
	return resourceIn(ctx, d.read, id)
}

func resourceIn(ctx context.Context, on *runner, id string) (store.Resource, error) {
	r, err := single(ctx, on, scanResource, `SELECT `+resourceColumns+` FROM resources WHERE id = $1`, id)
	if err != nil {
		return store.Resource{}, err
	}
	scopes, err := all(ctx, on, scanScope, `SELECT resource_id, name, words FROM resource_scopes
		WHERE resource_id = $1 ORDER BY position`, id)
	for _, s := range scopes {
		r.Scopes = append(r.Scopes, s.Scope)
	}
	return r, err
}

// Resources implements store.Records.
func (d *DB) Resources(ctx context.Context) ([]store.Resource, error) {
	list, err := all(ctx, d.read, scanResource, `SELECT `+resourceColumns+` FROM resources ORDER BY id`)
	if err != nil {
		return nil, err
	}
	scopes, err := all(ctx, d.read, scanScope, `SELECT resource_id, name, words FROM resource_scopes ORDER BY resource_id, position`)
	at := map[string]int{}
	for i, r := range list {
		at[r.ID] = i
	}
	for _, s := range scopes {
		if i, ok := at[s.resource]; ok { // else it was registered between the two looks
			list[i].Scopes = append(list[i].Scopes, s.Scope)
		}
	}
	return list, err
}

// CreateResource implements store.Records.
func (d *DB) CreateResource(ctx context.Context, r store.Resource) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		n, err := tx.exec(ctx, `INSERT INTO resources (`+resourceColumns+`) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING`,
			r.ID, r.Name, bit(r.DPoP), ms(r.CreatedAt), ms(r.UpdatedAt))
		if err == nil && n == 0 {
			err = store.ErrExists
		}
		if err != nil {
			return err
		}
		return insertScopes(ctx, tx, r)
	})
}

// UpdateResource implements store.Records.
func (d *DB) UpdateResource(ctx context.Context, r store.Resource) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error { return setResource(ctx, tx, r) })
}

func setResource(ctx context.Context, tx *runner, r store.Resource) error {
	n, err := tx.exec(ctx, `UPDATE resources SET name = $2, dpop = $3, updated_at = $4 WHERE id = $1`,
		r.ID, r.Name, bit(r.DPoP), ms(r.UpdatedAt))
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return err
	}
	if _, err := tx.exec(ctx, `DELETE FROM resource_scopes WHERE resource_id = $1`, r.ID); err != nil {
		return err
	}
	return insertScopes(ctx, tx, r)
}

// ReplaceResource implements store.Records. It looks inside the transaction, which no other writer overlaps.
func (d *DB) ReplaceResource(ctx context.Context, was, r store.Resource) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		now, err := resourceIn(ctx, tx, r.ID)
		if errors.Is(err, store.ErrNotFound) || err == nil && !sameResource(now, was) {
			return store.ErrChanged
		}
		if err != nil {
			return err
		}
		return setResource(ctx, tx, r)
	})
}

func sameResource(a, b store.Resource) bool {
	return a.ID == b.ID && a.Name == b.Name && a.DPoP == b.DPoP && slices.Equal(a.Scopes, b.Scopes) &&
		ms(a.CreatedAt) == ms(b.CreatedAt) && ms(a.UpdatedAt) == ms(b.UpdatedAt)
}

// insertScopes claims each name. One that is taken undoes all that its transaction wrote.
func insertScopes(ctx context.Context, tx *runner, r store.Resource) error {
	for i, s := range r.Scopes {
		n, err := tx.exec(ctx, `INSERT INTO resource_scopes (name, resource_id, words, position) VALUES ($1, $2, $3, $4)
			ON CONFLICT (name) DO NOTHING`, s.Name, r.ID, s.Words, i)
		if err == nil && n == 0 {
			err = store.ErrScopeTaken
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// DeleteResource implements store.Records.
func (d *DB) DeleteResource(ctx context.Context, id string) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		if _, err := tx.exec(ctx, `DELETE FROM resource_scopes WHERE resource_id = $1`, id); err != nil {
			return err
		}
		n, err := tx.exec(ctx, `DELETE FROM resources WHERE id = $1`, id)
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
}
