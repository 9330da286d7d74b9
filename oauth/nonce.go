package oauth

import (
	"crypto/subtle"
	"strconv"
	"strings"
	"time"

	"github.com/handclasp/handclasp/keys"
)

// nonceLife is how long a nonce is good: as long as a held poll and a slow network take, many times over.
const nonceLife = 5 * time.Minute

// nonceSeal makes the nonces of proofs (RFC 9449 §8), <key id>.<time>.<mac>. Nothing is kept of them: a nonce tells when it was
// made, and that it was made here, to every replica.
type nonceSeal struct{ secret *keys.Secret }

func (s nonceSeal) write(now time.Time) string {
	id, key := s.secret.Current()
	made := strconv.FormatInt(now.Unix(), 36)
	return id + "." + made + "." + derive(key, "nonce", made)
}

// read tells when a nonce was made; ok is false of what we have not made.
func (s nonceSeal) read(nonce string) (made time.Time, ok bool) {
	parts := strings.Split(nonce, ".")
	if len(nonce) > 64 || len(parts) != 3 {
		return time.Time{}, false
	}
	key, ok := s.secret.Key(parts[0])
	if !ok || subtle.ConstantTimeCompare([]byte(derive(key, "nonce", parts[1])), []byte(parts[2])) != 1 {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseInt(parts[1], 36, 64)
	return time.Unix(seconds, 0), err == nil
}

// Nonce is a nonce for the next proof of whoever has shown one (RFC 9449 §8.2).
func (p *Provider) Nonce() string { return p.nonces.write(p.Now()) }
