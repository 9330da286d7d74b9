package sql

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// busyPatience is how long a writer waits for another process's transaction, if its context lets it.
const busyPatience = 5 * time.Second

// errBroken: a step panicked. Everybody who shared its commit hears so, and the writer goes on.
var errBroken = errors.New("the transaction was broken off")

// begin takes SQLite's write lock at once, so that no transaction fails halfway because another process wrote meanwhile.
func (w *writer) begin(ctx context.Context) error {
	return patiently(ctx, func() error {
		_, err := w.exec(context.WithoutCancel(ctx), "BEGIN IMMEDIATE")
		return err
	})
}

// patiently tries again while another process is in the way, as long as ctx and busyPatience allow. SQLite's own waiting
// cannot be interrupted, and it does not wait at all where it fears a deadlock, as when two processes make the file.
func patiently(ctx context.Context, try func() error) error {
	started := time.Now()
	for wait := 200 * time.Microsecond; ; wait = min(2*wait, 10*time.Millisecond) {
		err := try()
		if !busy(err) {
			return err
		}
		if ctx.Err() == nil && time.Since(started) > busyPatience { // who has left is told so, and not that the file is locked
			return fmt.Errorf("another process keeps the database locked: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another process keeps the database locked: %w", ctx.Err())
		case <-time.After(wait/2 + rand.N(wait)): // at random, lest two processes wait in step
		}
	}
}

// commit runs a batch and answers each of its jobs.
func (w *writer) commit(ctx context.Context, batch []*job) {
	results, err := make([]error, len(batch)), errBroken
	defer func() {
		for i, j := range batch {
			if err != nil {
				results[i] = err // also of who was refused: it may have looked at what is rolled back now
			}
			j.done <- results[i]
		}
	}()
	err = w.transact(ctx, batch, results)
}

// transact ends the transaction that has begun. Its error concerns all jobs, results hold what concerns one.
func (w *writer) transact(ctx context.Context, batch []*job, results []error) (err error) {
	committed := false
	defer func() {
		if !committed {
			_, _ = w.exec(ctx, "ROLLBACK") // fails if SQLite has rolled back already, as it does when the disk is full
		}
	}()
	if len(batch) == 1 {
		if results[0] = batch[0].do(ctx, w.runner); results[0] != nil {
			return nil
		}
	} else {
		for i, j := range batch {
			if results[i], err = w.apart(ctx, j.do); err != nil {
				return err
			}
		}
	}
	_, err = w.exec(ctx, "COMMIT")
	committed = err == nil
	return err
}

// apart runs one of several jobs so that its refusal undoes its own writes and no other's.
func (w *writer) apart(ctx context.Context, do step) (refusal, err error) {
	if _, err = w.exec(ctx, "SAVEPOINT job"); err != nil {
		return nil, err
	}
	if refusal = do(ctx, w.runner); refusal != nil {
		if _, err = w.exec(ctx, "ROLLBACK TO job"); err != nil {
			return refusal, errors.Join(err, refusal)
		}
	}
	_, err = w.exec(ctx, "RELEASE job")
	return refusal, err
}

// busy reports whether another connection holds the lock that was asked for.
func busy(err error) bool {
	failure, ok := errors.AsType[*sqlite.Error](err)
	return ok && failure.Code()&0xff == sqlite3.SQLITE_BUSY
}
