package verify_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/handclasp/handclasp/verify"
)

// wallet is a client that holds a key.
type wallet struct {
	t         *testing.T
	algorithm jose.SignatureAlgorithm
	key       any
	public    jose.JSONWebKey
}

func newWallet(t *testing.T, algorithm jose.SignatureAlgorithm) wallet {
	t.Helper()
	w := wallet{t: t, algorithm: algorithm}
	var err error
	switch algorithm {
	case jose.EdDSA:
		_, w.key, err = ed25519.GenerateKey(rand.Reader)
	case jose.ES256:
		w.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.ES384:
		w.key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case jose.HS256:
		w.key = []byte(strings.Repeat("secret", 10))
	default:
		w.key = secondKey()
	}
	if err != nil {
		t.Fatal(err)
	}
	w.public = jose.JSONWebKey{Key: w.key}
	if algorithm != jose.HS256 {
		w.public = w.public.Public()
	}
	return w
}

func (w wallet) thumbprint() string {
	w.t.Helper()
	sum, err := w.public.Thumbprint(crypto.SHA256)
	if err != nil {
		w.t.Fatal(err)
	}
	return encode(sum)
}

// proof signs these claims; header overrides what a good one has.
func (w wallet) proof(header map[jose.HeaderKey]any, claims object) string {
	w.t.Helper()
	o := &jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{"typ": "dpop+jwt", "jwk": w.public}}
	for name, value := range header {
		o.ExtraHeaders[name] = value
		if value == nil {
			delete(o.ExtraHeaders, name)
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: w.algorithm, Key: w.key}, o)
	if err != nil {
		w.t.Fatal(err)
	}
	signed, err := signer.Sign(mustJSON(claims))
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// bound is a token of this wallet's key.
func (i *issuer) bound(w wallet) string {
	return sign(firstKey(), head(), i.claims().with(object{"cnf": object{"jkt": w.thumbprint()}}))
}

// proves are the claims of a good proof for request().
func (i *issuer) proves(token string) object {
	return object{
		"jti": rand.Text(), "htm": "GET", "htu": audience + "/deploy", "iat": i.clock.now().Unix(), "ath": hash(token),
	}
}

func (i *issuer) prover(t *testing.T, change func(*verify.Options)) *verify.Verifier {
	return i.verifier(t, func(o *verify.Options) {
		o.DPoP = true
		if change != nil {
			change(o)
		}
	})
}

func TestBoundTokenComesWithAProof(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := i.prover(t, nil)
	for _, algorithm := range []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.PS256, jose.RS256} {
		w := newWallet(t, algorithm)
		token := i.bound(w)
		r := request("Authorization", "dpop "+token, "DPoP", w.proof(nil, i.proves(token)))
		if got := mustPass(t, v, r); got.Confirmation != w.thumbprint() {
			t.Errorf("%s: bound to %q", algorithm, got.Confirmation)
		}
	}
	mustPass(t, v, bearer(i.token())) // one that is bound to nothing needs none
}

func TestSchemeFitsTheBinding(t *testing.T) {
	t.Parallel()
	i, w := newIssuer(t), newWallet(t, jose.ES256)
	v, bound, free := i.prover(t, nil), i.bound(w), i.token()
	refused := mustRefuse(t, v, request("Authorization", "Bearer "+bound, "DPoP", w.proof(nil, i.proves(bound))), 401, verify.CodeInvalidToken)
	if diff := cmp.Diff([]string{
		`Bearer error="invalid_token", error_description="the access token is not good here, or has expired"`,
		`DPoP algs="ES256 RS256 PS256 EdDSA"`,
	}, refused.Challenges); diff != "" {
		t.Error(diff)
	}
	refused = mustRefuse(t, v, request("Authorization", "DPoP "+free, "DPoP", w.proof(nil, i.proves(free))), 401, verify.CodeInvalidToken)
	if diff := cmp.Diff([]string{
		"Bearer",
		`DPoP error="invalid_token", error_description="the access token is not good here, or has expired", algs="ES256 RS256 PS256 EdDSA"`,
	}, refused.Challenges); diff != "" {
		t.Error(diff)
	}
	// Where proofs cannot be checked, a bound token is good for nothing.
	plain := i.verifier(t, nil)
	twice := sign(firstKey(), head(), i.claims().with(object{"cnf": object{"jkt": w.thumbprint(), "x5t#S256": "x"}}))
	mustRefuse(t, v, request("Authorization", "DPoP "+twice, "DPoP", w.proof(nil, i.proves(twice))), 401, verify.CodeInvalidToken)
	mustRefuse(t, plain, bearer(bound), 401, verify.CodeInvalidToken)
	mustRefuse(t, plain, request("Authorization", "DPoP "+bound, "DPoP", w.proof(nil, i.proves(bound))), 401, verify.CodeInvalidToken)
}

func TestProofThatIsNotForThisRequestIsRefused(t *testing.T) {
	t.Parallel()
	i, w := newIssuer(t), newWallet(t, jose.ES256)
	v, token, now := i.prover(t, nil), i.bound(w), i.clock.now().Unix()
	for story, change := range map[string]object{
		"another method":       {"htm": "POST"},
		"a method in small":    {"htm": "get"},
		"no method":            {"htm": nil},
		"another path":         {"htu": audience + "/deploy/"},
		"another host":         {"htu": "https://files.example.test/deploy"},
		"another scheme":       {"htu": "http://api.example.test/deploy"},
		"another port":         {"htu": "https://api.example.test:8443/deploy"},
		"a user":               {"htu": "https://x@api.example.test/deploy"},
		"an escaped slash":     {"htu": audience + "%2Fdeploy"},
		"a path alone":         {"htu": "/deploy"},
		"no URL":               {"htu": nil},
		"a URL that is none":   {"htu": "https://api.example.test/%zz"},
		"too old":              {"iat": now - 61},
		"from the future":      {"iat": now + 61},
		"no time":              {"iat": nil},
		"no id":                {"jti": nil},
		"another token":        {"ath": hash(i.token())},
		"no token":             {"ath": nil},
		"hash in hexadecimals": {"ath": strings.Repeat("ab", 32)},
	} {
		t.Run(story, func(t *testing.T) {
			shown := w.proof(nil, i.proves(token).with(change))
			mustRefuse(t, v, request("Authorization", "DPoP "+token, "DPoP", shown), 401, verify.CodeInvalidProof)
		})
	}
	for story, change := range map[string]object{
		"query and fragment": {"htu": audience + "/deploy?a=b#c"},
		"written otherwise":  {"htu": "HTTPS://API.Example.test:443/x/../%64eploy"},
		"slow clock":         {"iat": now - 60},
		"fast clock":         {"iat": now + 60},
		"with a nonce":       {"nonce": "x"},
	} {
		t.Run(story, func(t *testing.T) {
			mustPass(t, v, request("Authorization", "DPoP "+token, "DPoP", w.proof(nil, i.proves(token).with(change))))
		})
	}
}

func TestProofIsOfTheKeyOfTheToken(t *testing.T) {
	t.Parallel()
	i, w, thief := newIssuer(t), newWallet(t, jose.ES256), newWallet(t, jose.ES256)
	v, token := i.prover(t, nil), i.bound(w)
	own := i.proves(token)
	private := w
	private.public = jose.JSONWebKey{Key: w.key}
	good := w.proof(nil, own)
	head, rest, _ := strings.Cut(good, ".")
	for story, headers := range map[string][]string{
		"none":                 {},
		"two":                  {"DPoP", good, "DPoP", w.proof(nil, i.proves(token))},
		"two in one":           {"DPoP", good + "," + good},
		"a word":               {"DPoP", "proof"},
		"the key of another":   {"DPoP", thief.proof(map[jose.HeaderKey]any{"jwk": w.public}, own)},
		"a private key":        {"DPoP", private.proof(nil, own)},
		"no key":               {"DPoP", w.proof(map[jose.HeaderKey]any{"jwk": nil}, own)},
		"a key by name":        {"DPoP", w.proof(map[jose.HeaderKey]any{"jwk": nil, "kid": "first"}, own)},
		"another type":         {"DPoP", w.proof(map[jose.HeaderKey]any{"typ": "JWT"}, own)},
		"the type of a token":  {"DPoP", w.proof(map[jose.HeaderKey]any{"typ": "at+jwt"}, own)},
		"a critical extension": {"DPoP", w.proof(map[jose.HeaderKey]any{"crit": []string{"x"}, "x": 1}, own)},
		"a secret":             {"DPoP", newWallet(t, jose.HS256).proof(nil, own)},
		"another curve":        {"DPoP", newWallet(t, jose.ES384).proof(nil, own)},
		"altered":              {"DPoP", head + "." + encode(mustJSON(own.with(object{"jti": "x"}))) + "." + strings.Split(rest, ".")[1]},
		"not signed":           {"DPoP", good[:strings.LastIndex(good, ".")+1]},
		"10 kB":                {"DPoP", w.proof(nil, own.with(object{"x": strings.Repeat("x", 8<<10)}))},
	} {
		t.Run(story, func(t *testing.T) {
			refused := mustRefuse(t, v, request(append(headers, "Authorization", "DPoP "+token)...), 401, verify.CodeInvalidProof)
			if len(refused.Challenges) != 2 || !strings.HasPrefix(refused.Challenges[1], `DPoP error="invalid_dpop_proof"`) {
				t.Errorf("the challenges are %q", refused.Challenges)
			}
		})
	}
	stolen := request("Authorization", "DPoP "+token, "DPoP", thief.proof(nil, i.proves(token)))
	mustRefuse(t, v, stolen, 401, verify.CodeInvalidToken)
	mustPass(t, v, request("Authorization", "DPoP "+token, "DPoP", good))
}

func TestProofWorksOnce(t *testing.T) {
	t.Parallel()
	i, w := newIssuer(t), newWallet(t, jose.ES256)
	v, token := i.prover(t, nil), i.bound(w)
	claims := i.proves(token).with(object{"iat": i.clock.now().Unix() + 60})
	shown := w.proof(nil, claims)
	var all sync.WaitGroup
	var passed atomic.Int32
	for range 30 {
		all.Go(func() {
			if _, err := v.Check(t.Context(), request("Authorization", "DPoP "+token, "DPoP", shown)); err == nil {
				passed.Add(1)
			}
		})
	}
	all.Wait()
	if n := passed.Load(); n != 1 {
		t.Fatalf("%d of 30 passed", n)
	}
	// Signed anew it is the same proof, and it stays so until it is too old anyway.
	for _, wait := range []time.Duration{time.Second, 59 * time.Second, 59 * time.Second, time.Second} {
		i.clock.advance(wait)
		mustRefuse(t, v, request("Authorization", "DPoP "+token, "DPoP", w.proof(nil, claims)), 401, verify.CodeInvalidProof)
	}
	// The same jti of another key is another proof.
	other := newWallet(t, jose.ES256)
	theirs := i.bound(other)
	again := i.proves(theirs).with(object{"jti": claims["jti"]})
	mustPass(t, v, request("Authorization", "DPoP "+theirs, "DPoP", other.proof(nil, again)))
}

func TestRefusedProofIsNotUsedUp(t *testing.T) {
	t.Parallel()
	i, w := newIssuer(t), newWallet(t, jose.ES256)
	v, token := i.prover(t, nil), i.bound(w)
	claims := i.proves(token)
	mustRefuse(t, v, request("Authorization", "DPoP "+token, "DPoP", w.proof(nil, claims.with(object{"htm": "PUT"}))), 401, verify.CodeInvalidProof)
	mustPass(t, v, request("Authorization", "DPoP "+token, "DPoP", w.proof(nil, claims)))
}

func TestFullMemoryLetsNobodyIn(t *testing.T) {
	t.Parallel()
	i, w := newIssuer(t), newWallet(t, jose.ES256)
	v := i.prover(t, func(o *verify.Options) { o.Replays = verify.NewReplays(2, i.clock.now) })
	show := func() *http.Request {
		token := i.bound(w)
		return request("Authorization", "DPoP "+token, "DPoP", w.proof(nil, i.proves(token)))
	}
	mustPass(t, v, show())
	mustPass(t, v, show())
	mustRefuse(t, v, show(), 503, verify.CodeUnavailable)
	i.clock.advance(62 * time.Second)
	mustPass(t, v, show())
}

type broken struct{}

func (broken) First(context.Context, string, time.Time) (bool, error) {
	return true, errors.New("the shared memory is away")
}

func TestMemoryThatCannotSayLetsNobodyIn(t *testing.T) {
	t.Parallel()
	i, w := newIssuer(t), newWallet(t, jose.ES256)
	v, token := i.prover(t, func(o *verify.Options) { o.Replays = broken{} }), i.bound(w)
	mustRefuse(t, v, request("Authorization", "DPoP "+token, "DPoP", w.proof(nil, i.proves(token))), 503, verify.CodeUnavailable)
}

func TestProofNamesTheAddressThatClientsSee(t *testing.T) {
	t.Parallel()
	i, w := newIssuer(t), newWallet(t, jose.ES256)
	v := i.prover(t, func(o *verify.Options) { o.URL = "https://example.test:443/api/" })
	token := i.bound(w)
	stripped := http.StripPrefix("/v1", v.Require()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.URL.Path))
	})))
	for htu, want := range map[string]int{
		"https://example.test/api/v1/deploy": 200, "https://example.test/api/deploy": 401, "https://elsewhere.test/api/v1/deploy": 401,
	} {
		r := request("Authorization", "DPoP "+token, "DPoP", w.proof(nil, i.proves(token).with(object{"htu": htu})))
		r.RequestURI, r.URL.Path = "/v1/deploy?x=y", "/v1/deploy"
		r.Host = "elsewhere.test" // whoever writes this must not choose what a proof is good for
		if got := record(stripped, r); got.StatusCode != want {
			t.Errorf("%s: %d", htu, got.StatusCode)
		}
	}
}
