package keys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// The names of the files in the folder.
const (
	manifestName  = "keyring.json"
	lockName      = "lock"
	signingSuffix = ".pem"
	rootSuffix    = ".root"
)

// folder is where keys lie. Reading needs no lock: the manifest is replaced in one step.
type folder struct {
	dir string
	now func() time.Time
	log *slog.Logger
}

// prepare makes the folder and lets complete add what the manifest lacks. A folder that lacks nothing is only read, so
// it may be mounted read-only.
func (f folder) prepare(ctx context.Context, lacks func(manifest) bool, complete func(*manifest) error) error {
	if f.dir == "" {
		return errors.New("open keys: no folder is set")
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of the keys: %w", err)
	}
	if m, err := f.read(); err == nil && !lacks(m) {
		return nil
	}
	return f.change(ctx, complete)
}

// change lets edit alter the manifest while no other process does, and keeps the result if it differs. Files that
// edit made are there before the manifest names them; files that it dropped go after the manifest has let go of them.
func (f folder) change(ctx context.Context, edit func(*manifest) error) error {
	lock := flock.New(filepath.Join(f.dir, lockName), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return fmt.Errorf("lock the keys in %s: %w", f.dir, err)
	}
	defer func() { _ = lock.Close() }()
	m, err := f.read()
	missing := errors.Is(err, fs.ErrNotExist)
	if missing {
		m, err = f.rebuild()
	}
	if err != nil {
		return err
	}
	before := m.clone()
	if err := edit(&m); err != nil {
		return err
	}
	if m.equal(before) && !missing {
		return nil
	}
	if err := f.write(m); err != nil {
		return err
	}
	return f.sweep(m)
}

func (f folder) read() (manifest, error) {
	var m manifest
	path := filepath.Join(f.dir, manifestName)
	text, err := os.ReadFile(path)
	if err != nil {
		return m, fmt.Errorf("read the list of keys: %w", err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("read the list of keys %s: %w", path, err)
	}
	if m.Version != 1 {
		return m, fmt.Errorf("read the list of keys %s: it has version %d, this program knows version 1", path, m.Version)
	}
	return m, nil
}

func (f folder) write(m manifest) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write the list of keys: %w", err)
	}
	temporary, err := f.temporary(append(text, '\n'))
	if err != nil {
		return fmt.Errorf("write the list of keys: %w", err)
	}
	if err := os.Rename(temporary, filepath.Join(f.dir, manifestName)); err != nil {
		_ = os.Remove(temporary)
		return fmt.Errorf("write the list of keys: %w", err)
	}
	return f.sync()
}

// rebuild makes a manifest of the keys that lie here when there is none: at the first start, after a first start that was
// killed half-way, and when a backup brought back the keys without it. The newest key becomes next, the one before it
// active; the others stay published, since it is not known what they signed.
func (f folder) rebuild() (manifest, error) {
	m := manifest{Version: 1}
	var err error
	if m.Signing, err = f.lying(signingSuffix); err != nil {
		return m, err
	}
	if m.Roots, err = f.lying(rootSuffix); err != nil {
		return m, err
	}
	for i := range m.Roots {
		m.Roots[i].ActiveAt = m.Roots[i].MadeAt
	}
	for i := range m.Signing {
		if i > 0 || len(m.Signing) == 1 {
			m.Signing[i].ActiveAt = m.Signing[i].MadeAt
		}
		if i > 1 {
			m.Signing[i].RetiredAt, m.Signing[i].Until = f.now(), f.now().Add(24*time.Hour)
		}
	}
	if len(m.Signing)+len(m.Roots) > 0 {
		f.log.Warn("the list of keys was missing and is made anew from the keys that lie there", "folder", f.dir)
	}
	return m, nil
}

// lying lists the key files of a kind by their age, the newest first.
func (f folder) lying(suffix string) ([]entry, error) {
	files, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, fmt.Errorf("look for keys: %w", err)
	}
	var found []entry
	for _, file := range files {
		id, ok := strings.CutSuffix(file.Name(), suffix)
		if !ok || !validID(id) {
			continue
		}
		info, err := file.Info()
		if err != nil {
			return nil, fmt.Errorf("look for keys: %w", err)
		}
		found = append(found, entry{ID: id, MadeAt: info.ModTime().UTC()})
	}
	slices.SortFunc(found, func(a, b entry) int { return b.MadeAt.Compare(a.MadeAt) })
	return found, nil
}

// sweep deletes the keys that the manifest does not name any more, so that a key which was removed in an emergency is
// gone also if the process that removed it died before it came to that.
func (f folder) sweep(m manifest) error {
	for _, suffix := range []string{signingSuffix, rootSuffix} {
		lying, err := f.lying(suffix)
		if err != nil {
			return err
		}
		for _, e := range lying {
			if m.holds(e.ID, suffix) {
				continue
			}
			if err := os.Remove(f.path(e.ID, suffix)); err != nil {
				return fmt.Errorf("delete a key that was retired: %w", err)
			}
			f.log.Info("key deleted", "id", e.ID)
		}
	}
	return nil
}

func (f folder) path(id, suffix string) string { return filepath.Join(f.dir, id+suffix) }

// add puts a key into the folder under a name that must not be taken. It appears whole or not at all.
func (f folder) add(id, suffix string, text []byte) error {
	temporary, err := f.temporary(text)
	if err != nil {
		return fmt.Errorf("write key %s: %w", id, err)
	}
	defer func() { _ = os.Remove(temporary) }()
	if err := os.Link(temporary, f.path(id, suffix)); err != nil {
		return fmt.Errorf("write key %s: %w", id, err)
	}
	return f.sync()
}

// temporary writes a file that only the owner can read and returns its name.
func (f folder) temporary(text []byte) (string, error) {
	file, err := os.CreateTemp(f.dir, ".new-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		_ = os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}

// sync makes names that were written survive a power cut. Some systems cannot sync a folder, which is no failure.
func (f folder) sync() error {
	dir, err := os.Open(f.dir)
	if err != nil {
		return fmt.Errorf("sync the folder of the keys: %w", err)
	}
	defer func() { _ = dir.Close() }() // only read
	if err := dir.Sync(); err != nil && runtime.GOOS == "linux" && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("sync the folder of the keys: %w", err)
	}
	return nil
}

// readPrivate reads a file with a secret, and refuses one that others could have read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s can be read or written by others (mode %04o): run `chmod 600 %s`", path, mode, path)
	}
	return os.ReadFile(path)
}

// validID keeps what is read from the manifest or a folder from being anything but a plain name.
func validID(id string) bool {
	return id != "" && len(id) <= 64 && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}
