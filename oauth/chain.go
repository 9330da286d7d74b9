package oauth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/store"
)

const refreshPrefix = "hcr_"

// Chain makes refresh tokens, hcr_<key id>.<sid>.<jti>.<mac>, and derives each one's successor from it. Because the
// successor is derived and not drawn, a retry or a parallel use gets the same one, the chain never forks, and no secret
// has to be remembered for a client whose answer was lost.
type Chain struct{ secret *keys.Secret }

// NewChain derives under this purpose key.
func NewChain(secret *keys.Secret) *Chain { return &Chain{secret} }

// refreshToken is a token whose mac is good.
type refreshToken struct {
	keyID string
	sid   string
	jti   string
}

// First draws the identifier of a family's first token, and derives the second.
func (c *Chain) First(sid string) (jti, next string) {
	jti = store.RandomText(16)
	_, key := c.secret.Current()
	return jti, derive(key, "next", sid, jti)
}

// first is the token for a grant that was just redeemed.
func (c *Chain) first(sid, jti string) string {
	id, key := c.secret.Current()
	return write(id, key, sid, jti)
}

// write is the token that succeeds t: the whole family stays under the key that it began with.
func (c *Chain) write(t refreshToken, jti string) (string, bool) {
	key, ok := c.secret.Key(t.keyID)
	if !ok {
		return "", false
	}
	return write(t.keyID, key, t.sid, jti), true
}

// parse reads a token. Garbage, and what was made under a key that is gone, is refused here and touches no store.
func (c *Chain) parse(token string) (refreshToken, bool) {
	body, ok := strings.CutPrefix(token, refreshPrefix)
	if !ok || len(token) > 256 {
		return refreshToken{}, false
	}
	parts := strings.Split(body, ".")
	if len(parts) != 4 || !store.ValidID(store.SessionPrefix, parts[1]) {
		return refreshToken{}, false
	}
	t := refreshToken{keyID: parts[0], sid: parts[1], jti: parts[2]}
	key, ok := c.secret.Key(t.keyID)
	if !ok {
		return refreshToken{}, false
	}
	want := derive(key, "mac", t.sid, t.jti)
	return t, subtle.ConstantTimeCompare([]byte(want), []byte(parts[3])) == 1
}

// following derives the two tokens after t.
func (c *Chain) following(t refreshToken) (next, afterNext string) {
	key, _ := c.secret.Key(t.keyID)
	next = derive(key, "next", t.sid, t.jti)
	return next, derive(key, "next", t.sid, next)
}

func write(keyID string, key []byte, sid, jti string) string {
	return refreshPrefix + keyID + "." + sid + "." + jti + "." + derive(key, "mac", sid, jti)
}

// derive is HMAC-SHA-256 over length-prefixed parts, cut to 128 bits.
func derive(key []byte, parts ...string) string {
	h := hmac.New(sha256.New, key)
	var size [4]byte
	for _, part := range parts {
		binary.BigEndian.PutUint32(size[:], uint32(len(part))) //nolint:gosec // G115: parts are short
		h.Write(size[:])
		h.Write([]byte(part))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}
