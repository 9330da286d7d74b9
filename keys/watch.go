package keys

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

const (
	// watchEvery is how soon a replica follows a change of the folder. It is far below rootDelay.
	watchEvery = 2 * time.Second
	// lookEvery bounds what strangers with made-up key names can make us read.
	lookEvery = time.Second
)

// footprint tells two states of the files apart at the cost of a stat each.
type footprint [2]os.FileInfo

func (k *Keys) footprint() footprint {
	var f footprint
	for i, path := range []string{filepath.Join(k.o.Dir, manifestName), k.o.KeyFile} {
		if path == "" || i == 0 && !k.usesFolder() {
			continue
		}
		if info, err := os.Stat(path); err == nil {
			f[i] = info
		}
	}
	return f
}

func (f footprint) equal(o footprint) bool {
	for i := range f {
		if (f[i] == nil) != (o[i] == nil) {
			return false
		}
		if f[i] != nil && (!os.SameFile(f[i], o[i]) || !f[i].ModTime().Equal(o[i].ModTime()) || f[i].Size() != o[i].Size()) {
			return false
		}
	}
	return true
}

// Watch follows the folder until ctx ends: what another process changed is in use here within seconds, a root that comes
// of age is used, and signing keys whose last token has ended are deleted.
func (k *Keys) Watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			k.follow(ctx)
		}
	}
}

// follow is one look of Watch. What goes wrong is logged, and the keys stay as they were.
func (k *Keys) follow(ctx context.Context) {
	k.mu.Lock()
	due := k.ring.Load().changesAt
	outdated := !k.footprint().equal(k.seen)
	k.mu.Unlock()
	timely := !due.IsZero() && !k.o.Now().Before(due)
	if !outdated && !timely {
		return
	}
	if timely {
		if err := k.tidy(ctx); err != nil {
			k.o.Log.Error("deleting retired keys failed", "error", err)
		}
	}
	if err := k.reload(); err != nil {
		k.o.Log.Error("reading the keys again failed, the former ones stay in use", "error", err)
		return
	}
	k.o.Log.Info("keys read again", "kid", k.Current().KID)
}

// look reads the folder again if it changed, on behalf of somebody who named a key that is not known. Who comes while
// another is looking waits for the result of that.
func (k *Keys) look() {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.o.Now()
	if since := now.Sub(k.looked); since >= 0 && since < lookEvery {
		return
	}
	k.looked = now
	if k.footprint().equal(k.seen) {
		return
	}
	if err := k.reloadLocked(); err != nil {
		k.o.Log.Error("reading the keys again failed, the former ones stay in use", "error", err)
	}
}
