package servertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/handclasp/handclasp/oauth"
)

// Wallet is a client's key, and makes its DPoP proofs (RFC 9449).
type Wallet struct {
	Nonce string // for the next proof: the newest that the server gave

	t     testing.TB
	clock *Clock
	http  *http.Client
	key   *ecdsa.PrivateKey
	x, y  string
}

// Wallet returns a new key.
func (s *Server) Wallet(t testing.TB) *Wallet {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return &Wallet{t: t, clock: s.Clock, http: s.Client(), key: key, x: encode(point[1:33]), y: encode(point[33:])}
}

// Thumbprint names the key (RFC 7638).
func (w *Wallet) Thumbprint() string {
	return digest(`{"crv":"P-256","kty":"EC","x":"` + w.x + `","y":"` + w.y + `"}`)
}

// Proof signs a proof for a request, with names and values in turn that replace its claims; an empty value takes one out.
func (w *Wallet) Proof(method, url string, claims ...any) string {
	w.t.Helper()
	body := map[string]any{"jti": rand.Text(), "htm": method, "htu": url, "iat": w.clock.Now().Unix(), "nonce": w.Nonce}
	for i := 0; i+1 < len(claims); i += 2 {
		body[claims[i].(string)] = claims[i+1]
	}
	for name, value := range body {
		if value == "" {
			delete(body, name)
		}
	}
	return w.Sign(map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": w.Public()}, body)
}

// Public is the key as proofs show it.
func (w *Wallet) Public() map[string]string {
	return map[string]string{"kty": "EC", "crv": "P-256", "x": w.x, "y": w.y}
}

// Sign signs whatever is to be said, with ES256.
func (w *Wallet) Sign(header, claims map[string]any) string {
	w.t.Helper()
	part := func(object map[string]any) string {
		text, err := json.Marshal(object)
		if err != nil {
			w.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	input := part(header) + "." + part(claims)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, w.key, sum[:])
	if err != nil {
		w.t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// shows sends a request with a proof, once more if the server wants its nonce in it, as every client of DPoP does.
func (w *Wallet) shows(make func() *http.Request, token string) Reply {
	w.t.Helper()
	for again := false; ; again = true {
		r := make()
		ath := ""
		if token != "" {
			ath = digest(token)
			r.Header.Set("Authorization", "DPoP "+token)
		}
		r.Header.Set("DPoP", w.Proof(r.Method, r.URL.Scheme+"://"+r.URL.Host+r.URL.Path, "ath", ath))
		reply := send(w.t, w.http, r)
		if nonce := reply.Header.Get("DPoP-Nonce"); nonce != "" {
			w.Nonce = nonce
		}
		if again || reply.Error() != oauth.CodeUseNonce {
			return reply
		}
	}
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// AccessHash is the claim ath of a proof for this token.
func AccessHash(token string) string { return digest(token) }
