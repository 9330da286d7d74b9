package vault

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/zalando/go-keyring"
)

// keyringPatience is how long a keyring may take; a locked one may ask the person
// first, a broken one would never answer.
const keyringPatience = 5 * time.Second

// ErrKeyring says that the keyring which holds the refresh token does not answer.
var ErrKeyring = errors.New("the keyring does not answer")

// ring is the entry of one profile in the keyring.
type ring struct{ service, user string }

// ring names the entry by profile and folder, so that two folders do not share one.
func (v *Vault) ring(profile string) ring {
	return ring{service: v.Service, user: profile + " in " + v.Dir}
}

// keyRing is the entry of the profile's key. It is written once, where the refresh token changes all the time.
func (v *Vault) keyRing(profile string) ring {
	return ring{service: v.Service, user: "key of " + profile + " in " + v.Dir}
}

func (r ring) set(secret string) error {
	_, err := inTime(func() (string, error) { return "", keyring.Set(r.service, r.user, secret) })
	return err
}

func (r ring) get() (string, error) {
	secret, err := inTime(func() (string, error) { return keyring.Get(r.service, r.user) })
	if errors.Is(err, keyring.ErrNotFound) {
		return "", ErrNone
	}
	return secret, err
}

func (r ring) delete() error {
	_, err := inTime(func() (string, error) { return "", keyring.Delete(r.service, r.user) })
	if errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	return err
}

// inTime gives up on a keyring that hangs; the library has no way to interrupt it.
func inTime(ask func() (string, error)) (string, error) {
	if !hasKeyring() {
		return "", fmt.Errorf("%w: this session has none", ErrKeyring)
	}
	type result struct {
		secret string
		err    error
	}
	done := make(chan result, 1)
	go func() {
		secret, err := ask()
		done <- result{secret, err}
	}()
	select {
	case got := <-done:
		if got.err != nil && !errors.Is(got.err, keyring.ErrNotFound) {
			return "", fmt.Errorf("%w: %w", ErrKeyring, got.err)
		}
		return got.secret, got.err
	case <-time.After(keyringPatience):
		return "", fmt.Errorf("%w within %s", ErrKeyring, keyringPatience)
	}
}

// hasKeyring asks whether there is a session bus to speak to. Without one the library
// would start a bus of its own and leave it behind.
func hasKeyring() bool {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return true
	}
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	bus := filepath.Join("/run/user", strconv.Itoa(os.Getuid()), "bus")
	_, err := os.Stat(bus)
	return err == nil
}
