package oauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/handclasp/handclasp/keys"
)

// reader is as much of a provider as reads proofs. The processes of a fuzzer have one time and one secret, so that what one of
// them finds is the same to the others.
func reader(t testing.TB, root string) *Provider {
	t.Helper()
	now := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	o := keys.Options{
		Dir: t.TempDir(), RootSecret: strings.Repeat(root, 32), TokenLife: time.Minute, RootLife: time.Hour,
		Now: func() time.Time { return now },
	}
	k, err := keys.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse("https://login.example.test")
	if err != nil {
		t.Fatal(err)
	}
	return &Provider{Options: Options{Now: o.Now}, nonces: nonceSeal{k.Secret("dpop nonce")}, base: base}
}

// signProof is a proof for POST /oauth/token with what else is to be in it.
func signProof(t testing.TB, more map[string]any) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key},
		(&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{"jti": "one", "htm": "POST", "htu": "https://login.example.test/oauth/token"}
	for name, value := range more {
		claims[name] = value
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// FuzzProofOfARequest looks for a header that is neither a good proof nor one of the two refusals.
func FuzzProofOfARequest(f *testing.F) {
	p := reader(f, "a1")
	now := p.Now().Unix()
	f.Add(signProof(f, map[string]any{"iat": now}), "/oauth/token", false)
	f.Add(signProof(f, map[string]any{"iat": 1, "nonce": p.Nonce()}), "/oauth/token", true)
	f.Add(signProof(f, map[string]any{"iat": now, "nonce": "garbage"}), "/oauth/token", true)
	f.Add(signProof(f, map[string]any{"iat": now - 3600}), "/oauth/./%74oken", false)
	for _, text := range []string{"", "..", "e30.e30.", "garbage"} {
		f.Add(text, "/oauth/token", true)
	}
	f.Fuzz(func(t *testing.T, text, path string, needsNonce bool) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		r.URL.Path, r.URL.RawPath = path, ""
		r.Header.Set("DPoP", text)
		shown, err := p.readProof(r, needsNonce)
		var refusal *Error
		switch {
		case err == nil && shown == nil:
			t.Fatalf("%q passes for no proof at all", text)
		case err == nil && (len(shown.key) != 43 || !strings.HasPrefix(shown.name, "dpop:") || shown.until.Before(p.Now()) || shown.until.After(p.Now().Add(nonceLife+2*skew))):
			t.Fatalf("%q is %+v", text, shown)
		case err != nil && (!errors.As(err, &refusal) || refusal.Code != CodeInvalidProof && refusal.Code != CodeUseNonce):
			t.Fatalf("%q is refused with %v", text, err)
		}
	})
}

// FuzzNonce looks for a nonce that we have not made and take for ours.
func FuzzNonce(f *testing.F) {
	p := reader(f, "a1")
	good := p.Nonce()
	for _, text := range []string{good, good + ".", "." + good, "..", strings.ToUpper(good), strings.Replace(good, ".", ".-", 1)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		made, ok := p.nonces.read(text)
		if ok && p.nonces.write(made) != text {
			t.Fatalf("%q is taken for one of ours", text)
		}
	})
}

func TestNoncesAreOursAlone(t *testing.T) {
	t.Parallel()
	mine, theirs := reader(t, "a1"), reader(t, "b2")
	if _, ok := theirs.nonces.read(mine.Nonce()); ok {
		t.Error("a nonce of another server is good")
	}
	if made, ok := mine.nonces.read(mine.Nonce()); !ok || !made.Equal(mine.Now()) {
		t.Errorf("a nonce was made at %v (%t), now is %v", made, ok, mine.Now())
	}
}

// The algorithms that the metadata names are all taken.
func TestProofsOfEveryNamedAlgorithmAreTaken(t *testing.T) {
	t.Parallel()
	p := reader(t, "a1")
	for _, alg := range assertionAlgs {
		key, public := keyFor(t, alg)
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key},
			(&jose.SignerOptions{}).WithType("dpop+jwt").WithHeader("jwk", jose.JSONWebKey{Key: public}))
		if err != nil {
			t.Fatal(err)
		}
		claims, err := json.Marshal(map[string]any{"jti": "one", "htm": "POST", "htu": "https://login.example.test/oauth/token", "iat": p.Now().Unix()})
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signer.Sign(claims)
		if err != nil {
			t.Fatal(err)
		}
		text, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth/token", nil)
		r.Header.Set("DPoP", text)
		if shown, err := p.readProof(r, nonceOptional); err != nil || len(shown.key) != 43 {
			t.Errorf("%s: %+v, %v", alg, shown, err)
		}
	}
}

func keyFor(t *testing.T, alg jose.SignatureAlgorithm) (private, public any) {
	t.Helper()
	switch alg {
	case jose.ES256:
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key, &key.PublicKey
	case jose.EdDSA:
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return private, public
	default:
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		return key, &key.PublicKey
	}
}
