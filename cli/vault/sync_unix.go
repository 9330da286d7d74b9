//go:build !windows

package vault

import (
	"errors"
	"os"
)

// syncFolder makes a rename outlive a power cut: the name is part of the folder.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
