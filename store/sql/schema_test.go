package sql_test

import (
	stdsql "database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/handclasp/handclasp/store/sql"
)

// beside runs SQL on the file as another program would.
func beside(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := stdsql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func empty(t *testing.T) (d *sql.DB, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "handclasp.db")
	return open(t, path, time.Now), path
}

// made is a new file with its schema, at a path that needs no quoting.
func made(t *testing.T) (d *sql.DB, path string) {
	t.Helper()
	d, path = empty(t)
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d, path
}

func TestServeRefusesASchemaThatDoesNotFit(t *testing.T) {
	d, path := empty(t)
	if err := d.Check(t.Context()); !errors.Is(err, sql.ErrSchemaOld) {
		t.Fatalf("an empty file: %v", err)
	}
	applied, err := d.Migrate(t.Context())
	if err != nil || len(applied) == 0 || applied[0].Version != 1 {
		t.Fatalf("applied %+v, %v", applied, err)
	}
	if err := d.Check(t.Context()); err != nil {
		t.Fatalf("a new file: %v", err)
	}
	if applied, err = d.Migrate(t.Context()); err != nil || len(applied) != 0 {
		t.Fatalf("again: %+v, %v", applied, err)
	}

	beside(t, path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (700, 1)`)
	if err := d.Check(t.Context()); err != nil {
		t.Errorf("a newer schema that bears this program: %v", err)
	}
	beside(t, path, `UPDATE schema_bears SET minimum = 700`)
	if err := d.Check(t.Context()); !errors.Is(err, sql.ErrSchemaNew) {
		t.Errorf("a newer schema that does not: %v", err)
	}
	beside(t, path, `DELETE FROM schema_bears`)
	if err := d.Check(t.Context()); err == nil || errors.Is(err, sql.ErrSchemaOld) || errors.Is(err, sql.ErrSchemaNew) {
		t.Errorf("a schema that does not say: %v", err)
	}
}

func TestMigrationsGoDownAndUpAgain(t *testing.T) {
	d, path := empty(t)
	status := func(applied bool) (steps int) {
		t.Helper()
		s, err := d.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if applied && s.Version != s.Newest || !applied && s.Version != 0 {
			t.Fatalf("status %+v", s)
		}
		for _, m := range s.Migrations {
			if m.AppliedAt.IsZero() == applied {
				t.Fatalf("status %+v", s)
			}
		}
		return len(s.Migrations)
	}
	for range 2 {
		status(false)
		if _, err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		steps := status(true)
		if err := d.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range steps {
			down, err := d.MigrateDown(t.Context())
			if err != nil || len(down) != 1 {
				t.Fatalf("down: %+v, %v", down, err)
			}
		}
		if err := d.Check(t.Context()); !errors.Is(err, sql.ErrSchemaOld) {
			t.Fatalf("after down: %v", err)
		}
	}
	status(false)
	if down, err := d.MigrateDown(t.Context()); err != nil || len(down) != 0 {
		t.Fatalf("down from nothing: %+v, %v", down, err)
	}
	beside(t, path, `CREATE TABLE users (id TEXT)`) // nothing was left behind, so this is possible
}

func TestServersThatStartAtOnceMakeOneSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "handclasp.db")
	errs := make([]error, 8)
	var starting sync.WaitGroup
	for i := range errs {
		starting.Go(func() {
			d, err := sql.Open(t.Context(), sql.Options{Path: path})
			if err != nil {
				errs[i] = err
				return
			}
			_, err = d.Migrate(t.Context())
			errs[i] = errors.Join(err, d.Check(t.Context()), d.Close())
		})
	}
	starting.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestTheFileIsForItsOwnerAlone(t *testing.T) {
	_, path := made(t)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path+suffix, info.Mode())
		}
	}
}

func TestAFolderThatIsMissingIsSaid(t *testing.T) {
	_, err := sql.Open(t.Context(), sql.Options{Path: filepath.Join(t.TempDir(), "missing", "handclasp.db")})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
}

func TestAFileThatIsNoDatabaseIsSaid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "handclasp.db")
	if err := os.WriteFile(path, []byte("this is a letter, not a database, and long enough to have a header"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err := sql.Open(t.Context(), sql.Options{Path: path}); err == nil {
		t.Fatal(errors.Join(errors.New("a letter was opened as a database"), d.Close()))
	}
}
