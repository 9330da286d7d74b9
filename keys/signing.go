package keys

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
)

// Signing is the key that signs now. It is immutable: take it once for each token, so that kid and signature agree.
type Signing struct {
	KID string

	key    *rsa.PrivateKey
	fast   digester // nil when Go signs
	failed atomic.Bool
	log    *slog.Logger
}

// digester signs a SHA-256 digest by PKCS #1 v1.5, from any number of goroutines.
type digester interface {
	signDigest(digest *[sha256.Size]byte) ([]byte, error)
}

// backend makes what signs with a key. It makes nil if Go's own RSA is to do it.
type backend interface {
	name() string
	digester(key *rsa.PrivateKey) (digester, error)
}

// goBackend leaves the work to crypto/rsa.
type goBackend struct{}

func (goBackend) name() string                               { return "go" }
func (goBackend) digester(*rsa.PrivateKey) (digester, error) { return nil, nil }

// errNoLibcrypto: this machine or this build has none.
var errNoLibcrypto = errors.New("libcrypto is not available")

// chooseBackend obeys the setting, and says in the log why it is Go's own RSA if it could have been faster.
func chooseBackend(setting string, log *slog.Logger) (backend, error) {
	switch setting {
	case "go":
		return goBackend{}, nil
	case "auto", "openssl":
	default:
		return nil, fmt.Errorf("signer %q is none of auto, go, openssl", setting)
	}
	b, err := openLibcrypto()
	if err == nil {
		return b, nil
	}
	if setting == "openssl" {
		return nil, fmt.Errorf("open the signer openssl: %w", err)
	}
	log.Info("signatures are computed by Go's own RSA, which is about three times slower", "cause", err)
	return goBackend{}, nil
}

// newSigning prepares a key with the signer that it was told to use, after a test with this very key.
func newSigning(kid string, key *rsa.PrivateKey, b backend, log *slog.Logger) (*Signing, error) {
	s := &Signing{KID: kid, key: key, log: log}
	fast, err := b.digester(key)
	if err != nil || fast == nil {
		return s, err
	}
	if err := agree(fast, key); err != nil {
		return s, fmt.Errorf("self-test: %w", err)
	}
	s.fast = fast
	return s, nil
}

// agree signs with one signer and verifies with the other.
func agree(fast digester, key *rsa.PrivateKey) error {
	digest := sha256.Sum256([]byte("handclasp self-test"))
	signature, err := fast.signDigest(&digest)
	if err != nil {
		return err
	}
	return rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature)
}

// Sign returns the RS256 signature of message (RSASSA-PKCS1-v1_5 with SHA-256).
func (s *Signing) Sign(message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	return s.signDigest(&digest)
}

func (s *Signing) signDigest(digest *[sha256.Size]byte) ([]byte, error) {
	if s.fast != nil && !s.failed.Load() {
		signature, err := s.fast.signDigest(digest)
		if err == nil {
			return signature, nil
		}
		if s.failed.CompareAndSwap(false, true) {
			s.log.Error("the signer failed, Go's own RSA signs from now on", "kid", s.KID, "error", err)
		}
	}
	signature, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, digest[:])
	if err != nil {
		return nil, fmt.Errorf("sign with key %s: %w", s.KID, err)
	}
	return signature, nil
}

// Signer returns the same as a crypto.Signer, which accepts SHA-256 digests and no other padding than PKCS #1 v1.5.
func (s *Signing) Signer() crypto.Signer { return signer{s} }

type signer struct{ s *Signing }

func (w signer) Public() crypto.PublicKey { return &w.s.key.PublicKey }

func (w signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	_, pss := opts.(*rsa.PSSOptions)
	if pss || opts.HashFunc() != crypto.SHA256 || len(digest) != sha256.Size {
		return nil, errors.New("sign: the key makes RS256 signatures only")
	}
	return w.s.signDigest((*[sha256.Size]byte)(digest))
}
