package verify_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/handclasp/handclasp/verify"
)

func TestGoodTokenIsRead(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	now := time.Unix(i.clock.now().Unix(), 0)
	got := mustPass(t, i.verifier(t, nil), bearer(i.token()))
	want := verify.Token{
		Subject: "usr_mara", ClientID: "acme", Session: "ses_one", Scopes: []string{"deploy:write", "logs:read"},
		Audience: audience, IssuedAt: now, ExpiresAt: now.Add(15 * time.Minute), ID: "one", AuthTime: now.Add(-time.Minute),
		AMR: []string{"mca"}, ACR: "two", Roles: []string{"admin"}, Permissions: []string{"deploy"}, Device: "dev_box", Plan: "team",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Service() {
		t.Error("a person passes for a service")
	}
}

func TestServiceIsToldFromAPerson(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	own := i.claims().with(object{"sub": "acme", "sid": nil, "auth_time": nil, "amr": nil, "device": nil})
	got := mustPass(t, i.verifier(t, nil), bearer(sign(firstKey(), head(), own)))
	if !got.Service() || !got.AuthTime.IsZero() {
		t.Errorf("the service is %+v", got)
	}
}

func TestClaimsThatAreNotGoodHereAreRefused(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v, now := i.verifier(t, nil), i.clock.now().Unix()
	for story, change := range map[string]object{
		"another issuer":       {"iss": "https://login.example.test"},
		"issuer with a slash":  {"iss": i.URL + "/"},
		"no issuer":            {"iss": nil},
		"another audience":     {"aud": audience + "/"},
		"two audiences":        {"aud": []string{audience, "https://files.example.test"}},
		"no audience":          {"aud": nil},
		"empty audience":       {"aud": []string{}},
		"audience of numbers":  {"aud": 7},
		"expired this second":  {"exp": now},
		"no expiry":            {"exp": nil},
		"expiry as a text":     {"exp": "4102444800"},
		"from the future":      {"iat": now + 61},
		"no time of issue":     {"iat": nil},
		"not yet":              {"nbf": now + 61},
		"no id":                {"jti": nil},
		"no subject":           {"sub": nil},
		"no client":            {"client_id": nil},
		"unknown binding":      {"cnf": object{"x5t#S256": "x"}},
		"two bindings":         {"cnf": object{"jkt": "x", "x5t#S256": "y"}},
		"empty binding":        {"cnf": object{}},
		"binding of no text":   {"cnf": object{"jkt": 7}},
		"bound, without proof": {"cnf": object{"jkt": "x"}},
		"scopes as a list":     {"scope": []string{"deploy:write"}},
		"roles as a text":      {"roles": "admin"},
		"name in other case":   {"sub": nil, "SUB": "usr_mara"},
	} {
		t.Run(story, func(t *testing.T) {
			mustRefuse(t, v, bearer(sign(firstKey(), head(), i.claims().with(change))), 401, verify.CodeInvalidToken)
		})
	}
	for story, change := range map[string]object{
		"a list of one":     {"aud": []string{audience}},
		"a fast clock":      {"iat": now + 60, "nbf": now + 60},
		"the last second":   {"exp": now + 1},
		"claims of nobody":  {"unknown": object{"x": 1}},
		"nothing but musts": {"scope": nil, "sid": nil, "device": nil, "roles": nil, "permissions": nil, "plan": nil, "auth_time": nil, "amr": nil, "acr": nil},
	} {
		t.Run(story, func(t *testing.T) {
			mustPass(t, v, bearer(sign(firstKey(), head(), i.claims().with(change))))
		})
	}
}

func TestHeaderOfATokenChoosesNothing(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v, claims := i.verifier(t, nil), i.claims()
	thief := public(secondKey(), "first")
	for story, token := range map[string]string{
		"ID token":              sign(firstKey(), head().with(object{"typ": "JWT"}), claims),
		"no type":               sign(firstKey(), head().with(object{"typ": nil}), claims),
		"no key":                sign(firstKey(), head().with(object{"kid": nil}), claims),
		"unknown key":           sign(firstKey(), head().with(object{"kid": "other"}), claims),
		"key of a path":         sign(firstKey(), head().with(object{"kid": "../first"}), claims),
		"key of a thief":        sign(secondKey(), head(), claims),
		"jwk of a thief":        sign(secondKey(), head().with(object{"jwk": thief}), claims),
		"jwk and no kid":        sign(secondKey(), head().with(object{"jwk": thief, "kid": nil}), claims),
		"critical extension":    sign(firstKey(), head().with(object{"crit": []string{"exp"}, "exp": 1}), claims),
		"critical nothing":      sign(firstKey(), head().with(object{"crit": []string{}}), claims),
		"unencoded payload":     sign(firstKey(), head().with(object{"crit": []string{"b64"}, "b64": false}), claims),
		"RS512 by name":         sign(firstKey(), head().with(object{"alg": "RS512"}), claims),
		"PS256 by name":         sign(firstKey(), head().with(object{"alg": "PS256"}), claims),
		"none":                  unsigned(head().with(object{"alg": "none"}), claims) + ".",
		"None":                  unsigned(head().with(object{"alg": "None"}), claims) + ".",
		"none, signed":          sign(firstKey(), head().with(object{"alg": "none"}), claims),
		"no algorithm":          sign(firstKey(), head().with(object{"alg": nil}), claims),
		"HS256, the public key": macWithPublicKey(t, claims),
	} {
		t.Run(story, func(t *testing.T) {
			mustRefuse(t, v, bearer(token), 401, verify.CodeInvalidToken)
		})
	}
	t.Run("addresses are passed over", func(t *testing.T) {
		mustPass(t, v, bearer(sign(firstKey(), head().with(object{
			"jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/cert", "jwk": thief, "typ": "application/AT+JWT",
		}), claims)))
	})
}

// macWithPublicKey signs with what everybody knows, as if it were a shared secret.
func macWithPublicKey(t *testing.T, claims object) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&firstKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	text := unsigned(head().with(object{"alg": "HS256"}), claims)
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

func TestTokenHasOneText(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v, good := i.verifier(t, nil), i.token()
	head, rest, _ := strings.Cut(good, ".")
	// The last letter of 256 bytes in base64url has four unused bits.
	loose := good[:len(good)-1] + map[byte]string{'A': "B", 'Q': "R", 'g': "h", 'w': "x"}[good[len(good)-1]]
	for story, token := range map[string]string{
		"nothing":         "",
		"a word":          "token",
		"two parts":       head + "." + strings.Split(rest, ".")[0],
		"four parts":      good + ".",
		"padding":         good + "==",
		"unused bits":     loose,
		"space inside":    good[:30] + " " + good[30:],
		"tabs around":     "\t" + good,
		"a second token":  good + " " + good,
		"JSON":            `{"payload":"` + rest + `"}`,
		"altered":         good[:len(good)-20] + "AAAA" + good[len(good)-16:],
		"altered payload": head + ".e30." + strings.Split(rest, ".")[1],
		"member twice":    strings.Replace(good, head, encode([]byte(`{"alg":"RS256","typ":"JWT","typ":"at+jwt","kid":"first"}`)), 1),
		"9 kB":            sign(firstKey(), object{"alg": "RS256", "typ": "at+jwt", "kid": "first"}, i.claims().with(object{"x": strings.Repeat("x", 6200)})),
	} {
		t.Run(story, func(t *testing.T) {
			mustRefuse(t, v, bearer(token), 401, verify.CodeInvalidToken)
		})
	}
	broken := bearer("")
	broken.Header["Authorization"] = []string{"Bearer " + good[:30] + "\n" + good[30:]}
	mustRefuse(t, v, broken, 401, verify.CodeInvalidToken)
	mustPass(t, v, request("Authorization", "bEARER   "+good+" "))
}

func TestTokenIsTakenFromTheHeaderOnly(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v, good := i.verifier(t, nil), i.token()
	inQuery := request()
	inQuery.URL.RawQuery = "access_token=" + good
	for story, r := range map[string]*http.Request{
		"nowhere":                               request(),
		"in the query":                          inQuery,
		"another scheme":                        request("Authorization", "Basic "+good),
		"in a cookie":                           request("Cookie", "access_token="+good),
		"as DPoP, which this one does not take": request("Authorization", "DPoP "+good),
	} {
		t.Run(story, func(t *testing.T) {
			refused := mustRefuse(t, v, r, 401, verify.CodeInvalidToken)
			if diff := cmp.Diff([]string{"Bearer"}, refused.Challenges); diff != "" {
				t.Error(diff)
			}
		})
	}
	twice := request("Authorization", "Bearer "+good, "Authorization", "Bearer "+good)
	mustRefuse(t, v, twice, 400, verify.CodeInvalidRequest)
	if n := i.asked.Load(); n != 0 {
		t.Errorf("requests without a token made %d fetches of keys", n)
	}
}

func TestOptionsThatWouldLetStrangersInAreRefused(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]verify.Options{
		"no URL":           {Issuer: "://", Audience: audience},
		"absolute URL":     {Issuer: "login.example.test", Audience: audience},
		"http is for":      {Issuer: "http://login.example.test", Audience: audience},
		"without user":     {Issuer: "https://login.example.test?x=y", Audience: audience},
		"audience":         {Issuer: "https://login.example.test"},
		"DPoP needs":       {Issuer: "https://login.example.test", Audience: "api", DPoP: true},
		"audience is none": {Issuer: "https://login.example.test", Audience: "api", DPoP: true, URL: "https://a@b"},
	} {
		if _, err := verify.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	for _, issuer := range []string{"https://login.example.test", "https://example.test/login", "http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost:8080"} {
		if _, err := verify.New(verify.Options{Issuer: issuer, Audience: audience}); err != nil {
			t.Error(err)
		}
	}
}
