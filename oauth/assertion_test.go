package oauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// holder is a client that proves itself by a key.
type holder struct {
	*servertest.Terminal
	t   testing.TB
	s   *servertest.Server
	id  string
	alg jose.SignatureAlgorithm
	key crypto.Signer
}

// testKeys are made once: RSA keys take their time.
var testKeys = sync.OnceValue(func() map[jose.SignatureAlgorithm]crypto.Signer {
	rsaKey, err1 := rsa.GenerateKey(rand.Reader, 2048)
	ecKey, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, edKey, err3 := ed25519.GenerateKey(rand.Reader)
	if err1 != nil || err2 != nil || err3 != nil {
		panic("make keys")
	}
	return map[jose.SignatureAlgorithm]crypto.Signer{jose.RS256: rsaKey, jose.PS256: rsaKey, jose.ES256: ecKey, jose.EdDSA: edKey}
})

func jwks(t testing.TB, keys ...jose.JSONWebKey) string {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := oauth.ReadKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// keyed registers a service that has a key by this algorithm, named k1, and no secret.
func keyed(t testing.TB, s *servertest.Server, id string, alg jose.SignatureAlgorithm, change func(*store.Client)) *holder {
	t.Helper()
	key := testKeys()[alg]
	service(t, s, id, func(c *store.Client) {
		c.SecretHashes, c.JWKS = nil, jwks(t, jose.JSONWebKey{Key: key.Public(), KeyID: "k1"})
		if change != nil {
			change(c)
		}
	})
	return &holder{Terminal: foreign(t, s, id), t: t, s: s, id: id, alg: alg, key: key}
}

// claims are those of a good assertion, with changes by names and values in turn; nil takes a claim out.
func (h *holder) claims(changes ...any) map[string]any {
	now := h.s.Clock.Now()
	claims := map[string]any{
		"iss": h.id, "sub": h.id, "aud": h.s.Issuer, "jti": store.RandomText(16), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	for i := 0; i+1 < len(changes); i += 2 {
		name := changes[i].(string)
		if claims[name] = changes[i+1]; changes[i+1] == nil {
			delete(claims, name)
		}
	}
	return claims
}

func signedBy(t testing.TB, alg jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any, claims map[string]any) string {
	t.Helper()
	options := &jose.SignerOptions{ExtraHeaders: maps.Clone(header)}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (h *holder) sign(changes ...any) string {
	h.t.Helper()
	return signedBy(h.t, h.alg, h.key, map[jose.HeaderKey]any{"kid": "k1"}, h.claims(changes...))
}

// proof is a form with an assertion in it.
func proof(assertion string, pairs ...string) url.Values {
	form := fields(pairs...)
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
	return form
}

// ask asks for a service's token by an assertion.
func (h *holder) ask(assertion string, pairs ...string) servertest.Reply {
	h.t.Helper()
	return h.Post("/oauth/token", proof(assertion, append([]string{"grant_type", oauth.GrantClient}, pairs...)...))
}

func TestClientProvesItselfByEachKindOfKey(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		for _, alg := range []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA} {
			h := keyed(t, s, "robot-"+string(alg), alg, nil)
			mustGive(t, h.ask(h.sign()))
			mustGive(t, h.ask(h.sign("aud", s.Issuer+"/oauth/token"), "client_id", h.id))
			mustGive(t, h.ask(h.sign("aud", []string{s.Issuer})))
			mustGive(t, h.ask(signedBy(t, alg, h.key, nil, h.claims()))) // without kid
		}
	})
}

func TestAssertionServesEveryEndpoint(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		h := keyed(t, s, "robot", jose.ES256, func(c *store.Client) {
			c.Grants = []string{oauth.GrantClient, oauth.GrantDevice, oauth.GrantRefresh}
		})
		token := mustGive(t, h.ask(h.sign())).AccessToken
		var told oauth.Introspection
		h.Post("/oauth/introspect", proof(h.sign(), "token", token)).Decode(t, &told)
		if !told.Active || told.Subject != "robot" {
			t.Errorf("introspection says %+v", told)
		}
		if reply := h.Post("/oauth/revoke", proof(h.sign(), "token", token)); reply.Status != http.StatusOK {
			t.Errorf("revoke: %d %s", reply.Status, reply.Body)
		}
		var asked servertest.Asked
		reply := h.Post("/oauth/device_authorization", proof(h.sign(), "scope", "deploy:write"))
		reply.Decode(t, &asked)
		if reply.Status != http.StatusOK {
			t.Fatalf("ask for codes: %d %s", reply.Status, reply.Body)
		}
		person(t, s, "mara").Approve(asked.UserCode)
		tokens := mustGive(t, h.Post("/oauth/token", proof(h.sign(), "grant_type", oauth.GrantDevice, "device_code", asked.DeviceCode)))
		mustGive(t, h.Post("/oauth/token", proof(h.sign(), "grant_type", oauth.GrantRefresh, "refresh_token", tokens.RefreshToken)))
	})
}

func TestAssertionIsGoodOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		h := keyed(t, s, "robot", jose.ES256, nil)
		once := h.sign("exp", s.Clock.Now().Add(5*time.Minute).Unix())
		mustGive(t, h.ask(once))
		mustRefuse(t, h.ask(once), oauth.CodeInvalidClient)
		mustRefuse(t, h.Post("/oauth/introspect", proof(once, "token", "x")), oauth.CodeInvalidClient)
		mustRefuse(t, h.Post("/oauth/revoke", proof(once, "token", "x")), oauth.CodeInvalidClient)
		mustRefuse(t, h.Post("/oauth/token", proof(once, "grant_type", oauth.GrantClient)), oauth.CodeInvalidClient)
		s.Clock.Advance(5*time.Minute + 30*time.Second) // within the skew it is not forgotten yet
		mustRefuse(t, h.ask(once), oauth.CodeInvalidClient)
		s.Clock.Advance(2 * time.Minute)
		mustRefuse(t, h.ask(once), oauth.CodeInvalidClient)
	})
}

func TestOfManyUsesOfAnAssertionOneSucceeds(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		h := keyed(t, s, "robot", jose.ES256, nil)
		once := h.sign()
		replies := make([]servertest.Reply, 16)
		var wait sync.WaitGroup
		for i := range replies {
			wait.Go(func() { replies[i] = h.ask(once) })
		}
		wait.Wait()
		given := 0
		for _, reply := range replies {
			if reply.Status == http.StatusOK {
				given++
			} else {
				mustRefuse(t, reply, oauth.CodeInvalidClient)
			}
		}
		if given != 1 {
			t.Errorf("%d of them were served", given)
		}
	})
}

func TestTwoClientsMayChooseTheSameJTI(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		one, two := keyed(t, s, "one", jose.ES256, nil), keyed(t, s, "two", jose.EdDSA, nil)
		mustGive(t, one.ask(one.sign("jti", "1")))
		mustGive(t, two.ask(two.sign("jti", "1")))
		mustRefuse(t, two.ask(two.sign("jti", "1")), oauth.CodeInvalidClient)
	})
}

func TestAssertionThatClaimsTooMuchIsRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		s.Clock.Hold()
		h, now := keyed(t, s, "robot", jose.ES256, nil), s.Clock.Now().Unix()
		keyed(t, s, "other", jose.EdDSA, nil)
		for name, changes := range map[string][]any{
			"audience of somebody else":      {"aud", "https://other.example.test"},
			"audience with a slash":          {"aud", s.Issuer + "/"},
			"audience another endpoint":      {"aud", s.Issuer + "/oauth/introspect"},
			"two audiences":                  {"aud", []string{s.Issuer, "https://other.example.test"}},
			"twice the same audience":        {"aud", []string{s.Issuer, s.Issuer}},
			"no audience":                    {"aud", nil},
			"empty list of audiences":        {"aud", []string{}},
			"another issuer":                 {"iss", "other"},
			"an unknown issuer":              {"iss", "nobody"},
			"no issuer":                      {"iss", nil},
			"another subject":                {"sub", "other"},
			"no subject":                     {"sub", nil},
			"no exp":                         {"exp", nil},
			"expired":                        {"exp", now - 61},
			"exp too far ahead":              {"exp", now + 3600},
			"exp beyond all numbers":         {"exp", 1e300},
			"exp before all numbers":         {"exp", -1e300},
			"nbf in the future":              {"nbf", now + 300},
			"iat in the future":              {"iat", now + 300},
			"no jti":                         {"jti", nil},
			"jti too long":                   {"jti", strings.Repeat("j", 257)},
			"claims of another form":         {"iss", 7},
			"the id of a user as the client": {"iss", store.NewID(store.UserPrefix), "sub", store.NewID(store.UserPrefix)},
		} {
			t.Run(name, func(t *testing.T) { mustRefuse(t, h.ask(h.sign(changes...)), oauth.CodeInvalidClient) })
		}
		mustGive(t, h.ask(h.sign("exp", now-30))) // two honest clocks
		mustGive(t, h.ask(h.sign("exp", now+300)))
	})
}

func TestAssertionThatIsNotSignedByTheClientIsRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		h := keyed(t, s, "robot", jose.RS256, nil)
		keyed(t, s, "other", jose.EdDSA, nil)
		stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKIXPublicKey(h.key.Public())
		if err != nil {
			t.Fatal(err)
		}
		kid := map[jose.HeaderKey]any{"kid": "k1"}
		with := func(name string, value any) map[jose.HeaderKey]any {
			header := maps.Clone(kid)
			header[jose.HeaderKey(name)] = value
			return header
		}
		good := h.sign()
		parts := strings.Split(good, ".")
		for name, assertion := range map[string]string{
			"nothing":                   "",
			"nonsense":                  "x",
			"alg none":                  "eyJhbGciOiJub25lIn0." + parts[1] + ".",
			"alg none, signed":          "eyJhbGciOiJub25lIn0." + parts[1] + "." + parts[2],
			"no signature":              parts[0] + "." + parts[1] + ".",
			"HS256 with the public key": signedBy(t, jose.HS256, der, kid, h.claims()),
			"RS512":                     signedBy(t, jose.RS512, h.key, kid, h.claims()),
			"a stranger's key":          signedBy(t, jose.ES256, stranger, kid, h.claims()),
			"a stranger's, without kid": signedBy(t, jose.ES256, stranger, nil, h.claims()),
			"another client's key":      signedBy(t, jose.EdDSA, testKeys()[jose.EdDSA], kid, h.claims()),
			"a kid that it has not":     signedBy(t, jose.RS256, h.key, map[jose.HeaderKey]any{"kid": "k2"}, h.claims()),
			"a stranger's key in jwk":   signedBy(t, jose.ES256, stranger, with("jwk", jose.JSONWebKey{Key: stranger.Public()}), h.claims()),
			"a stranger's key at jku":   signedBy(t, jose.ES256, stranger, with("jku", "https://keys.example.test"), h.claims()),
			"a stranger's key at x5u":   signedBy(t, jose.ES256, stranger, with("x5u", "https://keys.example.test"), h.claims()),
			"an unknown crit":           signedBy(t, jose.RS256, h.key, with("crit", []string{"x"}), h.claims()),
			"crit b64":                  signedBy(t, jose.RS256, h.key, with("crit", []string{"b64"}), h.claims()),
		} {
			t.Run(name, func(t *testing.T) { mustRefuse(t, h.ask(assertion), oauth.CodeInvalidClient) })
		}
		mustGive(t, h.ask(good)) // and none of them has used it up
		mustGive(t, h.ask(signedBy(t, jose.RS256, h.key, with("jku", "https://keys.example.test"), h.claims())))
	})
}

func TestKeyIsGoodForItsOwnAlgorithmOnly(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		h := keyed(t, s, "robot", jose.RS256, func(c *store.Client) {
			c.JWKS = jwks(t, jose.JSONWebKey{Key: testKeys()[jose.RS256].Public(), KeyID: "k1", Algorithm: "PS256"})
		})
		mustRefuse(t, h.ask(h.sign()), oauth.CodeInvalidClient)
		h.alg = jose.PS256
		mustGive(t, h.ask(h.sign()))
	})
}

func TestAssertionAndAnotherWayInOneRequestAreRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		h := keyed(t, s, "robot", jose.ES256, func(c *store.Client) { confidential(serviceSecret)(c) })
		good := h.sign()
		mustRefuse(t, h.ask(good, "client_secret", serviceSecret), oauth.CodeInvalidRequest)
		mustRefuse(t, h.ask(good, "client_id", "other"), oauth.CodeInvalidRequest)
		basic := *h
		terminal := *h.Terminal
		basic.Terminal = &terminal
		basic.Secret = serviceSecret
		mustRefuse(t, basic.ask(good), oauth.CodeInvalidRequest)
		form := proof(good, "grant_type", oauth.GrantClient)
		form["client_assertion"] = []string{good, good}
		mustRefuse(t, h.Post("/oauth/token", form), oauth.CodeInvalidRequest)
		form = proof(good, "grant_type", oauth.GrantClient)
		form.Del("client_assertion_type")
		mustRefuse(t, h.Post("/oauth/token", form), oauth.CodeInvalidClient)
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")
		mustRefuse(t, h.Post("/oauth/token", form), oauth.CodeInvalidClient)
		mustGive(t, h.ask(good))
		mustGive(t, asService(basic.Terminal)) // each way alone is good
	})
}

func TestClientWithoutKeysProvesNothingByAnAssertion(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		h := keyed(t, s, "robot", jose.ES256, nil)
		service(t, s, "secretive", nil)
		register(t, s, "public", func(c *store.Client) { c.JWKS = jwks(t, jose.JSONWebKey{Key: h.key.Public()}) })
		for _, id := range []string{"secretive", "public"} {
			h.id = id
			mustRefuse(t, h.ask(h.sign()), oauth.CodeInvalidClient)
		}
		// Nor does a client with keys alone by a secret, an empty one included.
		plain := foreign(t, s, "robot")
		mustRefuse(t, asService(plain, "client_id", "robot"), oauth.CodeInvalidClient)
		mustRefuse(t, asService(plain, "client_id", "robot", "client_secret", ""), oauth.CodeInvalidClient)
	})
}

// forgetful cannot say whether something was done before.
type forgetful struct{ store.Tickets }

func (forgetful) Mark(context.Context, string, time.Duration) (bool, error) { return true, errAway }

func TestAssertionIsNotTakenWhenItCannotBeRemembered(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 1000, Tickets: func(below store.Tickets) store.Tickets { return forgetful{below} }})
	h := keyed(t, s, "robot", jose.ES256, nil)
	mustAnswer(t, h.ask(h.sign()), http.StatusServiceUnavailable, oauth.CodeUnavailable)
}

func TestKeysOfAClientArePublicAndStrong(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024) // which is refused
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := testKeys()[jose.ES256]
	set := func(keys ...jose.JSONWebKey) string {
		text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	good := jose.JSONWebKey{Key: key.Public(), KeyID: "k1"}
	for name, text := range map[string]string{
		"nothing":           "",
		"no set":            `[]`,
		"no keys":           `{"keys":[]}`,
		"a private key":     set(jose.JSONWebKey{Key: key}),
		"a secret":          set(jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef")}),
		"a weak key":        set(jose.JSONWebKey{Key: weak.Public()}),
		"another curve":     set(jose.JSONWebKey{Key: other.Public()}),
		"for encryption":    set(jose.JSONWebKey{Key: key.Public(), Use: "enc"}),
		"another algorithm": set(jose.JSONWebKey{Key: key.Public(), Algorithm: "RS256"}),
		"one kid twice":     set(good, good),
		"an unknown kind":   `{"keys":[{"kty":"XYZ"}]}`,
		"too many":          set(make11(jose.JSONWebKey{Key: key.Public()})...),
	} {
		if kept, err := oauth.ReadKeys([]byte(text)); err == nil {
			t.Errorf("%s: kept as %s", name, kept)
		}
	}
	if kept, err := oauth.ReadKeys([]byte(set(good))); err != nil || !strings.Contains(kept, `"kid":"k1"`) || strings.Contains(kept, `"d":`) {
		t.Errorf("a good one is kept as %s, %v", kept, err)
	}
}

func make11(key jose.JSONWebKey) []jose.JSONWebKey {
	keys := make([]jose.JSONWebKey, 11)
	for i := range keys {
		keys[i] = key
	}
	return keys
}
