package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// What is given twice could be read as the one by whoever checks and as the other by whoever acts.
func TestParametersGivenTwiceAreRefusedByEveryEndpoint(t *testing.T) {
	withEveryGrant(t, func(t *testing.T, s *servertest.Server, b *servertest.Browser) {
		for grant, g := range everyGrant(t, s, b) {
			for name := range g.form {
				expect(t, grant+": "+name+" twice", g.by.Post("/oauth/token", twice(g.form, name)), http.StatusBadRequest, "invalid_request")
			}
			expect(t, grant+": resource twice", g.by.Post("/oauth/token", twice(g.form, "resource")), http.StatusBadRequest, "invalid_target")
			expect(t, grant+": in the query", g.by.Post("/oauth/token?x=y", g.form), http.StatusBadRequest, "invalid_request")
			expect(t, grant+": none of which has spent it", g.by.Post("/oauth/token", g.form), http.StatusOK, "")
		}
		a := notes(t, s)
		for name := range a.Request() {
			expect(t, "push: "+name+" twice", a.Post("/oauth/par", twice(a.Request(), name)), http.StatusBadRequest, "invalid_request")
			land(t, "authorize: "+name+" twice", b.Open("/oauth/authorize?"+twice(a.Request(), name).Encode()), "/oauth/authorize", http.StatusBadRequest)
		}
		expect(t, "push: resource twice", a.Post("/oauth/par", twice(a.Request(), "resource")), http.StatusBadRequest, "invalid_target")
		expect(t, "push: in the query", a.Post("/oauth/par?x=y", a.Request()), http.StatusBadRequest, "invalid_request")
	})
}

// twice is a form with one of its parameters repeated.
func twice(form url.Values, name string) url.Values {
	repeated := url.Values{}
	for n, values := range form {
		repeated[n] = values
	}
	value := form.Get(name)
	if value == "" {
		value = "https://api.example.test"
	}
	repeated[name] = []string{value, value}
	return repeated
}

// lure is a server of an attacker that counts who comes, and publishes the attacker's key to everybody.
func lure(t *testing.T, key *jose.JSONWebKey) (address string, visits *atomic.Int64) {
	t.Helper()
	visits = &atomic.Int64{}
	set := `{"keys":[` + string(must(key.MarshalJSON())) + `]}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		visits.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(set))
	}))
	t.Cleanup(s.Close)
	return s.URL, visits
}

func must(text []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return text
}

// Whoever makes us fetch an address of their choice has a foot in our network (CWE-918).
func TestNothingIsFetchedFromAddressesInTokensOrRequests(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 1000, Registration: oauth.RegistrationOpen})
	registerWebApps(t, s)
	robot, b := service(t, s, "robot", "https://api.example.test", s.Issuer), signedIn(t, s, mara)
	thief, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	there, visits := lure(t, &jose.JSONWebKey{Key: thief.Public(), KeyID: "thief", Algorithm: "ES256", Use: "sig"})
	header := func(typ string) map[jose.HeaderKey]any {
		return map[jose.HeaderKey]any{"typ": typ, "kid": "thief", "jku": there + "/jku", "x5u": there + "/x5u", "x5c": []string{"AAAA"}}
	}
	d := s.Terminal(t)
	good := d.LogIn(b)
	stolen := forged(t, jose.ES256, thief, header("at+jwt"), apiClaims(t, good.AccessToken))
	for _, path := range []string{"/v1/me", "/oauth/userinfo"} {
		expect(t, path, d.Call(http.MethodGet, path, stolen), http.StatusUnauthorized, "invalid_token")
	}
	if told := robot.Post("/oauth/introspect", apiForm("token", stolen)); string(told.Body) != `{"active":false}`+"\n" {
		t.Errorf("introspect: %s", told.Body)
	}
	expect(t, "revoke", robot.Revoke(stolen), http.StatusOK, "")
	hint := b.Open("/oauth/logout?" + url.Values{"id_token_hint": {stolen}, "post_logout_redirect_uri": {there}}.Encode())
	if strings.HasPrefix(hint.URL.String(), there) {
		t.Error("a logout leads to the attacker")
	}

	assertion := clientCredentials("client_id", "robot", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
		"client_assertion", forged(t, jose.ES256, thief, header("JWT"), map[string]any{
			"iss": "robot", "sub": "robot", "aud": s.Issuer, "jti": store.RandomText(16), "exp": s.Clock.Now().Add(time.Minute).Unix(),
		}))
	expect(t, "an assertion", terminal(t, s, "robot").Post("/oauth/token", assertion), http.StatusBadRequest, "invalid_client")

	a := calendar(t, s)
	for _, name := range []string{"request_uri", "redirect_uri"} {
		land(t, name, a.Open(b, name, there), "/oauth/authorize", http.StatusBadRequest)
		expect(t, "push "+name, a.Push(name, there), http.StatusBadRequest, "invalid_request")
	}
	const back = `"redirect_uris":["https://board.example.test/back"]`
	for _, name := range []string{"jwks_uri", "logo_uri", "client_uri", "policy_uri", "tos_uri", "sector_identifier_uri", "initiate_login_uri", "backchannel_logout_uri"} {
		register(t, s, "", `{`+back+`,"`+name+`":"`+there+`/`+name+`"}`) // taken or not, nobody goes there
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("the server has come %d times", n)
	}
}

// Only the Authorization header carries a token (RFC 6750 §2.2 and §2.3 are not served: forms and URLs are kept elsewhere).
func TestAccessTokenIsTakenFromTheHeaderAloneAtEveryDoor(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	d := s.Terminal(t)
	d.Scope = "openid account:read account:devices"
	token := d.LogIn(signedIn(t, s, mara)).AccessToken
	form := apiForm("access_token", token)
	for _, path := range []string{"/v1/me", "/v1/devices", "/v1/sessions", "/oauth/userinfo"} {
		expect(t, path+" with the header", d.Call(http.MethodGet, path, token), http.StatusOK, "")
		replies := map[string]servertest.Reply{
			"the query":  d.Call(http.MethodGet, path+"?"+form.Encode(), ""),
			"a cookie":   d.CallWith(http.MethodGet, path, "Cookie", "access_token="+token),
			"HTTP Basic": d.CallWith(http.MethodGet, path, "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(token+":"))),
			"no scheme":  d.CallWith(http.MethodGet, path, "Authorization", token),
		}
		if path == "/oauth/userinfo" {
			replies["a form"] = d.Post(path, form)
		}
		for where, reply := range replies {
			expect(t, path+" in "+where, reply, http.StatusUnauthorized, "invalid_token")
			if challenge := reply.Header.Get("WWW-Authenticate"); !strings.HasPrefix(challenge, "Bearer") {
				t.Errorf("%s in %s challenges with %q", path, where, challenge)
			}
		}
	}
}

// Everything that we sign or hand out is worth something at one door only.
func TestTokensOfOtherKindsAreNoAccessTokens(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 1000})
	registerWebApps(t, s)
	robot, b := service(t, s, "robot", s.Issuer), signedIn(t, s, mara)
	d, a := s.Terminal(t), notes(t, s)
	d.Scope = "openid account:read"
	tokens := d.LogIn(b)
	signed := robot.Post("/oauth/introspect", apiForm("token", tokens.AccessToken), "Accept", "application/token-introspection+jwt")
	for name, token := range map[string]string{
		"an ID token": tokens.IDToken, "a refresh token": tokens.RefreshToken, "a device code": d.Ask().DeviceCode,
		"an authorization code": a.Code(b), "a pushed request": push(t, a).RequestURI, "a signed answer": string(signed.Body),
	} {
		if token == "" {
			t.Errorf("%s is not there", name)
		}
		for _, path := range []string{"/v1/me", "/oauth/userinfo"} {
			expect(t, name+" at "+path, d.Call(http.MethodGet, path, token), http.StatusUnauthorized, "invalid_token")
		}
		if told := robot.Post("/oauth/introspect", apiForm("token", token)); string(told.Body) != `{"active":false}`+"\n" {
			t.Errorf("%s: introspection tells %s", name, told.Body)
		}
	}
	expect(t, "the access token", d.Call(http.MethodGet, "/v1/me", tokens.AccessToken), http.StatusOK, "")
}

// What a client was when somebody approved counts for nothing once it is disabled.
func TestDisabledClientGetsNoTokensForWhatWasApproved(t *testing.T) {
	withEveryGrant(t, func(t *testing.T, s *servertest.Server, b *servertest.Browser) {
		grants := everyGrant(t, s, b)
		for _, id := range []string{"handclasp", "notes", "pictures", "robot"} {
			c, err := s.Records.Client(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			c.DisabledAt = s.Clock.Now()
			if err := s.Records.UpdateClient(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		s.Clock.Advance(6 * time.Second) // so long a client is remembered
		for name, g := range grants {
			reply := g.by.Post("/oauth/token", g.form)
			if reply.Error() != "invalid_client" || strings.Contains(string(reply.Body), "access_token") {
				t.Errorf("%s: %d %s", name, reply.Status, reply.Body)
			}
		}
	})
}

// A confidential client's token is taken back by nobody who only knows its name, and by no other client.
func TestConfidentialClientsTokenIsRevokedByNobodyElse(t *testing.T) {
	withEveryGrant(t, func(t *testing.T, s *servertest.Server, b *servertest.Browser) {
		a := calendar(t, s)
		tokens := a.LogIn(b)
		for _, token := range []string{tokens.RefreshToken, tokens.AccessToken} {
			named := terminal(t, s, "calendar") // without its secret
			expect(t, "by its name", named.Revoke(token), http.StatusBadRequest, "invalid_client")
			empty := named.Post("/oauth/revoke", apiForm("token", token), "Authorization", "Basic Y2FsZW5kYXI6")
			expect(t, "with an empty secret", empty, http.StatusUnauthorized, "invalid_client")
			expect(t, "by a public client", notes(t, s).Revoke(token), http.StatusBadRequest, "unauthorized_client")
		}
		expect(t, "nothing was revoked", a.Call(http.MethodGet, "/oauth/userinfo", tokens.AccessToken), http.StatusOK, "")
		expect(t, "by itself", a.Revoke(tokens.RefreshToken), http.StatusOK, "")
		expect(t, "its access token", a.Call(http.MethodGet, "/oauth/userinfo", tokens.AccessToken), http.StatusUnauthorized, "invalid_token")
	})
}

// Every answer that could hold a secret, or tells of one, is JSON and kept nowhere, refusals included.
func TestAnswersAboutTokensAreJSONAndKeptNowhere(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 1000})
	d := s.Terminal(t)
	for _, path := range []string{
		"/oauth/token", "/oauth/device_authorization", "/oauth/introspect", "/oauth/revoke", "/oauth/par", "/oauth/userinfo",
		"/oauth/register", "/v1/magic-links", "/v1/me",
	} {
		for name, reply := range map[string]servertest.Reply{
			"an empty form": d.Post(path, url.Values{}), "garbage": d.Send(http.MethodPost, path, "{", "Content-Type", "application/json"),
			"another method": d.Call(http.MethodPatch, path, ""), "a wrong client": d.Post(path, apiForm("client_id", "nobody")),
		} {
			if reply.Status < 400 || reply.Status > 499 || reply.Error() == "" {
				t.Errorf("%s with %s: %d %s", path, name, reply.Status, reply.Body)
			}
			if kind, cache := reply.Header.Get("Content-Type"), reply.Header.Get("Cache-Control"); kind != "application/json" || cache != "no-store" {
				t.Errorf("%s with %s comes as %q, %q", path, name, kind, cache)
			}
		}
	}
}
