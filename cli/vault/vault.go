// Package vault keeps what a sign-in leaves on this machine: the refresh token in the
// keyring of the operating system when there is one, everything else, and the refresh
// token where there is none, in a file that only its owner can read.
package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// ErrNone says that nothing is kept under a profile.
var ErrNone = errors.New("nothing is kept under this profile")

// Vault is one folder of credentials. Several processes may use it at once.
type Vault struct {
	// Dir is the folder; it is made when something is first kept.
	Dir string
	// Service is the name under which the keyring shows its entries.
	Service string
	// Keyring allows the use of the operating system's keyring.
	Keyring bool
}

// Credentials is one sign-in: one server, one account, one device.
type Credentials struct {
	Issuer      string `json:"issuer"`
	ClientID    string `json:"client_id"`
	Fingerprint string `json:"fingerprint"`
	DeviceName  string `json:"device_name,omitempty"`
	UserID      string `json:"user_id,omitempty"`
	Email       string `json:"email,omitempty"`
	// RefreshToken is what lies in the file; RefreshToken of the Vault also asks the
	// keyring.
	RefreshToken string `json:"refresh_token,omitempty"`
	// InKeyring says that the refresh token lies in the keyring and not here.
	InKeyring bool `json:"in_keyring,omitempty"`
	// Key is the device's key, if it lies in the file; Key of the Vault also asks the keyring.
	Key string `json:"key,omitempty"`
	// KeyInKeyring says that the key lies in the keyring and not here.
	KeyInKeyring bool       `json:"key_in_keyring,omitempty"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty"` // of the session, at most
	// Access holds the access tokens by resource; "" is the client's default one.
	Access map[string]Access `json:"access,omitempty"`
}

// Access is an access token that may still be good.
type Access struct {
	Token      string    `json:"token"`
	Bound      bool      `json:"bound,omitempty"` // to the device's key
	Scope      string    `json:"scope,omitempty"`
	ObtainedAt time.Time `json:"obtained_at"`
	ExpiresAt  time.Time `json:"expires_at"`
}

// Live tells whether there is a refresh token, wherever it lies. Without one the session
// has ended, and the fingerprint waits for the next login.
func (c Credentials) Live() bool { return c.RefreshToken != "" || c.InKeyring }

var profileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CheckProfile tells whether a name can be a profile's: it becomes part of a file's name.
func CheckProfile(name string) error {
	if !profileName.MatchString(name) {
		return fmt.Errorf("%q cannot name a profile: letters, digits, dots and dashes, 64 at most", name)
	}
	return nil
}

// Path is where the file of credentials lies, whether it exists or not.
func (v *Vault) Path() string { return filepath.Join(v.Dir, "credentials.json") }

// Load gives what the file keeps under a profile, or ErrNone. It leaves the keyring
// alone, which may be slow or ask the person.
func (v *Vault) Load(profile string) (Credentials, error) {
	all, err := v.read()
	if err != nil {
		return Credentials{}, err
	}
	kept, ok := all.Profiles[profile]
	if !ok {
		return Credentials{}, ErrNone
	}
	return kept, nil
}

// RefreshToken gives the refresh token of loaded credentials from where it lies, or
// ErrNone if somebody emptied the keyring.
func (v *Vault) RefreshToken(profile string, kept Credentials) (string, error) {
	switch {
	case kept.RefreshToken != "":
		return kept.RefreshToken, nil
	case kept.InKeyring:
		return v.ring(profile).get()
	}
	return "", ErrNone
}

// Key gives the device's key of loaded credentials from where it lies, empty if there is none; ErrNone if somebody emptied the
// keyring.
func (v *Vault) Key(profile string, kept Credentials) (string, error) {
	if kept.KeyInKeyring {
		return v.keyRing(profile).get()
	}
	return kept.Key, nil
}

// Save keeps credentials under a profile. A new refresh token, and the key, go into the keyring if
// that works, else into the file: losing them would be worse.
func (v *Vault) Save(ctx context.Context, profile string, kept Credentials) error {
	if kept.RefreshToken != "" {
		kept.InKeyring = v.Keyring && v.ring(profile).set(kept.RefreshToken) == nil
	}
	if kept.InKeyring {
		kept.RefreshToken = ""
	}
	if kept.Key != "" {
		kept.KeyInKeyring = v.Keyring && v.keyRing(profile).set(kept.Key) == nil
	}
	if kept.KeyInKeyring {
		kept.Key = ""
	}
	var before Credentials
	err := v.change(ctx, func(all *contents) {
		before = all.Profiles[profile]
		all.Profiles[profile] = kept
	})
	// What the keyring still holds is read by nobody any more.
	if err == nil && before.InKeyring && !kept.InKeyring {
		_ = v.ring(profile).delete()
	}
	if err == nil && before.KeyInKeyring && !kept.KeyInKeyring {
		_ = v.keyRing(profile).delete()
	}
	return err
}

// Delete forgets a profile, here and in the keyring.
func (v *Vault) Delete(ctx context.Context, profile string) error {
	var before Credentials
	err := v.change(ctx, func(all *contents) {
		before = all.Profiles[profile]
		delete(all.Profiles, profile)
	})
	if before.InKeyring {
		err = errors.Join(err, v.ring(profile).delete())
	}
	if before.KeyInKeyring {
		err = errors.Join(err, v.keyRing(profile).delete())
	}
	return err
}

// Remember notes the server of a profile. It outlives the credentials, so that the
// next login need not name it.
func (v *Vault) Remember(ctx context.Context, profile, issuer string) error {
	unlock, err := v.lock(ctx, "credentials")
	if err != nil {
		return err
	}
	defer unlock()
	servers, err := v.servers()
	if err != nil {
		return err
	}
	if servers[profile] == issuer {
		return nil
	}
	servers[profile] = issuer
	return writeJSON(v.serversPath(), servers)
}

// Remembered gives the server of a profile, or nothing.
func (v *Vault) Remembered(profile string) (string, error) {
	servers, err := v.servers()
	return servers[profile], err
}

func (v *Vault) serversPath() string { return filepath.Join(v.Dir, "servers.json") }

func (v *Vault) servers() (map[string]string, error) {
	servers := map[string]string{}
	err := readJSON(v.serversPath(), &servers)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return servers, err
}
