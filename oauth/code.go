package oauth

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/store"
)

const (
	codePrefix = "hca_"
	// codeLife is how long an authorization code can be redeemed: as long as a redirect and one request take.
	codeLife = time.Minute
)

// codeClaims are what an authorization code is bound to. They travel in the code itself, under a MAC: the ticket store
// needs to know only whether the code was spent, which it knows of a device code already.
type codeClaims struct {
	SID         string `json:"s"`
	Redirect    string `json:"r"` // hash of the redirect URI
	Challenge   string `json:"c"` // S256
	Nonce       string `json:"n,omitempty"`
	Fingerprint string `json:"f"` // hash
	Bound       bool   `json:"b"` // the client has sent the fingerprint, and must send it again
}

// codeSeal writes and reads authorization codes, hca_<key id>.<claims>.<mac>.
type codeSeal struct{ secret *keys.Secret }

// write returns a code, and the hash under which the ticket store knows it.
func (s codeSeal) write(c codeClaims) (code, secret string) {
	id, key := s.secret.Current()
	body, _ := json.Marshal(c) // of plain strings: it cannot fail
	payload := base64.RawURLEncoding.EncodeToString(body)
	mac := derive(key, "code", payload)
	return codePrefix + id + "." + payload + "." + mac, store.Digest("authorization-code", mac)
}

// read takes a code apart; ok is false for what we have not made. A code that reads well was issued: whether it was spent
// is for the ticket store to say.
func (s codeSeal) read(code string) (c codeClaims, secret string, ok bool) {
	body, ok := strings.CutPrefix(code, codePrefix)
	if !ok {
		return c, "", false
	}
	parts := strings.Split(body, ".")
	if len(parts) != 3 {
		return c, "", false
	}
	key, ok := s.secret.Key(parts[0])
	if !ok || subtle.ConstantTimeCompare([]byte(derive(key, "code", parts[1])), []byte(parts[2])) != 1 {
		return c, "", false
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &c) != nil || !store.ValidID(store.SessionPrefix, c.SID) {
		return c, "", false
	}
	return c, store.Digest("authorization-code", parts[2]), true
}
