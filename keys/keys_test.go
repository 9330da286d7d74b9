package keys

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// clock is a time that only the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func open(tb testing.TB, o Options) *Keys {
	tb.Helper()
	if o.Dir == "" {
		o.Dir = tb.TempDir()
	}
	k, err := Open(context.Background(), o)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// ids returns what List says of one kind and state.
func ids(k *Keys, kind string, s State) []string {
	var found []string
	for _, i := range k.List() {
		if i.Kind == kind && i.State == s {
			found = append(found, i.ID)
		}
	}
	return found
}

func one(t *testing.T, k *Keys, kind string, s State) string {
	t.Helper()
	found := ids(k, kind, s)
	if len(found) != 1 {
		t.Fatalf("want one %s %s, have %v", s, kind, found)
	}
	return found[0]
}

func TestFirstStartMakesKeysThatOnlyTheOwnerReads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "keys")
	k := open(t, Options{Dir: dir})
	kid := one(t, k, "signing", Active)
	if k.Current().KID != kid {
		t.Errorf("signs with %s, lists %s as active", k.Current().KID, kid)
	}
	one(t, k, "signing", Next)
	one(t, k, "root", Active)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o", f.Name(), info.Mode().Perm())
		}
		if strings.HasPrefix(f.Name(), ".new-") {
			t.Errorf("%s was left behind", f.Name())
		}
	}
	if text, _ := os.ReadFile(filepath.Join(dir, kid+".pem")); !bytes.Contains(text, []byte("BEGIN PRIVATE KEY")) {
		t.Errorf("the key is no PEM file: %q", text[:20])
	}
	again := open(t, Options{Dir: dir})
	if again.Current().KID != kid || !bytes.Equal(again.JWKS().Body, k.JWKS().Body) {
		t.Error("a second start has other keys")
	}
}

func TestServersStartedAtOnceAgree(t *testing.T) {
	dir := t.TempDir()
	opened := make([]*Keys, 6)
	var wg sync.WaitGroup
	for i := range opened {
		wg.Go(func() {
			var err error
			if opened[i], err = Open(context.Background(), Options{Dir: dir}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	_, secret := opened[0].Secret("test").Current()
	for _, k := range opened[1:] {
		if k.Current().KID != opened[0].Current().KID || !bytes.Equal(k.JWKS().Body, opened[0].JWKS().Body) {
			t.Error("servers sign with different keys")
		}
		if _, other := k.Secret("test").Current(); !bytes.Equal(other, secret) {
			t.Error("servers have different roots")
		}
	}
}

func TestPublishedKeysVerifyWhatIsSigned(t *testing.T) {
	k := open(t, Options{})
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(k.JWKS().Body, &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 2 {
		t.Fatalf("want the active and the next key, have %d", len(set.Keys))
	}
	s := k.Current()
	found := set.Key(s.KID)
	if len(found) != 1 || found[0].Algorithm != "RS256" || found[0].Use != "sig" || !found[0].IsPublic() {
		t.Fatalf("the active key is published as %+v", found)
	}
	sum, err := found[0].Thumbprint(crypto.SHA256)
	if err != nil || base64.RawURLEncoding.EncodeToString(sum) != s.KID {
		t.Errorf("kid %s is not the thumbprint %x (%v)", s.KID, sum, err)
	}
	message := []byte("header.claims")
	signature, err := s.Sign(message)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(message)
	if err := rsa.VerifyPKCS1v15(found[0].Key.(*rsa.PublicKey), crypto.SHA256, digest[:], signature); err != nil {
		t.Error(err)
	}
	if public, ok := k.Public(s.KID); !ok || !public.Equal(found[0].Key) {
		t.Error("Public does not know the active key")
	}
	if etag := k.JWKS().ETag; len(etag) < 10 || etag[0] != '"' || etag[len(etag)-1] != '"' {
		t.Errorf("ETag %q", etag)
	}
}

func TestSignerMakesNothingButRS256(t *testing.T) {
	s := open(t, Options{}).Current().Signer()
	digest := sha256.Sum256([]byte("message"))
	for name, try := range map[string]struct {
		digest []byte
		opts   crypto.SignerOpts
	}{
		"another hash": {make([]byte, 64), crypto.SHA512},
		"PSS":          {digest[:], &rsa.PSSOptions{Hash: crypto.SHA256}},
		"no digest":    {digest[:20], crypto.SHA256},
	} {
		if _, err := s.Sign(nil, try.digest, try.opts); err == nil {
			t.Errorf("%s was signed", name)
		}
	}
	signature, err := s.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if err := rsa.VerifyPKCS1v15(s.Public().(*rsa.PublicKey), crypto.SHA256, digest[:], signature); err != nil {
		t.Error(err)
	}
}

func TestKeyFileThatOthersReadIsRefusedWithTheCure(t *testing.T) {
	dir := t.TempDir()
	kid := open(t, Options{Dir: dir}).Current().KID
	path := filepath.Join(dir, kid+".pem")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	_, err := Open(context.Background(), Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
		t.Errorf("want a refusal that says what to type, got %v", err)
	}
}

func TestKeyFileOfAnotherKeyIsRefused(t *testing.T) {
	dir := t.TempDir()
	k := open(t, Options{Dir: dir})
	text, err := os.ReadFile(filepath.Join(dir, one(t, k, "signing", Next)+".pem"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, k.Current().KID+".pem"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), Options{Dir: dir}); err == nil {
		t.Error("a swapped key file was taken")
	}
}

func TestFirstStartThatWasKilledHalfWayIsFinished(t *testing.T) {
	dir := t.TempDir()
	k := open(t, Options{Dir: dir})
	next := one(t, k, "signing", Next)
	if err := os.Remove(filepath.Join(dir, "keyring.json")); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	again := open(t, Options{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
	for _, kid := range []string{k.Current().KID, next} {
		if _, ok := again.Public(kid); !ok {
			t.Errorf("key %s is lost", kid)
		}
	}
	if was, is := one(t, k, "root", Active), one(t, again, "root", Active); was != is {
		t.Errorf("root %s became %s", was, is)
	}
	if !strings.Contains(log.String(), "made anew") {
		t.Errorf("nobody is told: %s", log.String())
	}
}

func TestFolderThatLacksNothingMayBeReadOnly(t *testing.T) {
	dir := t.TempDir()
	k := open(t, Options{Dir: dir})
	if err := os.Remove(filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	if open(t, Options{Dir: dir}).Current().KID != k.Current().KID {
		t.Error("another key")
	}
	if _, err := os.Stat(filepath.Join(dir, "lock")); err == nil || !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
}

func TestDamagedListIsAnErrorAndNotANewKey(t *testing.T) {
	dir := t.TempDir()
	open(t, Options{Dir: dir})
	for _, text := range []string{"", "{", `{"version":2}`, `{"version":1,"signing":[{"id":"../../key","active_at":"2026-01-01T00:00:00Z"},{"id":"next"}],"roots":[{"id":"r"}]}`} {
		if err := os.WriteFile(filepath.Join(dir, "keyring.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(context.Background(), Options{Dir: dir}); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	left, _ := fs.Glob(os.DirFS(dir), "*.pem")
	if len(left) != 2 {
		t.Errorf("%d keys are left", len(left))
	}
}
