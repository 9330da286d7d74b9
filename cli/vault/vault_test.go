package vault

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zalando/go-keyring"
)

func open(t *testing.T) *Vault {
	t.Helper()
	return &Vault{Dir: filepath.Join(t.TempDir(), "state"), Service: "handclasp"}
}

func TestCredentialsComeBack(t *testing.T) {
	v := open(t)
	if _, err := v.Load("default"); !errors.Is(err, ErrNone) {
		t.Fatalf("%v, want ErrNone", err)
	}
	if err := v.Save(t.Context(), "default", Credentials{Issuer: "https://login.example.test", RefreshToken: "secret"}); err != nil {
		t.Fatal(err)
	}
	kept, err := v.Load("default")
	if err != nil || !kept.Live() || kept.RefreshToken != "secret" {
		t.Fatalf("%+v, %v", kept, err)
	}
	if err := v.Delete(t.Context(), "default"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(v.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}

func TestModeIsSetAtEveryWrite(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // modes mean nothing there
	}
	v := open(t)
	for range 2 {
		if err := v.Save(t.Context(), "default", Credentials{RefreshToken: "secret"}); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]os.FileMode{v.Path(): 0o600, v.Dir: 0o700} {
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, %v", path, info.Mode(), err)
			}
			if err := os.Chmod(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestProfilesWrittenAtOnceAreAllKept(t *testing.T) {
	v := open(t)
	names := strings.Split("abcdefghijklmnop", "")
	var all sync.WaitGroup
	for _, name := range names {
		all.Go(func() {
			if err := v.Save(t.Context(), name, Credentials{RefreshToken: name}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, name := range names {
		if kept, err := v.Load(name); err != nil || kept.RefreshToken != name {
			t.Errorf("%s: %+v, %v", name, kept, err)
		}
	}
	if left, err := filepath.Glob(v.Path() + ".*"); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestBrokenFileIsNotOverwritten(t *testing.T) {
	v := open(t)
	if err := makeFolder(v.Dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(v.Path(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := v.Save(t.Context(), "default", Credentials{RefreshToken: "new"}); err == nil {
		t.Error("what could not be read was replaced")
	}
}

func TestServerIsRememberedAfterTheCredentialsAreGone(t *testing.T) {
	v := open(t)
	if err := v.Remember(t.Context(), "work", "https://login.example.test"); err != nil {
		t.Fatal(err)
	}
	if err := v.Delete(t.Context(), "work"); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Remembered("work"); err != nil || got != "https://login.example.test" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestKeyringHoldsTheRefreshToken(t *testing.T) {
	keyring.MockInit()
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=none")
	v := open(t)
	v.Keyring = true
	if err := v.Save(t.Context(), "default", Credentials{RefreshToken: "secret"}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(v.Path())
	if err != nil || strings.Contains(string(raw), "secret") {
		t.Fatalf("the file holds %s, %v", raw, err)
	}
	kept, err := v.Load("default")
	if err != nil || !kept.Live() || kept.RefreshToken != "" {
		t.Fatalf("%+v, %v", kept, err)
	}
	// Writing something else leaves the keyring alone.
	kept.Email = "sam@example.test"
	if err := v.Save(t.Context(), "default", kept); err != nil {
		t.Fatal(err)
	}
	if got, err := v.RefreshToken("default", kept); err != nil || got != "secret" {
		t.Fatalf("%q, %v", got, err)
	}
	if err := v.Delete(t.Context(), "default"); err != nil {
		t.Fatal(err)
	}
	if _, err := v.RefreshToken("default", kept); !errors.Is(err, ErrNone) {
		t.Errorf("%v, want an empty keyring", err)
	}
}

func TestKeyringHoldsTheKeyOfTheDevice(t *testing.T) {
	keyring.MockInit()
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=none")
	v := open(t)
	v.Keyring = true
	if err := v.Save(t.Context(), "default", Credentials{RefreshToken: "secret", Key: "private"}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(v.Path())
	if err != nil || strings.Contains(string(raw), "private") {
		t.Fatalf("the file holds %s, %v", raw, err)
	}
	kept, err := v.Load("default")
	if err != nil || !kept.KeyInKeyring {
		t.Fatalf("%+v, %v", kept, err)
	}
	// A new refresh token leaves the key where it is, and so does the end of the session.
	for _, token := range []string{"next", ""} {
		kept.RefreshToken, kept.InKeyring = token, false
		if err := v.Save(t.Context(), "default", kept); err != nil {
			t.Fatal(err)
		}
		if got, err := v.Key("default", kept); err != nil || got != "private" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if err := v.Delete(t.Context(), "default"); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Key("default", kept); !errors.Is(err, ErrNone) {
		t.Errorf("%v, want an empty keyring", err)
	}
}

func TestKeyringThatFailsLeavesTheFile(t *testing.T) {
	keyring.MockInitWithError(errors.New("locked"))
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=none")
	v := open(t)
	v.Keyring = true
	if err := v.Save(t.Context(), "default", Credentials{RefreshToken: "secret", Key: "private"}); err != nil {
		t.Fatal(err)
	}
	if kept, err := v.Load("default"); err != nil || kept.InKeyring || kept.RefreshToken != "secret" || kept.KeyInKeyring || kept.Key != "private" {
		t.Errorf("%+v, %v", kept, err)
	}
}

// A build that is killed as it writes leaves a file with tokens, which nobody would ever look at again.
func TestWhatAKilledProcessHasLeftIsTakenAway(t *testing.T) {
	v := open(t)
	if err := v.Save(t.Context(), "default", Credentials{RefreshToken: "secret"}); err != nil {
		t.Fatal(err)
	}
	old, young, copied := v.Path()+".1234567", v.Path()+".7654321", v.Path()+".bak"
	for path, age := range map[string]time.Duration{old: 48 * time.Hour, young: time.Minute, copied: 48 * time.Hour} {
		at := time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(path, []byte("{}"), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Save(t.Context(), "default", Credentials{RefreshToken: "next"}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old one is still there: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("one that may still be written is gone: %v", err)
	}
	if _, err := os.Stat(copied); err != nil {
		t.Errorf("what somebody has copied themselves is gone: %v", err)
	}
	if kept, err := v.Load("default"); err != nil || kept.RefreshToken != "next" {
		t.Errorf("%+v, %v", kept, err)
	}
}

func TestProfileNamesCannotLeaveTheFolder(t *testing.T) {
	for name, good := range map[string]bool{"work": true, "a.b-c_1": true, "": false, "../x": false, "a/b": false, ".hidden": false, "a b": false} {
		if err := CheckProfile(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}
