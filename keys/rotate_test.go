package keys

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func exists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

func TestRotationWaitsUntilEveryCacheKnowsTheNextKey(t *testing.T) {
	c := newClock()
	k := open(t, Options{Now: c.now})
	before := k.JWKS()
	if err := k.Rotate(t.Context(), false); !errors.Is(err, ErrTooEarly) {
		t.Fatalf("want ErrTooEarly, got %v", err)
	}
	if k.JWKS().ETag != before.ETag || len(ids(k, "root", Next)) != 0 {
		t.Error("the refusal changed something")
	}
	former, next := one(t, k, "signing", Active), one(t, k, "signing", Next)
	c.pass(11 * time.Minute)
	if err := k.Rotate(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if k.Current().KID != next || one(t, k, "signing", Retired) != former {
		t.Errorf("%+v", k.List())
	}
	if k.JWKS().ETag == before.ETag {
		t.Error("the document has the old ETag")
	}
	if err := k.Rotate(t.Context(), false); !errors.Is(err, ErrTooEarly) {
		t.Errorf("the new next key is as old as the rotation, got %v", err)
	}
}

func TestRetiredKeyIsPublishedUntilItsTokensHaveEnded(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	k := open(t, Options{Dir: dir, Now: c.now})
	former := k.Current().KID
	if err := k.Rotate(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	c.pass(15*time.Minute + 10*time.Minute + 59*time.Second)
	k.follow(t.Context())
	if _, ok := k.Public(former); !ok {
		t.Fatal("a token of the retired key may still live")
	}
	c.pass(time.Second)
	k.follow(t.Context())
	if _, ok := k.Public(former); ok || bytes.Contains(k.JWKS().Body, []byte(former)) {
		t.Error("the key is still published")
	}
	if exists(dir, former+".pem") {
		t.Error("the key still lies in the folder")
	}
}

func TestEmergencyRemovalIsAtOnce(t *testing.T) {
	dir := t.TempDir()
	k := open(t, Options{Dir: dir})
	bad, next := k.Current().KID, one(t, k, "signing", Next)
	if err := k.Retire(t.Context(), bad, true); err != nil {
		t.Fatal(err)
	}
	if k.Current().KID != next {
		t.Errorf("signs with %s", k.Current().KID)
	}
	if _, ok := k.Public(bad); ok || bytes.Contains(k.JWKS().Body, []byte(bad)) || exists(dir, bad+".pem") {
		t.Error("the key is still there")
	}
	one(t, k, "signing", Next)
}

func TestRetiringWithoutHaste(t *testing.T) {
	c := newClock()
	k := open(t, Options{Now: c.now})
	active, next := k.Current().KID, one(t, k, "signing", Next)
	if err := k.Retire(t.Context(), active, false); !errors.Is(err, ErrTooEarly) {
		t.Errorf("the next key is not known yet: %v", err)
	}
	if err := k.Retire(t.Context(), next, false); err != nil || one(t, k, "signing", Next) == next {
		t.Errorf("the next key was not replaced: %v", err)
	}
	c.pass(time.Hour)
	if err := k.Retire(t.Context(), active, false); err != nil || one(t, k, "signing", Retired) != active {
		t.Errorf("the active key did not give way: %v", err)
	}
	if err := k.Retire(t.Context(), active, false); err != nil {
		t.Errorf("retiring what is retired: %v", err)
	}
	if err := k.Retire(t.Context(), "nobody", true); !errors.Is(err, ErrUnknown) {
		t.Errorf("want ErrUnknown, got %v", err)
	}
}

func TestOfManyRotationsOneHappens(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	open(t, Options{Dir: dir, Now: c.now})
	c.pass(time.Hour)
	var wg sync.WaitGroup
	var mu sync.Mutex
	done, early := 0, 0
	for range 6 {
		k := open(t, Options{Dir: dir, Now: c.now})
		wg.Go(func() {
			err := k.Rotate(context.Background(), false)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				done++
			case errors.Is(err, ErrTooEarly):
				early++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if done != 1 || early != 5 {
		t.Errorf("%d rotated, %d were refused", done, early)
	}
}

func TestReplicaFollowsWithoutRestart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		admin, replica := open(t, Options{Dir: dir}), open(t, Options{Dir: dir})
		var watching sync.WaitGroup
		watching.Go(func() { replica.Watch(ctx) })
		if err := admin.Rotate(ctx, true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(watchEvery + time.Millisecond)
		synctest.Wait()
		if replica.Current().KID != admin.Current().KID || replica.JWKS().ETag != admin.JWKS().ETag {
			t.Error("the replica did not follow")
		}
		stop()
		watching.Wait()
	})
}

func TestReplicaLooksWhenAKeyIsNotKnown(t *testing.T) {
	dir := t.TempDir()
	c := newClock()
	admin, replica := open(t, Options{Dir: dir, Now: c.now}), open(t, Options{Dir: dir, Now: c.now})
	if _, ok := replica.Public("made up"); ok {
		t.Fatal("a made-up key is known")
	}
	if err := admin.Rotate(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	fresh := one(t, admin, "signing", Next)
	if _, ok := replica.Public(fresh); ok {
		t.Error("it looked twice in a second")
	}
	c.pass(lookEvery)
	if _, ok := replica.Public(fresh); !ok {
		t.Error("it did not look")
	}
}

func TestBrokenFolderLeavesTheFormerKeysInUse(t *testing.T) {
	dir := t.TempDir()
	k := open(t, Options{Dir: dir})
	kid := k.Current().KID
	if err := os.WriteFile(filepath.Join(dir, "keyring.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	k.follow(t.Context())
	if k.Current().KID != kid {
		t.Error("the key changed")
	}
	if err := k.Rotate(t.Context(), true); err == nil {
		t.Error("a folder that cannot be read was rotated")
	}
}
