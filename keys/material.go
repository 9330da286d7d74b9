package keys

import (
	"bytes"
	"crypto"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base32"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"

	"github.com/go-jose/go-jose/v4"
)

const (
	rsaBits   = 2048
	rootBytes = 32
)

// material is a manifest together with the keys that it names. It is not changed once it is in use.
type material struct {
	manifest
	keys  map[string]*rsa.PrivateKey
	roots map[string][]byte
}

func noMaterial() material {
	return material{keys: map[string]*rsa.PrivateKey{}, roots: map[string][]byte{}}
}

// load reads the manifest and the keys that are not held already.
func (f folder) load(held material, signing, roots bool) (material, error) {
	read, err := f.loadOnce(held, signing, roots)
	if errors.Is(err, fs.ErrNotExist) {
		// Another process deleted a retired key between our reading of the manifest and of the key.
		return f.loadOnce(held, signing, roots)
	}
	return read, err
}

func (f folder) loadOnce(held material, signing, roots bool) (material, error) {
	read := noMaterial()
	var err error
	if read.manifest, err = f.read(); err != nil {
		return read, err
	}
	if signing {
		if read.keys, err = gather(read.Signing, held.keys, f.readKey); err != nil {
			return read, err
		}
	}
	if roots {
		read.roots, err = gather(read.Roots, held.roots, f.readRoot)
	}
	return read, err
}

// gather reads what is not held yet.
func gather[T any](entries []entry, held map[string]T, read func(id string) (T, error)) (map[string]T, error) {
	all := make(map[string]T, len(entries))
	for _, e := range entries {
		one, ok := held[e.ID]
		if !ok {
			var err error
			if one, err = read(e.ID); err != nil {
				return nil, err
			}
		}
		all[e.ID] = one
	}
	return all, nil
}

func (f folder) readKey(kid string) (*rsa.PrivateKey, error) {
	if !validID(kid) {
		return nil, fmt.Errorf("signing key has the impossible name %q", kid)
	}
	text, err := readPrivate(f.path(kid, signingSuffix))
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	found, err := parsePEM(text)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", kid, err)
	}
	if thumbprint(&found[0].PublicKey) != kid {
		return nil, fmt.Errorf("signing key %s: the file holds another key than its name says", kid)
	}
	return found[0], nil
}

func (f folder) readRoot(id string) ([]byte, error) {
	if !validID(id) {
		return nil, fmt.Errorf("root has the impossible name %q", id)
	}
	text, err := readPrivate(f.path(id, rootSuffix))
	if err != nil {
		return nil, fmt.Errorf("root: %w", err)
	}
	secret, err := base64.RawURLEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(secret) != rootBytes || rootID(secret) != id {
		return nil, fmt.Errorf("root %s: the file does not hold the root that its name says", id)
	}
	return secret, nil
}

// makeKey puts a new signing key into the folder.
func (f folder) makeKey() (entry, error) {
	key, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return entry{}, fmt.Errorf("make a signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return entry{}, fmt.Errorf("make a signing key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	e := entry{ID: thumbprint(&key.PublicKey), MadeAt: f.now().UTC()}
	return e, f.add(e.ID, signingSuffix, text)
}

// makeRoot puts a new root into the folder.
func (f folder) makeRoot() (entry, error) {
	secret := make([]byte, rootBytes)
	rand.Read(secret) // never fails since Go 1.24: the program ends instead
	e := entry{ID: rootID(secret), MadeAt: f.now().UTC()}
	return e, f.add(e.ID, rootSuffix, []byte(base64.RawURLEncoding.EncodeToString(secret)+"\n"))
}

// parsePEM returns the private RSA keys in text; there is at least one.
func parsePEM(text []byte) ([]*rsa.PrivateKey, error) {
	var found []*rsa.PrivateKey
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		key, err := parseKey(block)
		if err != nil {
			return nil, err
		}
		found = append(found, key)
	}
	if len(found) == 0 {
		return nil, errors.New("no private key in PEM form was found")
	}
	return found, nil
}

func parseKey(block *pem.Block) (*rsa.PrivateKey, error) {
	var parsed any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("a PEM block %q is no unencrypted private key", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("parse private key: %w", err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok || key.N.BitLen() < rsaBits {
		return nil, fmt.Errorf("tokens are signed by RSA with at least %d bits (RFC 7518 §3.3), this key is another", rsaBits)
	}
	return key, nil
}

// thumbprint names a signing key by its RFC 7638 thumbprint, so that all who hold it call it the same.
func thumbprint(key *rsa.PublicKey) string {
	jwk := jose.JSONWebKey{Key: key}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		panic(err) // only for key types that go-jose does not know
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

var idAlphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// rootID names a root by something that derives from it: all replicas agree, and it tells nothing of the root.
func rootID(secret []byte) string { return idAlphabet.EncodeToString(derive(secret, "root id", 5)) }

// derive gives the key of this purpose (RFC 5869). Purposes never change, or what was made before is refused.
func derive(secret []byte, purpose string, length int) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, "handclasp/1/"+purpose, length)
	if err != nil {
		panic(err) // only for a length over 255 hashes
	}
	return key
}
