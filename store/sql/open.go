// Package sql keeps records and tickets in one SQLite file, in SQL that PostgreSQL understands too: $1, TEXT ids, BIGINT
// times, ON CONFLICT, RETURNING.
//
// Three kinds of connection share the file (see write.go): a hard writer whose commits survive a power cut, a soft writer
// whose commits survive the end of the process, and a pool of readers that never wait for either. Several processes of
// one machine may use the file at once.
package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/handclasp/handclasp/store"
	_ "modernc.org/sqlite" // the driver "sqlite": SQLite without cgo
)

var (
	_ store.Records = (*DB)(nil)
	_ store.Tickets = (*DB)(nil)
)

// Options say which file, and whose clock.
type Options struct {
	Path string           // of the file; made if it is not there, its folder is not
	Now  func() time.Time // decides what has expired; time.Now if nil
	Log  *slog.Logger     // slog.Default() if nil
}

// DB is one open database file. It keeps both store.Records and store.Tickets, and is safe for any number of goroutines.
type DB struct {
	path       string
	now        func() time.Time
	log        *slog.Logger
	hard, soft *writer
	reads      *sql.DB
	read       *runner // on reads
	hub        hub
}

const (
	readers = 4 // at once, and one more that listens for decisions of other processes

	// What each connection may keep of the file in memory, in KiB. The kernel's own cache is shared and faster to fill
	// than a large private one, which every commit of another connection empties.
	writerCache, readerCache = 512, 256
)

// Open opens the file, making it if need be. It neither makes nor checks the schema: see Migrate and Check.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	path, err := create(o.Path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", o.Path, err)
	}
	d := &DB{path: path, now: o.Now, log: o.Log, hub: hub{waiting: map[string]map[chan struct{}]bool{}}}
	if err := d.connect(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", o.Path, err), d.Close())
	}
	return d, nil
}

func (d *DB) connect(ctx context.Context) (err error) {
	turn := make(chan struct{}, 1)
	// A full sync at each commit: power loss must not revive what was spent.
	if d.hard, err = openWriter(ctx, d.path, "FULL", turn); err != nil {
		return err
	}
	if d.soft, err = openWriter(ctx, d.path, "NORMAL", turn); err != nil {
		return err
	}
	d.reads, err = sql.Open("sqlite", dsn(d.path, fmt.Sprintf("cache_size(-%d)", readerCache), "query_only(1)", "busy_timeout(1000)"))
	if err != nil {
		return err
	}
	d.reads.SetMaxOpenConns(readers + 1)
	d.reads.SetMaxIdleConns(readers + 1) // one that is opened anew reads the whole schema first: dearer than what it is asked
	d.reads.SetConnMaxIdleTime(time.Minute)
	d.read = &runner{prepare: d.reads.PrepareContext}
	return patiently(ctx, func() error { return d.reads.PingContext(ctx) })
}

// Close ends watching and closes the file. What was committed stays.
func (d *DB) Close() error {
	d.hub.close()
	var errs []error
	for _, w := range []*writer{d.hard, d.soft} {
		if w != nil {
			errs = append(errs, w.close())
		}
	}
	if d.reads != nil {
		d.read.close()
		errs = append(errs, d.reads.Close())
	}
	return errors.Join(errs...)
}

// Ping answers nil if the file can be read and written now. It writes a row, because a full disk shows only then.
func (d *DB) Ping(ctx context.Context) error {
	if _, err := d.Mark(ctx, "ping", time.Millisecond); err != nil {
		return fmt.Errorf("write to the database: %w", err)
	}
	if _, err := d.read.has(ctx, `SELECT 1 FROM marks WHERE name = 'ping'`); err != nil {
		return fmt.Errorf("read the database: %w", err)
	}
	return nil
}

// create makes sure that the file is there and ours alone: it holds addresses, and who may sign in as whom. SQLite gives
// its side files the same mode.
func create(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	// Only if it is missing: to close a second handle of an open database would drop this process's locks on it (POSIX).
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return path, nil
	}
	if err != nil {
		return "", err
	}
	return path, f.Close()
}

// dsn names the file for the driver, with settings that hold on each of its connections.
func dsn(path string, pragmas ...string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	settings := url.Values{"_pragma": append([]string{"foreign_keys(1)", "mmap_size(0)"}, pragmas...)}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: settings.Encode()}).String()
}
