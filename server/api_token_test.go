package server_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
)

// apiClaims reads the claims of a token without a look at its signature.
func apiClaims(t testing.TB, token string) map[string]any {
	t.Helper()
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(parsed.UnsafePayloadWithoutVerification(), &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// apiSession is the session of an access token.
func apiSession(t testing.TB, token string) string {
	t.Helper()
	sid, _ := apiClaims(t, token)["sid"].(string)
	return sid
}

// forged signs claims with a header of one's own.
func forged(t *testing.T, alg jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return forgedText(t, alg, key, header, string(payload))
}

// ownKey reads the server's private key from its folder: what follows differs from a good token in one thing only.
func ownKey(t *testing.T, dir, kid string) *rsa.PrivateKey {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "keys", kid+".pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
}

func TestTokensThatAreNotOurs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := servertest.Start(t, servertest.Options{LimitScale: 1000, Dir: dir})
	s.Clock.Hold()
	d := s.Terminal(t)
	good := d.LogIn(apiPerson(t, s, "mara")).AccessToken
	kid := s.Keys.Current().KID
	own := ownKey(t, dir, kid)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&own.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	typ := func(typ string, more ...any) map[jose.HeaderKey]any {
		header := map[jose.HeaderKey]any{"kid": kid}
		if typ != "" {
			header["typ"] = typ
		}
		for i := 0; i+1 < len(more); i += 2 {
			header[jose.HeaderKey(more[i].(string))] = more[i+1]
		}
		return header
	}
	claims := func(name string, value any) map[string]any {
		changed := maps.Clone(apiClaims(t, good))
		if value == nil {
			delete(changed, name)
		} else {
			changed[name] = value
		}
		return changed
	}
	same, now := claims("", nil), s.Clock.Now().Unix()
	parts := strings.Split(good, ".")
	none := "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." // {"alg":"none","typ":"at+jwt"}

	if reply := d.Call(http.MethodGet, "/v1/me", forged(t, jose.RS256, own, typ("at+jwt"), same)); reply.Status != http.StatusOK {
		t.Fatalf("the test cannot sign as the server does: %d %s", reply.Status, reply.Body)
	}
	if reply := d.Call(http.MethodGet, "/v1/me", forged(t, jose.RS256, own, typ("application/at+jwt"), same)); reply.Status != http.StatusOK {
		t.Errorf("the long form of typ is refused: %d", reply.Status)
	}
	for name, token := range map[string]string{
		"nonsense":                  "x",
		"two parts":                 parts[0] + "." + parts[1],
		"no signature":              parts[0] + "." + parts[1] + ".",
		"alg none":                  none + parts[1] + ".",
		"alg none, signed":          none + parts[1] + "." + parts[2],
		"altered claims":            parts[0] + "." + parts[1][:20] + "A" + parts[1][21:] + "." + parts[2],
		"altered signature":         good[:len(good)-40] + "AAAA" + good[len(good)-36:],
		"HS256 with the public key": forged(t, jose.HS256, publicPEM, typ("at+jwt"), same),
		"HS256 with its DER":        forged(t, jose.HS256, public, typ("at+jwt"), same),
		"RS512":                     forged(t, jose.RS512, own, typ("at+jwt"), same),
		"PS256":                     forged(t, jose.PS256, own, typ("at+jwt"), same),
		"another key, our kid":      forged(t, jose.RS256, stranger, typ("at+jwt"), same),
		"another kid":               forged(t, jose.RS256, own, typ("at+jwt", "kid", "other"), same),
		"another key in jwk":        forged(t, jose.RS256, stranger, typ("at+jwt", "jwk", jose.JSONWebKey{Key: stranger.Public()}), same),
		"another key at jku":        forged(t, jose.RS256, stranger, typ("at+jwt", "jku", "http://127.0.0.1:1/jwks"), same),
		"unknown critical header":   forged(t, jose.RS256, own, typ("at+jwt", "crit", []string{"x"}, "x", 1), same),
		"an ID token":               forged(t, jose.RS256, own, typ("JWT"), same),
		"no typ":                    forged(t, jose.RS256, own, typ(""), same),
		"expired":                   forged(t, jose.RS256, own, typ("at+jwt"), claims("exp", now-1)),
		"no expiry":                 forged(t, jose.RS256, own, typ("at+jwt"), claims("exp", nil)),
		"from the future":           forged(t, jose.RS256, own, typ("at+jwt"), claims("iat", now+120)),
		"another issuer":            forged(t, jose.RS256, own, typ("at+jwt"), claims("iss", "https://x.example.test")),
		"another audience":          forged(t, jose.RS256, own, typ("at+jwt"), claims("aud", "https://x.example.test")),
		"no audience":               forged(t, jose.RS256, own, typ("at+jwt"), claims("aud", nil)),
		"no session":                forged(t, jose.RS256, own, typ("at+jwt"), claims("sid", nil)),
		"a session with braces":     forged(t, jose.RS256, own, typ("at+jwt"), claims("sid", "{}*")),
		"another session":           forged(t, jose.RS256, own, typ("at+jwt"), claims("sid", "ses_00000000000000000000000000")),
		"no jti":                    forged(t, jose.RS256, own, typ("at+jwt"), claims("jti", nil)),
		"claims that are no object": forgedText(t, jose.RS256, own, typ("at+jwt"), `"x"`),
		"9 kB":                      good + strings.Repeat("A", 9<<10),
	} {
		t.Run(name, func(t *testing.T) {
			for method, path := range map[string]string{http.MethodGet: "/v1/me", http.MethodDelete: "/v1/sessions"} {
				mustSay(t, d.Call(method, path, token), http.StatusUnauthorized, oauth.CodeInvalidToken)
			}
		})
	}
	t.Run("not in the header", func(t *testing.T) {
		mustSay(t, d.Call(http.MethodGet, "/v1/me?access_token="+good, ""), http.StatusUnauthorized, oauth.CodeInvalidToken)
	})
	t.Run("too old", func(t *testing.T) {
		s.Clock.Advance(15*time.Minute + time.Second)
		mustSay(t, d.Call(http.MethodGet, "/v1/me", good), http.StatusUnauthorized, oauth.CodeInvalidToken)
	})
}

// forgedText signs a text of one's own in the place of claims.
func forgedText(t *testing.T, alg jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any, payload string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, &jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
