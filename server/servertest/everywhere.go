package servertest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/store/redis/redistest"
)

// Everywhere tells a story on a server of its own for each keeper of tickets: SQLite, and a Redis that all tests of the
// package share. The stories run in parallel.
func Everywhere(t *testing.T, o Options, story func(t *testing.T, s *Server)) {
	t.Helper()
	for _, keeper := range []struct{ name, redis string }{{"sqlite", ""}, {"redis", redistest.Start(t)}} {
		t.Run(keeper.name, func(t *testing.T) {
			t.Parallel()
			own := o
			own.Redis = keeper.redis
			story(t, Start(t, own))
		})
	}
}

// The keys that every server of a test process begins with. Making a pair of RSA keys takes longer than most stories.
var firstKeys struct {
	once  sync.Once
	files map[string][]byte
	err   error
}

// layKeys puts the keys into a folder that has none yet.
func layKeys(ctx context.Context, dir string) error {
	firstKeys.once.Do(func() { firstKeys.files, firstKeys.err = makeKeys(ctx) })
	if firstKeys.err != nil {
		return firstKeys.err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		if os.IsExist(err) {
			return nil // another server was here before
		}
		return err
	}
	for name, content := range firstKeys.files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func makeKeys(ctx context.Context) (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "handclasp-keys-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a folder of nothing but test keys
	if _, err := keys.Open(ctx, keys.Options{Dir: dir}); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte, len(entries))
	for _, entry := range entries {
		if files[entry.Name()], err = os.ReadFile(filepath.Join(dir, entry.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
}
