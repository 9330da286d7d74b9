package servertest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/store/sql"
)

// firstFolder is what every data folder of a test process begins with: keys, and an empty database. Making a pair of
// RSA keys and a schema takes longer than most stories.
var firstFolder struct {
	once  sync.Once
	files map[string][]byte // by their path in the folder
	err   error
}

const database = "handclasp.db"

// layFolder puts those files into a folder that has none of them yet. Another server may have been here before.
func layFolder(ctx context.Context, dir string) error {
	firstFolder.once.Do(func() { firstFolder.files, firstFolder.err = makeFolder(ctx) })
	if firstFolder.err != nil {
		return firstFolder.err
	}
	if err := os.Mkdir(filepath.Join(dir, "keys"), 0o700); errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	for name, content := range firstFolder.files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func makeFolder(ctx context.Context) (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "handclasp-first-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing but test data
	if _, err := keys.Open(ctx, keys.Options{Dir: filepath.Join(dir, "keys")}); err != nil {
		return nil, err
	}
	db, err := sql.Open(ctx, sql.Options{Path: filepath.Join(dir, database)})
	if err != nil {
		return nil, err
	}
	_, err = db.Migrate(ctx)
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		files[name], err = os.ReadFile(path) //nolint:gosec // G122: a folder that this process has just made
		return err
	})
	return files, err
}
