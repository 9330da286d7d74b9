package vault

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

const (
	// lockPatience is longer than a refresh with all its retries takes.
	lockPatience = 90 * time.Second
	lockRetry    = 10 * time.Millisecond
)

// Lock makes this process the only one that uses the refresh token of a profile, until
// unlock is called. What was loaded before must be loaded again: somebody may have
// refreshed meanwhile.
func (v *Vault) Lock(ctx context.Context, profile string) (unlock func(), err error) {
	return v.lock(ctx, "profile-"+profile)
}

func (v *Vault) lock(ctx context.Context, name string) (func(), error) {
	if err := makeFolder(v.Dir); err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	path := filepath.Join(v.Dir, name+".lock")
	lock := flock.New(path, flock.SetPermissions(fileMode))
	_, err := lock.TryLockContext(waiting, lockRetry)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, fmt.Errorf("lock %s: another process has held it for more than %s", path, lockPatience)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	// The file stays: deleting it would let two processes lock two files of one name.
	return func() { _ = lock.Unlock() }, nil
}
