package oauth

import (
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"sync"
)

// knownMost is how many verified tokens one of the two generations holds: about a megabyte.
const knownMost = 2048

// known remembers tokens whose signature was good, by their SHA-256, so that a resource server that introspects a token at
// every request costs no RSA each time. What it holds can only be what we signed, so no stranger can fill it; when a
// generation is full the one before is forgotten.
type known struct {
	mu    sync.Mutex
	young map[[sha256.Size]byte]verified
	old   map[[sha256.Size]byte]verified
}

// verified is what a good signature said, and the key that it was made with.
type verified struct {
	claims Claims
	kid    string
	key    *rsa.PublicKey
}

func newKnown() *known { return &known{young: map[[sha256.Size]byte]verified{}} }

func (k *known) find(sum [sha256.Size]byte) (verified, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if v, ok := k.young[sum]; ok {
		return v, true
	}
	v, ok := k.old[sum]
	if ok {
		k.add(sum, v)
	}
	return v, ok
}

func (k *known) keep(sum [sha256.Size]byte, v verified) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.add(sum, v)
}

func (k *known) add(sum [sha256.Size]byte, v verified) {
	if len(k.young) >= knownMost {
		k.old, k.young = k.young, make(map[[sha256.Size]byte]verified, knownMost)
	}
	k.young[sum] = v
}

// readKnown is readAccess, and remembers the signature. Whatever may change is looked at each time: the token's times, and
// whether the key that signed it is still one of ours, since a key that has leaked is removed at once.
func (p *Provider) readKnown(token string) (Claims, error) {
	if len(token) > mostTokenSize {
		return Claims{}, errors.New("the token is too long")
	}
	sum := sha256.Sum256([]byte(token))
	v, ok := p.known.find(sum)
	if !ok {
		var err error
		if v, err = p.verifySignature(token); err != nil {
			return Claims{}, err
		}
		p.known.keep(sum, v)
	}
	if key, ok := p.Keys.Public(v.kid); !ok || !key.Equal(v.key) {
		return Claims{}, errors.New("the token was not signed by a key of ours")
	}
	return v.claims, p.checkClaims(v.claims)
}
