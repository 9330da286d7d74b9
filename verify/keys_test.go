package verify_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handclasp/handclasp/verify"
)

// byKey is a good token that names a key.
func (i *issuer) byKey(id string) *http.Request {
	key := firstKey()
	if id == "second" {
		key = secondKey()
	}
	return bearer(sign(key, head().with(object{"kid": id}), i.claims()))
}

func TestKeysAreFetchedOnceAndKept(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := i.verifier(t, nil)
	if i.metadata.Load() != 0 {
		t.Error("keys are fetched before anybody has come")
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { mustPass(t, v, i.byKey("first")) })
	}
	all.Wait()
	i.clock.advance(10*time.Minute - time.Second)
	mustPass(t, v, i.byKey("first"))
	if m, k := i.metadata.Load(), i.asked.Load(); m != 1 || k != 1 {
		t.Errorf("%d fetches of metadata and %d of keys, want one", m, k)
	}
	i.clock.advance(time.Second)
	mustPass(t, v, i.byKey("first"))
	if k, same := i.asked.Load(), i.unsaid.Load(); k != 2 || same != 1 {
		t.Errorf("after ten minutes: %d fetches, %d of them answered with 304", k, same)
	}
	i.clock.advance(10*time.Minute - time.Second)
	mustPass(t, v, i.byKey("first"))
	if k := i.asked.Load(); k != 2 {
		t.Errorf("an answer of 304 does not last: %d fetches", k)
	}
}

func TestAgeOfKeysIsBounded(t *testing.T) {
	t.Parallel()
	for cache, want := range map[string]time.Duration{
		"":                                   time.Minute,
		"no-store":                           time.Minute,
		"max-age=0":                          time.Minute,
		"max-age=600, no-cache":              time.Minute,
		"max-age=ages":                       time.Minute,
		"max-age=99999999999":                time.Minute,
		"Public, Max-Age=\"90\", must-renew": 90 * time.Second,
		"max-age=3600":                       time.Hour,
		"max-age=31536000":                   24 * time.Hour,
	} {
		i := newIssuer(t)
		i.cache = cache
		v := i.verifier(t, nil)
		for _, step := range []struct {
			wait    time.Duration
			fetches int32
		}{{0, 1}, {want - time.Second, 1}, {time.Second, 2}} {
			i.clock.advance(step.wait)
			mustPass(t, v, i.byKey("first"))
			if n := i.asked.Load(); n != step.fetches {
				t.Errorf("%q: %d fetches after %s, want %d", cache, n, step.wait, step.fetches)
			}
		}
	}
}

func TestNewKeyIsFoundWithoutWaiting(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := i.verifier(t, nil)
	mustPass(t, v, i.byKey("first"))
	i.set(func() { i.keys["second"] = public(secondKey(), "second") })
	i.clock.advance(10 * time.Second)
	mustPass(t, v, i.byKey("second"))
	mustPass(t, v, i.byKey("first"))
	if n := i.asked.Load(); n != 2 {
		t.Errorf("%d fetches", n)
	}
}

func TestUnknownKeysCannotFloodTheIssuer(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := i.verifier(t, nil)
	mustPass(t, v, i.byKey("first"))
	i.clock.advance(time.Minute)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { mustRefuse(t, v, i.byKey("second"), 401, verify.CodeInvalidToken) })
	}
	all.Wait()
	i.clock.advance(10*time.Second - 1)
	mustRefuse(t, v, i.byKey("second"), 401, verify.CodeInvalidToken)
	if n := i.asked.Load(); n != 2 {
		t.Errorf("%d fetches, want one beside the first", n)
	}
	i.clock.advance(1)
	mustRefuse(t, v, i.byKey("second"), 401, verify.CodeInvalidToken)
	if n := i.asked.Load(); n != 3 {
		t.Errorf("%d fetches: after ten seconds there may be another", n)
	}
}

func TestKeyThatWasTakenBackIsRefused(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := i.verifier(t, nil)
	mustPass(t, v, i.byKey("first"))
	i.set(func() { clear(i.keys) })
	i.clock.advance(10 * time.Minute)
	mustRefuse(t, v, i.byKey("first"), 401, verify.CodeInvalidToken)
}

func TestKnownKeysOutliveTheIssuerForADay(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := i.verifier(t, nil)
	mustPass(t, v, i.byKey("first"))
	i.away(true)
	for range 23 {
		i.clock.advance(time.Hour)
		mustPass(t, v, i.byKey("first"))
	}
	// Nobody can say whether this key is a good one, so it is neither let in nor called bad.
	mustRefuse(t, v, i.byKey("second"), 503, verify.CodeUnavailable)
	i.clock.advance(time.Hour)
	mustRefuse(t, v, i.byKey("first"), 503, verify.CodeUnavailable)
	i.away(false)
	i.clock.advance(10 * time.Second)
	mustPass(t, v, i.byKey("first"))
}

// hanging is the way to an issuer that can stop to answer. What is asked then fails when it is let go, and not before:
// how long that takes is up to the test, and to no clock.
type hanging struct {
	hangs atomic.Bool
	asked chan struct{} // something was asked while it hung
	letGo chan struct{} // each lets one of those go
}

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	if !h.hangs.Load() {
		return http.DefaultTransport.RoundTrip(r)
	}
	h.asked <- struct{}{}
	<-h.letGo
	return nil, errors.New("no answer")
}

func TestIssuerThatHangsHoldsUpNobodyTwice(t *testing.T) {
	t.Parallel()
	i, way := newIssuer(t), &hanging{asked: make(chan struct{}, 10), letGo: make(chan struct{})}
	defer close(way.letGo)
	v := i.verifier(t, func(o *verify.Options) { o.HTTPClient = &http.Client{Transport: way} })
	mustPass(t, v, i.byKey("first"))
	way.hangs.Store(true)
	i.clock.advance(time.Hour)
	waits := make(chan error)
	go func() {
		_, err := v.Check(t.Context(), i.byKey("first"))
		waits <- err
	}()
	<-way.asked
	way.letGo <- struct{}{}
	if err := <-waits; err != nil {
		t.Errorf("who waited in vain was refused: %v", err)
	}
	i.clock.advance(time.Minute)
	ctx, giveUp := context.WithTimeout(t.Context(), time.Minute)
	defer giveUp()
	for range 4 { // the fetch that hangs is the only one
		if _, err := v.Check(ctx, i.byKey("first")); err != nil {
			t.Fatalf("the next request waited too: %v", err)
		}
		i.clock.advance(10 * time.Second)
	}
	<-way.asked
	time.Sleep(50 * time.Millisecond) // more of them would have arrived by now
	if more := len(way.asked); more > 0 {
		t.Errorf("the issuer was asked %d times more, want the good one, the one in vain, and one beside", more)
	}
}

func TestOnlyTheIssuerGivesKeys(t *testing.T) {
	t.Parallel()
	thief := newIssuer(t)
	thief.keys = map[string]any{"first": public(secondKey(), "first")}
	// The keys behind the metadata are always the right ones: it is the metadata alone that is refused.
	document := func(members object) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/oauth/jwks" {
				members = object{"keys": []any{public(firstKey(), "first")}}
			}
			writeJSON(w, members)
		}
	}
	i := newIssuer(t)
	good := object{"issuer": i.URL, "jwks_uri": i.URL + "/oauth/jwks"}
	for story, answer := range map[string]http.HandlerFunc{
		"metadata of another": document(good.with(object{"issuer": i.URL + "/"})),
		"keys elsewhere":      document(good.with(object{"jwks_uri": thief.URL + "/oauth/jwks"})),
		"keys of a user":      document(good.with(object{"jwks_uri": strings.Replace(i.URL, "://", "://x@", 1) + "/oauth/jwks"})),
		"no keys":             document(good.with(object{"jwks_uri": nil})),
		"keys of a file":      document(good.with(object{"jwks_uri": "file:///etc/passwd"})),
		"no JSON":             func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, thief.URL+r.URL.Path, http.StatusFound)
		},
		"redirect of the keys": func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/.well-known/") {
				writeJSON(w, good)
				return
			}
			http.Redirect(w, r, thief.URL+r.URL.Path, http.StatusFound)
		},
		"too large": document(good.with(object{"padding": strings.Repeat("x", 1<<20)})),
		"an error with a body": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			writeJSON(w, good)
		},
	} {
		t.Run(story, func(t *testing.T) {
			i.set(func() { i.answer = answer })
			v := i.verifier(t, nil)
			mustRefuse(t, v, i.byKey("first"), 503, verify.CodeUnavailable)
			mustRefuse(t, v, bearer(sign(secondKey(), head(), i.claims())), 503, verify.CodeUnavailable)
		})
	}
	if n := thief.metadata.Load() + thief.asked.Load(); n != 0 {
		t.Errorf("another server was asked %d times", n)
	}
}

func TestKeysThatAreNotForTokensAreNotUsed(t *testing.T) {
	t.Parallel()
	good := object(public(firstKey(), "first"))
	for story, key := range map[string]any{
		"for encryption":  good.with(object{"use": "enc"}),
		"to sign with":    good.with(object{"key_ops": []string{"sign"}}),
		"for PS256":       good.with(object{"alg": "PS256"}),
		"a secret":        object{"kty": "oct", "k": "c2VjcmV0", "kid": "first"},
		"a private one":   good.with(object{"d": "AQAB", "p": "AQAB", "q": "AQAB"}),
		"exponent one":    good.with(object{"e": "AQ"}),
		"without a name":  good.with(object{"kid": nil}),
		"unknown, or new": object{"kty": "new", "kid": "first"},
	} {
		t.Run(story, func(t *testing.T) {
			i := newIssuer(t)
			i.keys = map[string]any{"first": key}
			mustRefuse(t, i.verifier(t, nil), i.byKey("first"), 401, verify.CodeInvalidToken)
			// What is not understood does not keep the others from being used.
			i.keys["second"] = public(secondKey(), "second")
			mustPass(t, i.verifier(t, nil), i.byKey("second"))
		})
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	i := newIssuer(t)
	i.keys = map[string]any{"first": public(small, "first")}
	mustRefuse(t, i.verifier(t, nil), bearer(sign(small, head(), i.claims())), 401, verify.CodeInvalidToken)
	i = newIssuer(t)
	i.keys["again"] = good
	mustRefuse(t, i.verifier(t, nil), i.byKey("first"), 503, verify.CodeUnavailable)
}

func TestIssuerWithAPathIsFound(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	path := i.URL + "/login"
	i.answer = func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/.well-known/oauth-authorization-server/login":
			writeJSON(w, object{"issuer": path, "jwks_uri": path + "/oauth/jwks"})
		case "/login/oauth/jwks":
			writeJSON(w, object{"keys": []any{public(firstKey(), "first")}})
		default:
			http.NotFound(w, r)
		}
	}
	v := i.verifier(t, func(o *verify.Options) { o.Issuer = path })
	mustPass(t, v, bearer(sign(firstKey(), head(), i.claims().with(object{"iss": path}))))
}

func TestKeysThatMoveAreReadAnew(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := i.verifier(t, nil)
	mustPass(t, v, i.byKey("first"))
	i.set(func() {
		i.answer = func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasPrefix(r.URL.Path, "/.well-known/"):
				writeJSON(w, object{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
			case r.Header.Get("If-None-Match") != "":
				w.WriteHeader(http.StatusNotModified) // the name of a text at another address says nothing here
			default:
				writeJSON(w, object{"keys": []any{public(secondKey(), "second")}})
			}
		}
	})
	i.clock.advance(10 * time.Minute)
	mustPass(t, v, i.byKey("second"))
	mustRefuse(t, v, i.byKey("first"), 401, verify.CodeInvalidToken)
}
