package sql

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/handclasp/handclasp/store"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// needs is the oldest schema that this program can work with: the number of the newest migration that its SQL relies on.
const needs = 9

var (
	// ErrSchemaOld means that the file's schema is older than this program needs. `handclaspd migrate up` makes it new.
	ErrSchemaOld = errors.New("the database's schema is older than this program needs")
	// ErrSchemaNew means that a newer program has changed the schema in a way that this one cannot bear.
	ErrSchemaNew = errors.New("the database's schema is newer than this program can bear")
)

// Schema is how the file's schema stands against this program.
type Schema struct {
	Version    int64 // of the file; 0 if it has none yet
	Bears      int64 // the oldest program, by its newest migration, that can work with the file
	Needs      int64 // the oldest version that this program can work with
	Newest     int64 // this program's newest migration
	Migrations []Migration
}

// Migration is one step of the schema.
type Migration struct {
	Version   int64
	Name      string
	AppliedAt time.Time // zero if it has not been
}

// Check says whether this program can serve from the file: nil, ErrSchemaOld or ErrSchemaNew, or why it cannot tell.
// A schema may be newer than the program, as long as it says that it bears one of this age: two versions work side by
// side while a fleet is renewed.
func (d *DB) Check(ctx context.Context) error {
	s, err := d.versions(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("read schema version: %w", err)
	case s.Version < s.Needs:
		return fmt.Errorf("%w: it is at %d, wanted is %d", ErrSchemaOld, s.Version, s.Needs)
	case s.Bears > s.Newest:
		return fmt.Errorf("%w: it is at %d and bears programs from %d on, this one knows %d", ErrSchemaNew, s.Version, s.Bears, s.Newest)
	}
	return nil
}

// Migrate brings the schema up to this program's newest. It returns what it applied. Several processes may call it at
// once; a schema that is newer already is left alone.
func (d *DB) Migrate(ctx context.Context) ([]Migration, error) {
	const attempts = 5
	for i := 1; ; i++ {
		applied, err := d.migrate(ctx, (*goose.Provider).Up)
		if err == nil || i == attempts || ctx.Err() != nil {
			return applied, err
		}
		// Another process may have made the same step between our look and our write. Then the next look finds it done.
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(i) * 20 * time.Millisecond):
		}
	}
}

// MigrateDown takes the newest step of the schema back, and with it what it kept.
func (d *DB) MigrateDown(ctx context.Context) ([]Migration, error) {
	return d.migrate(ctx, func(p *goose.Provider, ctx context.Context) ([]*goose.MigrationResult, error) {
		r, err := p.Down(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return nil, nil
		}
		return []*goose.MigrationResult{r}, err
	})
}

// Status tells how the schema stands, step by step.
func (d *DB) Status(ctx context.Context) (Schema, error) {
	s, err := d.versions(ctx)
	if err != nil {
		return Schema{}, fmt.Errorf("read schema version: %w", err)
	}
	err = d.goose(func(p *goose.Provider) error {
		steps, err := p.Status(ctx)
		for _, step := range steps {
			s.Migrations = append(s.Migrations, Migration{Version: step.Source.Version, Name: step.Source.Path, AppliedAt: step.AppliedAt})
		}
		return err
	})
	return s, err
}

func (d *DB) migrate(ctx context.Context, run func(*goose.Provider, context.Context) ([]*goose.MigrationResult, error)) (done []Migration, err error) {
	err = d.goose(func(p *goose.Provider) error {
		results, err := run(p, ctx)
		for _, r := range results {
			if r != nil && r.Error == nil {
				done = append(done, Migration{Version: r.Source.Version, Name: r.Source.Path, AppliedAt: d.now()})
			}
		}
		return err
	})
	if err != nil {
		return done, fmt.Errorf("migrate schema: %w", err)
	}
	return done, nil
}

// goose opens a connection for migrations, with none of the package's own state and nothing printed.
func (d *DB) goose(use func(*goose.Provider) error) error {
	db, err := sql.Open("sqlite", dsn(d.path, "busy_timeout(5000)", "synchronous(FULL)")+"&_txlock=immediate")
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // what it wrote is committed or has failed already
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, steps, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	return use(p)
}

// versions reads what the file says of its schema, without goose: serve asks at every start.
func (d *DB) versions(ctx context.Context) (Schema, error) {
	s := Schema{Needs: needs, Newest: newest()}
	made, err := d.read.has(ctx, `SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_bears'`)
	if err != nil || !made {
		return s, err
	}
	err = d.read.one(ctx, `SELECT (SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied = 1), minimum
		FROM schema_bears WHERE one = 1`, nil, &s.Version, &s.Bears)
	if errors.Is(err, store.ErrNotFound) {
		err = errors.New("the schema does not say which programs it bears")
	}
	return s, err
}

// newest is the number of the newest embedded migration.
func newest() int64 {
	var n int64
	files, _ := migrations.ReadDir("migrations") // embedded: it is there
	for _, f := range files {
		if v, err := goose.NumericComponent(f.Name()); err == nil {
			n = max(n, v)
		}
	}
	return n
}
