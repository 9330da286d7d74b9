package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	fileMode   = 0o600
	folderMode = 0o700
)

// contents is the file.
type contents struct {
	Profiles map[string]Credentials `json:"profiles"`
}

func (v *Vault) read() (*contents, error) {
	all := &contents{}
	err := readJSON(v.Path(), all)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if all.Profiles == nil {
		all.Profiles = map[string]Credentials{}
	}
	return all, nil
}

// change reads, changes and writes the file while nobody else does. An empty file is
// no file.
func (v *Vault) change(ctx context.Context, edit func(*contents)) error {
	unlock, err := v.lock(ctx, "credentials")
	if err != nil {
		return err
	}
	defer unlock()
	all, err := v.read()
	if err != nil {
		return err
	}
	edit(all)
	v.tidy()
	if len(all.Profiles) > 0 {
		return writeJSON(v.Path(), all)
	}
	if err := os.Remove(v.Path()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("delete credentials: %w", err)
	}
	return nil
}

func readJSON(path string, into any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// writeJSON replaces a file in one step: whoever reads, or pulls the plug, finds the
// old one or the new one, whole. The mode is set each time, not only at the first.
func writeJSON(path string, from any) error {
	raw, err := json.MarshalIndent(from, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err = fill(temporary, append(raw, '\n'))
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temporary.Name()) // the error that counts is the one before
		return fmt.Errorf("write %s: %w", path, err)
	}
	return syncFolder(filepath.Dir(path))
}

// litterAge is how old a temporary file is that nobody writes any more, also by the clock of a file server that is wrong.
const litterAge = 24 * time.Hour

// tidy takes away what processes have left that were killed as they wrote: there may be tokens in it. What people have put beside
// the file, as a credentials.json.bak, is theirs.
func (v *Vault) tidy() {
	files, _ := os.ReadDir(v.Dir) // if it cannot be read the writing fails too
	for _, file := range files {
		digits, ours := strings.CutPrefix(file.Name(), filepath.Base(v.Path())+".")
		if !file.Type().IsRegular() || !ours || strings.Trim(digits, "0123456789") != "" {
			continue
		}
		if info, err := file.Info(); err == nil && time.Since(info.ModTime()) > litterAge {
			_ = os.Remove(filepath.Join(v.Dir, file.Name())) // the next one tries again
		}
	}
}

// Ready tells whether new credentials could be kept now, by writing as much as there is and a little more: a full disk and an
// exhausted quota show only then.
func (v *Vault) Ready() error {
	if err := makeFolder(v.Dir); err != nil {
		return err
	}
	size := int64(4096)
	if info, err := os.Stat(v.Path()); err == nil {
		size += info.Size()
	}
	probe, err := os.CreateTemp(v.Dir, filepath.Base(v.Path())+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", v.Path(), err)
	}
	if err := errors.Join(fill(probe, make([]byte, size)), os.Remove(probe.Name())); err != nil {
		return fmt.Errorf("write %s: %w", v.Path(), err)
	}
	return nil
}

func fill(f *os.File, raw []byte) error {
	err := f.Chmod(fileMode)
	if err == nil {
		_, err = f.Write(raw)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// makeFolder makes the folder and closes it to others even if somebody opened it.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return fmt.Errorf("make folder of credentials: %w", err)
	}
	if err := os.Chmod(dir, folderMode); err != nil {
		return fmt.Errorf("close folder of credentials: %w", err)
	}
	return nil
}
