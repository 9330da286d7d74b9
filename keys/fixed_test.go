package keys

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const someRoot = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// somePEM returns a private key as a text, made by another folder.
func somePEM(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	k := open(t, Options{Dir: dir})
	text, err := os.ReadFile(filepath.Join(dir, k.Current().KID+".pem"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestKeysGivenByTheSettingsNeedNoFolder(t *testing.T) {
	first, second := somePEM(t), somePEM(t)
	k, err := Open(t.Context(), Options{KeyPEM: append(first, second...), RootSecret: someRoot})
	if err != nil {
		t.Fatal(err)
	}
	if k.Current().KID != one(t, k, "signing", Active) {
		t.Error("the first key does not sign")
	}
	if _, ok := k.Public(one(t, k, "signing", Next)); !ok {
		t.Error("the second key is not published")
	}
	if err := k.Rotate(t.Context(), true); !errors.Is(err, ErrFixed) {
		t.Errorf("want ErrFixed, got %v", err)
	}
	if err := k.Retire(t.Context(), k.Current().KID, true); !errors.Is(err, ErrFixed) {
		t.Errorf("want ErrFixed, got %v", err)
	}
}

func TestKeyFileIsReadAgainWhenItChanges(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "signing.pem")
	if err := os.WriteFile(file, somePEM(t), 0o600); err != nil {
		t.Fatal(err)
	}
	k := open(t, Options{Dir: filepath.Join(dir, "keys"), KeyFile: file})
	former := k.Current().KID
	if err := k.Rotate(t.Context(), true); err != nil || k.Current().KID != former {
		t.Errorf("only the root rotates here: %v", err)
	}
	fresh := filepath.Join(dir, "new.pem")
	if err := errors.Join(os.WriteFile(fresh, somePEM(t), 0o600), os.Rename(fresh, file)); err != nil {
		t.Fatal(err)
	}
	k.follow(t.Context())
	if k.Current().KID == former {
		t.Error("the new file was not read")
	}
	if pems, _ := filepath.Glob(filepath.Join(dir, "keys", "*.pem")); len(pems) != 0 {
		t.Errorf("signing keys were made that nobody uses: %v", pems)
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	good := somePEM(t)
	public := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(public, good, 0o644); err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]Options{
		"given twice":       {KeyPEM: good, KeyFile: public},
		"chmod 600":         {KeyFile: public},
		"no private key":    {KeyPEM: []byte("secret")},
		"none of auto":      {Signer: "hsm"},
		"32 random bytes":   {RootSecret: "hunter2"},
		"no unencrypted":    {KeyPEM: []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")},
		"parse private key": {KeyPEM: []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")},
	} {
		o.Dir = t.TempDir()
		_, err := Open(context.Background(), o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	if _, err := Open(context.Background(), Options{}); err == nil {
		t.Error("no folder was set, and nobody minded")
	}
}

func TestRootsGivenByTheSettingsAreFoundByTheirNames(t *testing.T) {
	older := "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" // someRoot in base64
	newer := strings.Repeat("ab", 32)
	was, _ := open(t, Options{RootSecret: someRoot}).Secret("refresh").Current()
	k := open(t, Options{RootSecret: newer + "\n" + older + "\n"})
	s := k.Secret("refresh")
	if id, _ := s.Current(); id == was {
		t.Error("the first line is not in use")
	}
	if _, ok := s.Key(was); !ok {
		t.Error("the second line is not known")
	}
}
