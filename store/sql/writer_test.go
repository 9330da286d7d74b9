package sql

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/handclasp/handclasp/store"
)

// patience is for what happens at once, unless the machine is busy.
const patience = time.Minute

// inside opens an empty file for tests that look behind the promises.
func inside(t *testing.T) *DB {
	t.Helper()
	d, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "handclasp.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func pragma(t *testing.T, r *runner, name string) (value string) {
	t.Helper()
	if err := r.one(t.Context(), "PRAGMA "+name, nil, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestPowerCutsTakeNothingThatWasSpent(t *testing.T) {
	d := inside(t)
	for _, c := range []struct {
		where  string
		runner *runner
		want   map[string]string
	}{
		{"hard", d.hard.runner, map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1", "query_only": "0", "mmap_size": "0", "busy_timeout": "0"}},
		{"soft", d.soft.runner, map[string]string{"synchronous": "1", "journal_mode": "wal", "foreign_keys": "1", "query_only": "0", "mmap_size": "0", "busy_timeout": "0"}},
		{"read", d.read, map[string]string{"query_only": "1", "journal_mode": "wal", "mmap_size": "0"}},
	} {
		for name, want := range c.want {
			if got := pragma(t, c.runner, name); got != want {
				t.Errorf("%s connection: %s is %s, want %s", c.where, name, got, want)
			}
		}
	}
	if _, err := d.read.exec(t.Context(), `DELETE FROM marks`); err == nil {
		t.Error("a reader wrote")
	}
}

// held starts a write that keeps the turn until it is let go, so that others queue behind it.
func held(t *testing.T, w *writer) (letGo func()) {
	t.Helper()
	began, end, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- w.write(context.Background(), func(context.Context, *runner) error {
			close(began)
			<-end
			return nil
		})
	}()
	<-began
	return func() {
		close(end)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// queued waits until n writers wait.
func queued(t *testing.T, w *writer, n int) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		w.mu.Lock()
		waiting := len(w.waiting)
		w.mu.Unlock()
		if waiting == n {
			return
		}
	}
	t.Fatalf("%d writers never queued", n)
}

func insertMark(name string) step {
	return func(ctx context.Context, tx *runner) error {
		_, err := tx.exec(ctx, `INSERT INTO marks (name, expires_at) VALUES ($1, 1)`, name)
		return err
	}
}

func marks(t *testing.T, d *DB) string {
	t.Helper()
	names, err := all(t.Context(), d.read, text, `SELECT name FROM marks ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

func TestARefusedWriterTakesNothingFromThoseWhoShareItsCommit(t *testing.T) {
	d := inside(t)
	refusal := errors.New("no")
	letGo := held(t, d.hard)
	steps := map[string]step{
		"a": insertMark("a"),
		"b": func(ctx context.Context, tx *runner) error { return errors.Join(insertMark("b")(ctx, tx), refusal) },
		"c": insertMark("c"),
		"d": func(ctx context.Context, tx *runner) error { // a statement that fails, not only a rule
			return errors.Join(insertMark("d")(ctx, tx), insertMark("d")(ctx, tx))
		},
		"e": insertMark("e"),
	}
	type result struct {
		name string
		err  error
	}
	results := make(chan result, len(steps))
	for name, do := range steps {
		go func() { results <- result{name, d.hard.write(t.Context(), do)} }()
	}
	queued(t, d.hard, len(steps))
	letGo()
	for range steps {
		r := <-results
		if failed := r.err != nil; failed != (r.name == "b" || r.name == "d") {
			t.Errorf("%s got %v", r.name, r.err)
		}
		if r.name == "b" && !errors.Is(r.err, refusal) {
			t.Errorf("b got %v", r.err)
		}
	}
	if got := marks(t, d); got != "a c e" {
		t.Errorf("kept %q", got)
	}
}

func TestWhoLeavesTheQueueWroteNothing(t *testing.T) {
	d := inside(t)
	letGo := held(t, d.soft)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := d.hard.write(ctx, insertMark("late")); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errUnknown) {
		t.Errorf("got %v", err)
	}
	letGo()
	if err := d.hard.write(t.Context(), insertMark("next")); err != nil {
		t.Error(err)
	}
	if got := marks(t, d); got != "next" {
		t.Errorf("kept %q", got)
	}
}

func TestWhoLeftIsToldSoHoweverLongTheFileWasLocked(t *testing.T) {
	d := inside(t)
	other, err := Open(t.Context(), Options{Path: d.path})
	if err != nil {
		t.Fatal(err)
	}
	letGo := held(t, d.hard)
	_, locked := other.hard.exec(t.Context(), "BEGIN IMMEDIATE")
	letGo()
	if err := other.Close(); err != nil || !busy(locked) {
		t.Fatal(locked, err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		err := patiently(ctx, func() error {
			time.Sleep(busyPatience + time.Second) // the machine is busy
			leave()
			return locked
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAPanicBreaksOneTransactionAndNotTheWriter(t *testing.T) {
	d := inside(t)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = d.hard.write(t.Context(), func(ctx context.Context, tx *runner) error {
			if err := insertMark("broken")(ctx, tx); err != nil {
				return err
			}
			panic("a bug")
		})
	}()
	if err := d.soft.write(t.Context(), insertMark("next")); err != nil {
		t.Error(err)
	}
	if got := marks(t, d); got != "next" {
		t.Errorf("kept %q", got)
	}
}

func TestAFullDiskRefusesAndRecovers(t *testing.T) {
	d := inside(t)
	pages := pragma(t, d.hard.runner, "page_count")
	limit := func(n string) {
		for _, w := range []*writer{d.hard, d.soft} {
			if _, err := w.conn.ExecContext(t.Context(), "PRAGMA max_page_count = "+n); err != nil {
				t.Fatal(err)
			}
		}
	}
	limit(pages)
	long := strings.Repeat("x", 1<<16)
	_, err := d.Mark(t.Context(), long, time.Hour)
	if err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrExists) {
		t.Fatalf("a full disk answered %v", err)
	}
	limit("1000000")
	if first, err := d.Mark(t.Context(), long, time.Hour); err != nil || !first {
		t.Fatalf("after the disk was cleared: %v, %v", first, err)
	}
}

func TestWhoLeavesDuringTheCommitIsToldThatNobodyKnows(t *testing.T) {
	d := inside(t)
	d.hard.turn <- struct{}{} // it is the leader's from the beginning, so that the other cannot come to lead
	ctx, leave := context.WithCancel(t.Context())
	running, left := make(chan struct{}), make(chan struct{})
	type answered struct {
		value string
		err   error
	}
	impatient := make(chan answered, 1)
	go func() {
		value, err := answer(ctx, d.hard, func(ctx context.Context, tx *runner) (string, error) {
			close(running)
			<-left
			return "too late to be read", insertMark("impatient")(ctx, tx)
		})
		impatient <- answered{value, err}
	}()
	queued(t, d.hard, 1)
	leader := &job{do: insertMark("leader"), done: make(chan error, 1)}
	d.hard.mu.Lock()
	d.hard.waiting = append(d.hard.waiting, leader)
	d.hard.mu.Unlock()
	go d.hard.lead(context.Background(), leader)
	<-running
	leave()
	got := <-impatient
	close(left)
	if !errors.Is(got.err, errUnknown) || !errors.Is(got.err, context.Canceled) || got.value != "" {
		t.Errorf("got %+v", got)
	}
	if err := <-leader.done; err != nil {
		t.Error(err)
	}
	if got := marks(t, d); got != "impatient leader" {
		t.Errorf("kept %q", got)
	}
}
