package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/server/servertest"
)

// Pushed is the answer to a pushed request.
type pushed struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int    `json:"expires_in"`
}

func push(t *testing.T, a *servertest.App, fields ...string) pushed {
	t.Helper()
	reply := a.Push(fields...)
	expect(t, "push", reply, http.StatusCreated, "")
	var p pushed
	reply.Decode(t, &p)
	return p
}

// named opens a request that was pushed before.
func (p pushed) open(b *servertest.Browser, clientID string) *servertest.Page {
	return b.Open("/oauth/authorize?" + url.Values{"client_id": {clientID}, "request_uri": {p.RequestURI}}.Encode())
}

func TestAPushedRequestIsGoodOnceForItsClient(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		a, b := calendar(t, s), signedIn(t, s, mara)
		p := push(t, a)
		if !strings.HasPrefix(p.RequestURI, "urn:ietf:params:oauth:request_uri:") || p.ExpiresIn != 600 {
			t.Errorf("pushed: %+v", p)
		}
		land(t, "another client's", p.open(b, "notes"), "/oauth/authorize", http.StatusBadRequest)
		page := p.open(b, "calendar")
		wantQuestion(t, page, "Let Calendar sign in as you?")
		land(t, "again", p.open(b, "calendar"), "/oauth/authorize", http.StatusBadRequest)
		answer := wantAnswer(t, s, a, page.Press("Approve"), "")
		expect(t, "its code", a.Redeem(answer.Get("code")), http.StatusOK, "")

		old := push(t, a)
		s.Clock.Advance(10*time.Minute + time.Second)
		land(t, "an old one", old.open(b, "calendar"), "/oauth/authorize", http.StatusBadRequest)
		for _, wrong := range []string{"https://evil.example.test/request", "urn:ietf:params:oauth:request_uri:x", ""} {
			land(t, "request_uri="+wrong, pushed{RequestURI: wrong}.open(b, "calendar"), "/oauth/authorize", http.StatusBadRequest)
		}
	})
}

// Whoever pushes hears at once what is wrong.
func TestAPushedRequestIsHeldAgainstTheSameRules(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 1000})
	registerWebApps(t, s)
	a := calendar(t, s)
	for name, c := range map[string]struct {
		fields []string
		code   string
	}{
		"no challenge":       {[]string{"code_challenge", ""}, "invalid_request"},
		"a foreign address":  {[]string{"redirect_uri", "https://evil.example.test/"}, "invalid_request"},
		"a foreign scope":    {[]string{"scope", "account:read"}, "invalid_scope"},
		"a foreign resource": {[]string{"resource", "https://other.example.test"}, "invalid_target"},
		"a request_uri":      {[]string{"request_uri", "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"},
		"the implicit grant": {[]string{"response_type", "token"}, "unsupported_response_type"},
		"a request object":   {[]string{"request", "eyJ"}, "request_not_supported"},
	} {
		expect(t, name, a.Push(c.fields...), http.StatusBadRequest, c.code)
	}
	a.Secret = "wrong"
	expect(t, "a wrong secret", a.Push(), http.StatusUnauthorized, "invalid_client")
}

func TestUserinfoSaysWhatTheScopesLet(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	registerWebApps(t, s)
	a, b := calendar(t, s), signedIn(t, s, mara)
	for scope, want := range map[string]string{
		"openid":               `{"sub":"usr"}`,
		"openid email":         `{"sub":"usr","email":"` + mara + `","email_verified":true}`,
		"openid profile email": `{"sub":"usr","email":"` + mara + `","email_verified":true}`,
	} {
		a.Scope = scope
		tokens := a.LogIn(b)
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			reply := a.Call(method, "/oauth/userinfo", tokens.AccessToken)
			expect(t, scope, reply, http.StatusOK, "")
			id := reply.Text("sub")
			if !strings.HasPrefix(id, "usr_") || strings.Replace(string(reply.Body), id, "usr", 1) != want+"\n" {
				t.Errorf("%s: %s, want %s", scope, reply.Body, want)
			}
		}
	}
	a.Scope = "dates:read"
	tokens := a.LogIn(b)
	if tokens.IDToken != "" {
		t.Error("an id token that nobody has asked for")
	}
	refused := a.Call(http.MethodGet, "/oauth/userinfo", tokens.AccessToken)
	expect(t, "without openid", refused, http.StatusForbidden, "insufficient_scope")
	if challenge := refused.Header.Get("WWW-Authenticate"); !strings.Contains(challenge, `scope="openid"`) {
		t.Errorf("the challenge is %q", challenge)
	}
	expect(t, "without a token", a.Call(http.MethodGet, "/oauth/userinfo", ""), http.StatusUnauthorized, "invalid_token")
}

// Two documents with one content, and everything that they name is there.
func TestDiscoveryIsTrueToTheLetter(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	d := s.Terminal(t)
	one := d.Call(http.MethodGet, "/.well-known/oauth-authorization-server", "")
	other := d.Call(http.MethodGet, "/.well-known/openid-configuration", "")
	if string(one.Body) != string(other.Body) {
		t.Error("the two documents differ")
	}
	var said map[string]any
	if err := json.Unmarshal(one.Body, &said); err != nil {
		t.Fatal(err)
	}
	for name, value := range said {
		address, ok := value.(string)
		if !ok || !strings.HasPrefix(address, s.Issuer+"/") {
			continue
		}
		path := strings.TrimPrefix(address, s.Issuer)
		if get := d.Call(http.MethodGet, path, "").Status; get != http.StatusNotFound {
			continue
		}
		if post := d.Post(path, url.Values{}).Status; post == http.StatusNotFound {
			t.Errorf("%s: nothing is at %s", name, path)
		}
	}
	for _, must := range []string{ // OpenID Connect Discovery §3
		"issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "scopes_supported",
		"response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported", "claims_supported",
	} {
		if said[must] == nil {
			t.Errorf("%s is missing", must)
		}
	}
}

// A page of anywhere may be the client: its Origin is no reason to refuse what its parameters earn.
func TestNoOriginTurnsATokenRequestIntoARefusal(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 1000})
	registerWebApps(t, s)
	a, b := notes(t, s), signedIn(t, s, mara)
	for _, origin := range []string{"https://evil.example.test", "null", "http://127.0.0.1:49152"} {
		push := a.Post("/oauth/par", a.Request(), "Origin", origin, "Sec-Fetch-Site", "cross-site")
		expect(t, "push from "+origin, push, http.StatusCreated, "")
		form := url.Values{
			"grant_type": {"authorization_code"}, "client_id": {"notes"}, "code": {a.Code(b)},
			"redirect_uri": {a.RedirectURI}, "code_verifier": {a.Verifier},
		}
		expect(t, "redeem from "+origin, a.Post("/oauth/token", form, "Origin", origin, "Sec-Fetch-Site", "cross-site"), http.StatusOK, "")
	}
	// Some libraries send HTTP Basic with an empty secret for a client that has none (RFC 6749 §2.3.1).
	form := url.Values{"grant_type": {"authorization_code"}, "code": {a.Code(b)}, "redirect_uri": {a.RedirectURI}, "code_verifier": {a.Verifier}}
	expect(t, "an empty secret", a.Post("/oauth/token", form, "Authorization", "Basic bm90ZXM6"), http.StatusOK, "")
}

// A terminal that asks who its person is gets an ID token beside its tokens too.
func TestADeviceLoginBringsAnIDTokenIfAskedFor(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	d := s.Terminal(t)
	d.Scope = "openid"
	tokens := d.LogIn(signedIn(t, s, mara))
	if tokens.IDToken == "" || signedInAt(t, tokens.IDToken) == 0 {
		t.Errorf("the id token is %q", tokens.IDToken)
	}
	if next := d.Refresh(tokens.RefreshToken).Tokens(t); next.IDToken != "" {
		t.Error("a refresh brings another, which nobody has signed in for")
	}
}
