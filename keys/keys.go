// Package keys makes, keeps, rotates and publishes the keys of a server: the RSA keys that sign tokens, and the root
// from which every other secret derives by its purpose.
//
// They lie in one folder, which any number of server processes may share: a PEM file for each signing key, a file for
// each root, and keyring.json, which says in what state each of them is. The folder is changed only under its lock and a
// file in it is never overwritten with another key, so servers that are started at once agree on what they use.
//
// A signing key is next (published, does not sign yet), active (signs), then retired (published until the last token
// that it signed has ended and every cache has let go of it). A root is next for a minute, so that every replica knows
// it before it is used, then active, then retired: it still derives what was made under it, until it is told to go.
package keys

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// The refusals of Rotate and Retire. Any other error means that the folder could not be read or written.
var (
	// ErrTooEarly: the next key has not been published long enough for every cache to know it.
	ErrTooEarly = errors.New("too early")
	// ErrUnknown: there is no key and no root of this name.
	ErrUnknown = errors.New("no such key")
	// ErrFixed: the key is given by the settings, so it changes there and not here.
	ErrFixed = errors.New("given by the settings")
)

// Options say where the keys lie and how long they matter. Only Dir is needed.
type Options struct {
	// Dir is the folder of the keys; it is made, with what belongs in it, if it is not there.
	Dir string
	// Signer is "auto" (libcrypto where it is there and passes its test, else Go's), "go", or "openssl" (an error if it
	// is not there).
	Signer string
	// TokenLife is the longest life of any token that is signed, by default 15 minutes: a retired key stays published
	// for that long, CacheTime and a minute for the difference of clocks.
	TokenLife time.Duration
	// CacheTime is how long others may keep the JWKS, by default 10 minutes: the next key is published at least that
	// long before it signs. Serve the document with it as max-age.
	CacheTime time.Duration
	// RootLife is how long after its replacement something may still derive from a root, by default 91 days, a day more
	// than the longest refresh grant. Before that, only Retire with now removes it.
	RootLife time.Duration
	// KeyFile and KeyPEM give the signing keys from outside, as a file that is read again when it changes, or as text.
	// The first private key signs, all the keys are published; the folder's own signing keys are then left alone.
	KeyFile string
	KeyPEM  []byte
	// RootSecret gives the roots from outside: base64 or hex of at least 32 bytes, one a line, the one in use first.
	RootSecret string

	Now func() time.Time
	Log *slog.Logger
}

// Keys are the keys as they are now. All methods may be called at once from any goroutine.
type Keys struct {
	o       Options
	folder  folder
	fixed   fixed
	backend backend

	ring atomic.Pointer[ring]

	mu      sync.Mutex // guards what follows, and is held while the folder is read again
	seen    footprint
	looked  time.Time // when an unknown name last made us look
	secrets map[string]*Secret
}

// Open reads the keys and makes those that are missing. It refuses a key file that others can read.
func Open(ctx context.Context, o Options) (*Keys, error) {
	o.fill()
	k := &Keys{o: o, folder: folder{dir: o.Dir, now: o.Now, log: o.Log}, secrets: map[string]*Secret{}}
	var err error
	if k.fixed, err = given(o); err != nil {
		return nil, err
	}
	if k.backend, err = chooseBackend(o.Signer, o.Log); err != nil {
		return nil, err
	}
	if k.usesFolder() {
		if err := k.folder.prepare(ctx, k.lacks, k.complete); err != nil {
			return nil, err
		}
	}
	if err := k.reload(); err != nil {
		return nil, err
	}
	o.Log.Info("signing keys loaded", "kid", k.Current().KID, "signer", k.Backend())
	return k, nil
}

func (o *Options) fill() {
	o.Signer = orElse(o.Signer, "auto")
	o.TokenLife = orElse(o.TokenLife, 15*time.Minute)
	o.CacheTime = orElse(o.CacheTime, 10*time.Minute)
	o.RootLife = orElse(o.RootLife, 91*24*time.Hour)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

func orElse[T comparable](value, otherwise T) T {
	if value == *new(T) {
		return otherwise
	}
	return value
}

// usesFolder is false only when the settings give everything, which is when no folder is needed.
func (k *Keys) usesFolder() bool { return !k.fixed.signing || !k.fixed.roots }

// Current returns what signs now. It is never nil and costs one atomic load.
func (k *Keys) Current() *Signing { return k.ring.Load().active }

// Public returns the public key of this name, if it is one of ours and still published. A name that is not known makes
// it look at the folder again, at most once a second: another replica may have just rotated.
func (k *Keys) Public(kid string) (*rsa.PublicKey, bool) {
	if key, ok := k.ring.Load().published[kid]; ok {
		return key, true
	}
	k.look()
	key, ok := k.ring.Load().published[kid]
	return key, ok
}

// Document is a JWKS as it is sent, and its validator.
type Document struct {
	Body []byte
	ETag string // quoted, as the header wants it
}

// JWKS returns the published keys, prebuilt. Do not change the bytes.
func (k *Keys) JWKS() Document { return k.ring.Load().document }

// CacheTime is how long others may keep what JWKS returned.
func (k *Keys) CacheTime() time.Duration { return k.o.CacheTime }

// Backend names what computes the signatures now: "go", or "openssl" and its version.
func (k *Keys) Backend() string {
	if s := k.Current(); s.fast != nil && !s.failed.Load() {
		return k.backend.name()
	}
	return goBackend{}.name()
}

// List returns every key and root, the signing keys first, the newest of each first.
func (k *Keys) List() []Info { return append([]Info(nil), k.ring.Load().infos...) }

// reload reads everything again and lets it be seen at once. The former state stays if anything is wrong.
func (k *Keys) reload() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.reloadLocked()
}

func (k *Keys) reloadLocked() error {
	// The footprint is taken before the reading: what changes in between makes it read once more, never once too few.
	seen := k.footprint()
	var held material
	if former := k.ring.Load(); former != nil {
		held = former.material
	}
	read := noMaterial()
	if k.usesFolder() {
		var err error
		if read, err = k.folder.load(held, !k.fixed.signing, !k.fixed.roots); err != nil {
			return fmt.Errorf("read keys in %s: %w", k.o.Dir, err)
		}
	}
	if err := k.fixed.overlay(&read, k.o); err != nil {
		return err
	}
	r, err := k.build(read)
	if err != nil {
		return err
	}
	k.seen = seen
	k.ring.Store(r)
	for _, s := range k.secrets {
		s.derive(r.roots)
	}
	return nil
}
