package sql_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/sql"
	"github.com/handclasp/handclasp/store/storetest"
)

// open opens a file for the length of the test.
func open(t *testing.T, path string, now func() time.Time) *sql.DB {
	t.Helper()
	d, err := sql.Open(t.Context(), sql.Options{Path: path, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// blank is a file with its schema and nothing else, made once: each story begins with a copy.
var blank = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "handclasp")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "handclasp.db")
	d, err := sql.Open(context.Background(), sql.Options{Path: path})
	if err != nil {
		return nil, err
	}
	_, err = d.Migrate(context.Background())
	if err := errors.Join(err, d.Close()); err != nil { // closing writes everything into the one file
		return nil, err
	}
	return os.ReadFile(path)
})

// fresh is an empty file with its schema, at a path that must be quoted.
func fresh(t *testing.T) (d *sql.DB, path string, c *storetest.Clock) {
	t.Helper()
	path, c = filepath.Join(t.TempDir(), "with space & ?#%", "handclasp.db"), storetest.NewClock()
	file, err := blank()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), os.WriteFile(path, file, 0o600)); err != nil {
		t.Fatal(err)
	}
	d = open(t, path, c.Now)
	if err := d.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d, path, c
}

func TestRecordsKeepEveryPromise(t *testing.T) {
	storetest.Records(t, func(t *testing.T) store.Records {
		d, _, _ := fresh(t)
		return d
	})
}

func TestTicketsKeepEveryPromise(t *testing.T) {
	storetest.Tickets(t, func(t *testing.T) storetest.Keeper {
		d, path, c := fresh(t)
		return storetest.Keeper{Tickets: d, Second: open(t, path, c.Now), Clock: c}
	})
}
