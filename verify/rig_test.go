package verify_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handclasp/handclasp/verify"
)

const audience = "https://api.example.test"

// The keys of all tests: making one takes longer than most of the tests.
var (
	firstKey  = sync.OnceValue(newKey)
	secondKey = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// clock stands still until it is told.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// issuer publishes keys as a server of ours would, and can be made to misbehave.
type issuer struct {
	*httptest.Server
	clock    *clock
	metadata atomic.Int32 // how often it was asked
	asked    atomic.Int32 // how often it was asked for keys
	unsaid   atomic.Int32 // how often it answered that they are the same

	mu     sync.Mutex
	keys   map[string]any // the JSON of each
	lists  map[string]*list
	answer http.HandlerFunc
	cache  string
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{clock: newClock(), keys: map[string]any{"first": public(firstKey(), "first")}, cache: "public, max-age=600"}
	i.Server = httptest.NewServer(i)
	t.Cleanup(i.Close)
	return i
}

func public(key *rsa.PrivateKey, id string) map[string]any {
	return map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id,
		"n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
	}
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	answer, cache, statuses := i.answer, i.cache, i.lists[r.URL.Path]
	list := []any{}
	for _, key := range i.keys {
		list = append(list, key)
	}
	i.mu.Unlock()
	w.Header().Set("Cache-Control", cache)
	switch r.URL.Path {
	case "/.well-known/oauth-authorization-server":
		i.metadata.Add(1)
	case "/oauth/jwks":
		i.asked.Add(1)
	}
	if answer != nil {
		answer(w, r)
		return
	}
	if statuses != nil {
		statuses.ServeHTTP(w, r)
		return
	}
	if r.URL.Path == "/.well-known/oauth-authorization-server" {
		writeJSON(w, map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/oauth/jwks"})
		return
	}
	text, _ := json.Marshal(list)
	etag := `"` + hash(string(text)) + `"`
	w.Header().Set("ETag", etag)
	if len(list) < 2 && r.Header.Get("If-None-Match") == etag {
		i.unsaid.Add(1)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	writeJSON(w, map[string]any{"keys": list})
}

// set changes what the issuer does.
func (i *issuer) set(change func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change()
}

// away makes the issuer fail, and back again.
func (i *issuer) away(is bool) {
	i.set(func() {
		i.answer = nil
		if is {
			i.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
		}
	})
}

func (i *issuer) verifier(t *testing.T, change func(*verify.Options)) *verify.Verifier {
	t.Helper()
	o := verify.Options{Issuer: i.URL, Audience: audience, Now: i.clock.now}
	if change != nil {
		change(&o)
	}
	v, err := verify.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

type object map[string]any

// with is a copy that differs in these members; nil takes one away.
func (o object) with(change object) object {
	c := maps.Clone(o)
	for name, value := range change {
		c[name] = value
		if value == nil {
			delete(c, name)
		}
	}
	return c
}

func head() object { return object{"alg": "RS256", "typ": "at+jwt", "kid": "first"} }

// claims are those of a good token, here and now.
func (i *issuer) claims() object {
	now := i.clock.now().Unix()
	return object{
		"iss": i.URL, "sub": "usr_mara", "aud": audience, "client_id": "acme", "exp": now + 900, "iat": now, "jti": "one",
		"sid": "ses_one", "scope": "deploy:write logs:read", "device": "dev_box", "roles": []string{"admin"},
		"permissions": []string{"deploy"}, "plan": "team", "auth_time": now - 60, "amr": []string{"mca"}, "acr": "two",
	}
}

// token is a good one.
func (i *issuer) token() string { return sign(firstKey(), head(), i.claims()) }

// sign writes any header over any claims, signed by RS256.
func sign(key *rsa.PrivateKey, header, claims object) string {
	text := unsigned(header, claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + encode(signature)
}

func unsigned(header, claims object) string {
	h, errHeader := json.Marshal(header)
	c, errClaims := json.Marshal(claims)
	if err := errors.Join(errHeader, errClaims); err != nil {
		panic(err)
	}
	return encode(h) + "." + encode(c)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return encode(sum[:])
}

func writeJSON(w http.ResponseWriter, value any) { _ = json.NewEncoder(w).Encode(value) }

// request shows a token; headers are names and values in turn.
func request(headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/deploy?x=y", nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func bearer(token string) *http.Request { return request("Authorization", "Bearer "+token) }

func mustPass(t *testing.T, v *verify.Verifier, r *http.Request, required ...verify.Requirement) verify.Token {
	t.Helper()
	token, err := v.Check(t.Context(), r, required...)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return token
}

// mustRefuse fails unless a request is refused with this status and code, and nothing of the token comes out.
func mustRefuse(t *testing.T, v *verify.Verifier, r *http.Request, status int, code string, required ...verify.Requirement) *verify.Refusal {
	t.Helper()
	token, err := v.Check(t.Context(), r, required...)
	var refused *verify.Refusal
	if !errors.As(err, &refused) {
		t.Fatalf("want a refusal, got %v", err)
	}
	if refused.Status != status || refused.Code != code {
		t.Errorf("refused with %d %v, want %d %s", refused.Status, err, status, code)
	}
	if token.Subject != "" {
		t.Error("a token comes with the refusal")
	}
	if _, shown, _ := strings.Cut(r.Header.Get("Authorization"), " "); len(shown) > 20 && strings.Contains(err.Error(), shown) {
		t.Error("the error holds the token")
	}
	return refused
}
