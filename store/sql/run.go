package sql

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/handclasp/handclasp/store"
)

// runner runs SQL on one connection or pool and prepares each text once. Its texts are constants, so their number is
// bounded.
type runner struct {
	prepare  func(ctx context.Context, text string) (*sql.Stmt, error)
	mu       sync.RWMutex
	prepared map[string]*sql.Stmt
}

func (r *runner) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	r.mu.RLock()
	s := r.prepared[text]
	r.mu.RUnlock()
	if s != nil {
		return s, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.prepared[text]; s != nil {
		return s, nil
	}
	// It outlives the request that needs it first.
	s, err := r.prepare(context.WithoutCancel(ctx), text) //nolint:sqlclosecheck // close closes it
	if err != nil {
		return nil, err
	}
	if r.prepared == nil {
		r.prepared = map[string]*sql.Stmt{}
	}
	r.prepared[text] = s
	return s, nil
}

func (r *runner) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.prepared {
		_ = s.Close() // its connection is closed next
	}
	clear(r.prepared)
}

// exec runs a statement and answers how many rows it changed.
func (r *runner) exec(ctx context.Context, text string, args ...any) (int64, error) {
	s, err := r.stmt(ctx, text) //nolint:sqlclosecheck // it is kept
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// one reads one row into dest. No row is store.ErrNotFound.
func (r *runner) one(ctx context.Context, text string, args []any, dest ...any) error {
	_, err := single(ctx, r, func(row scanner) (struct{}, error) { return struct{}{}, row.Scan(dest...) }, text, args...)
	return err
}

// has reports whether there is a row.
func (r *runner) has(ctx context.Context, text string, args ...any) (bool, error) {
	var one int
	err := r.one(ctx, text, args, &one)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// scanner is a row that is read column by column.
type scanner interface{ Scan(dest ...any) error }

// all reads every row by scan.
func all[T any](ctx context.Context, r *runner, scan func(scanner) (T, error), text string, args ...any) ([]T, error) {
	s, err := r.stmt(ctx, text) //nolint:sqlclosecheck // it is kept
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err has what went wrong
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// single reads one row by scan. No row is store.ErrNotFound.
func single[T any](ctx context.Context, r *runner, scan func(scanner) (T, error), text string, args ...any) (T, error) {
	var none T
	s, err := r.stmt(ctx, text) //nolint:sqlclosecheck // it is kept
	if err != nil {
		return none, err
	}
	v, err := scan(s.QueryRowContext(ctx, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return none, store.ErrNotFound
	}
	return v, err
}

// text reads a row of one TEXT column.
func text(row scanner) (s string, err error) {
	err = row.Scan(&s)
	return s, err
}
