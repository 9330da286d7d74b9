package server_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// grantForm is a request to the token endpoint that must succeed, once: whoever sends it, and what.
type grantForm struct {
	by     *servertest.Terminal
	form   url.Values
	person bool // a person stands behind it, so the answer holds an ID token
}

// everyGrant prepares one good request of each grant that is served here. All clients but the robot are public.
func everyGrant(t *testing.T, s *servertest.Server, b *servertest.Browser) map[string]grantForm {
	t.Helper()
	d := s.Terminal(t)
	d.Scope = "openid"
	asked := d.Ask()
	b.Approve(asked.UserCode)
	again := s.Terminal(t)
	refresh := again.LogIn(b).RefreshToken
	a := notes(t, s)
	p := pictures(t, s)
	p.Scope = "openid"
	link := p.AskForLink(mara, "")
	half, _ := servertest.MailHalf(t, s.MailOf(t, link).Link)
	robot := terminal(t, s, "robot")
	robot.Secret = secret
	return map[string]grantForm{
		"device": {d, apiForm("grant_type", oauth.GrantDevice, "client_id", d.ClientID, "device_code", asked.DeviceCode, "device_fingerprint", d.Fingerprint), true},
		"refresh": {again, apiForm("grant_type", oauth.GrantRefresh, "client_id", again.ClientID, "refresh_token", refresh,
			"device_fingerprint", again.Fingerprint), false},
		"code": {a.Terminal, apiForm("grant_type", oauth.GrantCode, "client_id", "notes", "code", a.Code(b), "redirect_uri", a.RedirectURI,
			"code_verifier", a.Verifier), true},
		"magic link": {p.Terminal, apiForm("grant_type", oauth.GrantMagicLink, "client_id", "pictures", "device_half", link.DeviceHalf,
			"mail_half", half, "code_verifier", p.Verifier, "device_fingerprint", p.Fingerprint), true},
		"client credentials": {robot, clientCredentials(), false},
	}
}

// withEveryGrant tells a story about the five grants on both keepers.
func withEveryGrant(t *testing.T, story func(t *testing.T, s *servertest.Server, b *servertest.Browser)) {
	t.Helper()
	withApps(t, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		service(t, s, "robot", "https://api.example.test")
		story(t, s, signedIn(t, s, mara))
	})
}

// strictTokens are all members that an answer of the token endpoint may have (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).
type strictTokens struct {
	AccessToken  *string `json:"access_token"`
	TokenType    *string `json:"token_type"`
	ExpiresIn    *int    `json:"expires_in"`
	RefreshToken *string `json:"refresh_token"`
	Scope        *string `json:"scope"`
	IDToken      *string `json:"id_token"`
}

func TestTokenAnswersOfEveryGrantSatisfyAStrictClient(t *testing.T) {
	withEveryGrant(t, func(t *testing.T, s *servertest.Server, b *servertest.Browser) {
		ctx := oidc.ClientContext(t.Context(), s.Client())
		provider, err := oidc.NewProvider(ctx, s.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		for name, g := range everyGrant(t, s, b) {
			reply := g.by.Post("/oauth/token", g.form)
			tokens := readStrictly(t, name, reply)
			if (tokens.IDToken != nil) != g.person {
				t.Errorf("%s: id_token is there: %v", name, tokens.IDToken != nil)
				continue
			}
			if !g.person {
				continue
			}
			id, err := provider.Verifier(&oidc.Config{ClientID: g.by.ClientID, Now: s.Clock.Now}).Verify(ctx, *tokens.IDToken)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if err := id.VerifyAccessToken(*tokens.AccessToken); err != nil {
				t.Errorf("%s: at_hash: %v", name, err)
			}
		}
	})
}

func readStrictly(t *testing.T, name string, reply servertest.Reply) strictTokens {
	t.Helper()
	var tokens strictTokens
	decoder := json.NewDecoder(bytes.NewReader(reply.Body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&tokens); err != nil || reply.Status != http.StatusOK {
		t.Fatalf("%s: %d %s: %v", name, reply.Status, reply.Body, err)
	}
	switch {
	case reply.Header.Get("Content-Type") != "application/json", reply.Header.Get("Cache-Control") != "no-store":
		t.Errorf("%s comes as %v", name, reply.Header)
	case tokens.AccessToken == nil, tokens.TokenType == nil, *tokens.TokenType != "Bearer", tokens.ExpiresIn == nil, *tokens.ExpiresIn <= 0:
		t.Errorf("%s: the answer lacks what it must have: %s", name, reply.Body)
	case tokens.RefreshToken != nil && *tokens.RefreshToken == "", tokens.IDToken != nil && *tokens.IDToken == "":
		t.Errorf("%s: a member is there and empty: %s", name, reply.Body)
	}
	return tokens
}

// Whoever reads the set strictly finds public RSA keys for signatures, each under a name of its own, and nothing else.
func TestPublishedKeysSatisfyAStrictClient(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	reply := s.Terminal(t).Call(http.MethodGet, "/oauth/jwks", "")
	var raw struct {
		Keys []map[string]string `json:"keys"`
	}
	var set jose.JSONWebKeySet
	reply.Decode(t, &raw)
	reply.Decode(t, &set)
	if len(set.Keys) == 0 || len(raw.Keys) != len(set.Keys) {
		t.Fatalf("the set is %s", reply.Body)
	}
	names := map[string]bool{}
	for i, key := range set.Keys {
		names[key.KeyID] = true
		if !key.Valid() || !key.IsPublic() || key.Use != "sig" || key.Algorithm != "RS256" || key.KeyID == "" {
			t.Errorf("key %d is %+v", i, key)
		}
		members := slices.Sorted(maps.Keys(raw.Keys[i]))
		if want := strings.Fields("alg e kid kty n use"); !slices.Equal(members, want) {
			t.Errorf("key %d has the members %v, want %v", i, members, want)
		}
		for _, number := range []string{"n", "e"} { // RFC 7518 §6.3.1: no padding, no zero in front
			octets, err := base64.RawURLEncoding.Strict().DecodeString(raw.Keys[i][number])
			if err != nil || len(octets) == 0 || octets[0] == 0 {
				t.Errorf("key %d: %s is %q, %v", i, number, raw.Keys[i][number], err)
			}
		}
	}
	if len(names) != len(set.Keys) {
		t.Errorf("%d keys have %d names", len(set.Keys), len(names))
	}
}

// A page of anywhere may be the client of any grant, and of what goes with it.
func TestNoOriginTurnsAnyGrantIntoARefusal(t *testing.T) {
	withEveryGrant(t, func(t *testing.T, s *servertest.Server, b *servertest.Browser) {
		for _, origin := range []string{"https://evil.example.test", "null"} {
			foreign := []string{"Origin", origin, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"}
			var last servertest.Tokens
			for name, g := range everyGrant(t, s, b) {
				reply := g.by.Post("/oauth/token", g.form, foreign...)
				expect(t, name+" from "+origin, reply, http.StatusOK, "")
				mustTrustNoOrigin(t, name, reply)
				last = reply.Tokens(t)
			}
			robot := terminal(t, s, "robot")
			robot.Secret = secret
			for path, form := range map[string]url.Values{
				"/oauth/introspect": apiForm("token", last.AccessToken), "/oauth/revoke": apiForm("token", "x"),
			} {
				reply := robot.Post(path, form, foreign...)
				expect(t, path+" from "+origin, reply, http.StatusOK, "")
				mustTrustNoOrigin(t, path, reply)
			}
			body := `{"client_id":"pictures","email":"` + mara + `","redirect_uri":"` + universal + `","state":"s"}`
			link := pictures(t, s).SendJSON("/v1/magic-links", body, foreign...)
			expect(t, "a link from "+origin, link, http.StatusAccepted, "")
			mustTrustNoOrigin(t, "a link", link)
		}
	})
}

func mustTrustNoOrigin(t *testing.T, what string, reply servertest.Reply) {
	t.Helper()
	for name := range reply.Header {
		if name == "Access-Control-Allow-Credentials" || name == "Set-Cookie" {
			t.Errorf("%s: the answer to a foreign page has %s", what, name)
		}
	}
}

// Some libraries send HTTP Basic with an empty secret for a client that has none (RFC 6749 §2.3.1).
func TestEmptySecretInHTTPBasicServesAPublicClientInEveryGrant(t *testing.T) {
	withEveryGrant(t, func(t *testing.T, s *servertest.Server, b *servertest.Browser) {
		for _, named := range []bool{false, true} { // an equal client_id in the body is no second way
			for name, g := range everyGrant(t, s, b) {
				if g.by.Secret != "" {
					continue
				}
				empty := "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(g.by.ClientID)+":"))
				if !named {
					g.form.Del("client_id")
				}
				reply := g.by.Post("/oauth/token", g.form, "Authorization", empty)
				expect(t, name, reply, http.StatusOK, "")
				revoke := apiForm("token", reply.Tokens(t).RefreshToken)
				expect(t, "revoke after "+name, g.by.Post("/oauth/revoke", revoke, "Authorization", empty), http.StatusOK, "")
				if sid := apiSession(t, reply.Tokens(t).AccessToken); store.ValidID(store.SessionPrefix, sid) {
					row, err := s.Records.Session(t.Context(), sid)
					if err != nil || row.EndedAt.IsZero() {
						t.Errorf("%s: the session was not ended: %+v, %v", name, row, err)
					}
				}
			}
		}
		a := notes(t, s)
		form := a.Request()
		form.Del("client_id")
		expect(t, "push", a.Post("/oauth/par", form, "Authorization", "Basic bm90ZXM6"), http.StatusCreated, "")
	})
}
