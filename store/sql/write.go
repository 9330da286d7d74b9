package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// writer writes through one connection. There are two, and one turn for both, because SQLite has one writer at a time and
// a queue in the process is fairer and cheaper than its lock on the file:
//
// The hard one syncs the disk at each commit (synchronous=FULL). It writes whatever must not come back after a power cut:
// a redeemed approval, a spent refresh token, an ended session, a denial, a used link, a mark.
//
// The soft one does not (NORMAL): a power cut may take its last moments, a crash of the process may not. It writes what
// harms nobody when it is lost: when a client polled, how full a bucket is, when a browser was seen, a request that
// nobody has opened yet. Both write one log in one order, so the next hard commit makes the soft ones before it safe too.
//
// Writers that queue for the same connection are committed together: they share one sync. Each has a savepoint of its
// own, so that the refusal of one takes nothing from the others.
type writer struct {
	db   *sql.DB
	conn *sql.Conn
	*runner
	turn chan struct{} // one slot, shared by both writers

	mu      sync.Mutex
	waiting []*job
}

// job is one transaction that waits for its turn.
type job struct {
	do   step
	done chan error // one slot
}

// step is the inside of a transaction. An error rolls it back. The context is not the caller's: a transaction that has
// begun takes microseconds and shares its connection, so nobody's impatience interrupts it.
type step func(ctx context.Context, tx *runner) error

// batchMost bounds how many writers share a commit, and so how long the other connection waits.
const batchMost = 64

// errUnknown: the caller left while its transaction was being committed.
var errUnknown = errors.New("gave up waiting for the commit; its outcome is unknown")

func openWriter(ctx context.Context, path, synchronous string, turn chan struct{}) (*writer, error) {
	db, err := sql.Open("sqlite", dsn(path,
		"busy_timeout(0)", // we wait ourselves: see patiently
		"journal_mode(WAL)", "synchronous("+synchronous+")", fmt.Sprintf("cache_size(-%d)", writerCache),
		"journal_size_limit(8388608)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	var conn *sql.Conn
	err = patiently(ctx, func() (err error) {
		conn, err = db.Conn(ctx)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &writer{db: db, conn: conn, runner: &runner{prepare: conn.PrepareContext}, turn: turn}, nil
}

func (w *writer) close() error {
	w.turn <- struct{}{} // let who writes now finish
	defer func() { <-w.turn }()
	w.runner.close()
	return errors.Join(w.conn.Close(), w.db.Close())
}

// write runs do in a transaction that no other writer, of any process, overlaps. It returns nil once that is committed.
// An error that is not do's own says that nothing was written, but for errUnknown: then do may even be running still, so
// it must not write to what the caller reads afterwards. See answer.
func (w *writer) write(ctx context.Context, do step) error {
	j := &job{do: do, done: make(chan error, 1)}
	w.mu.Lock()
	w.waiting = append(w.waiting, j)
	w.mu.Unlock()
	select {
	case w.turn <- struct{}{}:
		w.lead(ctx, j)
		return <-j.done
	case err := <-j.done: // another one led
		return err
	case <-ctx.Done():
		if w.withdraw(j) {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %w", errUnknown, ctx.Err())
	}
}

// answer is write for a transaction that has an answer; a refusal may have one too.
func answer[T any](ctx context.Context, w *writer, do func(ctx context.Context, tx *runner) (T, error)) (T, error) {
	var none T
	got := new(T)
	err := w.write(ctx, func(ctx context.Context, tx *runner) (err error) {
		*got, err = do(ctx, tx)
		return err
	})
	if errors.Is(err, errUnknown) {
		return none, err
	}
	return *got, err
}

// lead has the turn: it commits whoever waits, mine among them.
func (w *writer) lead(ctx context.Context, mine *job) {
	defer func() { <-w.turn }()
	if !w.stillWaits(mine) {
		return // another one led while the turn came
	}
	if err := w.begin(ctx); err != nil {
		if w.withdraw(mine) {
			mine.done <- err
		}
		return
	}
	w.mu.Lock()
	n := min(len(w.waiting), batchMost)
	batch := slices.Clone(w.waiting[:n])
	w.waiting = slices.Delete(w.waiting, 0, n)
	if i := slices.Index(w.waiting, mine); i >= 0 { // far behind in a long queue: the leader goes along
		batch = append(batch, mine)
		w.waiting = slices.Delete(w.waiting, i, i+1)
	}
	w.mu.Unlock()
	w.commit(context.WithoutCancel(ctx), batch)
}

func (w *writer) stillWaits(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.waiting, j)
}

// withdraw takes a job out of the queue and reports whether it was there: if not, somebody runs it or has run it.
func (w *writer) withdraw(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.waiting, j)
	if i < 0 {
		return false
	}
	w.waiting = slices.Delete(w.waiting, i, i+1)
	return true
}
