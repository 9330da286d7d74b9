package oauth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

const (
	deployAPI = "https://api.example.test"
	filesAPI  = "https://files.example.test"
)

// resource registers an API; a scope is 'name=words'.
func resource(t testing.TB, s *servertest.Server, id string, scopes ...string) {
	t.Helper()
	r := store.Resource{ID: id, Name: id, CreatedAt: s.Clock.Now(), UpdatedAt: s.Clock.Now()}
	for _, scope := range scopes {
		name, words, _ := strings.Cut(scope, "=")
		r.Scopes = append(r.Scopes, store.Scope{Name: name, Words: words})
	}
	if err := s.Records.CreateResource(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// twoAPIs registers two resources and a client of both that brings one scope itself.
func twoAPIs(t testing.TB, s *servertest.Server) *servertest.Terminal {
	t.Helper()
	resource(t, s, deployAPI, "deploy:run=Deploy at night", "deploy:read=See what is deployed")
	resource(t, s, filesAPI, "files:read=Read your files")
	register(t, s, "tool", nil)
	return foreign(t, s, "tool")
}

func TestRequestGetsTheResourceThatItNamesWithItsScopes(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d, ana := twoAPIs(t, s), person(t, s, "ana")
		d.Resource, d.Scope = filesAPI, "files:read deploy:write openid"
		claims := claimsOf(t, d.LogIn(ana).AccessToken)
		if claims.Audience != filesAPI || claims.Scope != "files:read deploy:write openid" {
			t.Errorf("the token is for %s with %q", claims.Audience, claims.Scope)
		}
	})
}

func TestScopeOfAnotherResourceIsRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := twoAPIs(t, s)
		resource(t, s, "https://secret.example.test", "secret:read=Read secrets")
		for _, asked := range []struct{ resource, scope, code string }{
			{filesAPI, "deploy:run", oauth.CodeInvalidScope},
			{deployAPI, "deploy:run files:read", oauth.CodeInvalidScope},
			{"", "secret:read", oauth.CodeInvalidScope},
			{"https://secret.example.test", "secret:read", oauth.CodeInvalidScope},
			{"https://secret.example.test", "", oauth.CodeInvalidTarget},
		} {
			d.Resource, d.Scope = asked.resource, asked.scope
			mustRefuse(t, d.TryAsk(), asked.code)
		}
	})
}

func TestOneLoginServesSeveralResourcesAndNoTokenTwo(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d, ana := twoAPIs(t, s), person(t, s, "ana")
		d.Scope = "deploy:run files:read deploy:write openid"
		tokens := d.LogIn(ana)
		if claims := claimsOf(t, tokens.AccessToken); claims.Audience != deployAPI || claims.Scope != "deploy:run deploy:write openid" {
			t.Errorf("the first token is for %s with %q", claims.Audience, claims.Scope)
		}
		refresh := fields("grant_type", oauth.GrantRefresh, "client_id", "tool", "refresh_token", tokens.RefreshToken, "resource", filesAPI)
		refresh.Set("scope", "deploy:run")
		mustRefuse(t, d.Post("/oauth/token", refresh), oauth.CodeInvalidScope)
		refresh.Del("scope")
		next := mustGive(t, d.Post("/oauth/token", refresh))
		if claims := claimsOf(t, next.AccessToken); claims.Audience != filesAPI || claims.Scope != "files:read deploy:write openid" {
			t.Errorf("the other token is for %s with %q", claims.Audience, claims.Scope)
		}
		if next.Scope != "files:read deploy:write openid" {
			t.Errorf("the answer says %q", next.Scope)
		}
	})
}

func TestScopeThatItsResourceGaveUpIsInNoNewToken(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d, ana := twoAPIs(t, s), person(t, s, "ana")
		d.Scope = "deploy:run deploy:read"
		tokens := d.LogIn(ana)
		if err := s.Records.UpdateResource(t.Context(), store.Resource{ID: deployAPI, Name: "x", Scopes: []store.Scope{{Name: "deploy:read"}}}); err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(6 * time.Second)
		if next := mustGive(t, d.Refresh(tokens.RefreshToken)); next.Scope != "deploy:read" {
			t.Errorf("the new token has %q", next.Scope)
		}
	})
}

func TestAudienceThatTheClientHasLostIsInNoNewToken(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d, ana := twoAPIs(t, s), person(t, s, "ana")
		d.Scope = "openid deploy:run files:read"
		token := d.LogIn(ana).RefreshToken
		keep := func(audiences ...string) {
			c, err := s.Records.Client(t.Context(), d.ClientID)
			if err != nil {
				t.Fatal(err)
			}
			c.Audiences = audiences
			if err := s.Records.UpdateClient(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			s.Clock.Advance(6 * time.Second)
		}
		refresh := func(resource string) servertest.Reply {
			form := fields("grant_type", "refresh_token", "client_id", d.ClientID, "refresh_token", token, "device_fingerprint", d.Fingerprint)
			if resource != "" {
				form.Set("resource", resource)
			}
			return d.Post("/oauth/token", form)
		}
		keep(filesAPI)
		mustRefuse(t, refresh(deployAPI), oauth.CodeInvalidTarget)
		next := mustGive(t, refresh(""))
		if claims := claimsOf(t, next.AccessToken); claims.Audience != filesAPI || next.Scope != "openid files:read" {
			t.Errorf("the new token is for %s, with %q", claims.Audience, next.Scope)
		}
		token = next.RefreshToken
		keep("https://other.example.test")
		for range 2 {
			mustRefuse(t, refresh(""), oauth.CodeInvalidGrant)
		}
		if ends := s.Recorded(t, "session.end"); len(ends) != 1 || ends[0].Detail != "refused" {
			t.Errorf("the session ended as %+v", ends)
		}
	})
}

func TestApprovalPageSaysWhatAResourceSaysOfItsScopes(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d, ana := twoAPIs(t, s), person(t, s, "ana")
		d.Scope = "deploy:run files:read"
		page := ana.EnterCode(d.Ask().UserCode)
		for _, words := range []string{"Deploy at night", "Read your files"} {
			if !strings.Contains(page.Body, words) {
				t.Errorf("the page does not say %q", words)
			}
		}
	})
}

func TestServiceHasTheScopesOfItsResourceAlone(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		resource(t, s, deployAPI, "deploy:run=Deploy at night")
		resource(t, s, filesAPI, "files:read=Read files")
		d := service(t, s, "robot", func(c *store.Client) {
			c.Scopes = append(c.Scopes, store.Scope{Name: "deploy:run", Words: "x"}, store.Scope{Name: "files:read", Words: "x"})
		})
		narrow := service(t, s, "narrow", nil)
		for _, asked := range []struct {
			form  []string
			scope string
		}{
			{nil, "deploy:write deploy:read deploy:run"},
			{[]string{"resource", filesAPI}, "deploy:write deploy:read files:read"},
			{[]string{"resource", filesAPI, "scope", "files:read"}, "files:read"},
		} {
			tokens := mustGive(t, asService(d, asked.form...))
			if claims := claimsOf(t, tokens.AccessToken); claims.Scope != asked.scope || tokens.Scope != asked.scope {
				t.Errorf("%v gives %q", asked.form, claims.Scope)
			}
		}
		mustRefuse(t, asService(d, "scope", "files:read"), oauth.CodeInvalidScope)
		mustRefuse(t, asService(d, "scope", "deploy:run", "resource", filesAPI), oauth.CodeInvalidScope)
		if scope := mustGive(t, asService(narrow)).Scope; scope != "deploy:write deploy:read" {
			t.Errorf("a service that was given nothing of the resource gets %q", scope)
		}
		mustRefuse(t, asService(narrow, "scope", "deploy:run"), oauth.CodeInvalidScope)
	})
}

func TestResourceThatWantsBoundTokensGetsNoBearerTokens(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d, ana := twoAPIs(t, s), person(t, s, "ana")
		tokens := d.LogIn(ana)
		r, err := s.Records.Resource(t.Context(), filesAPI)
		if err != nil {
			t.Fatal(err)
		}
		r.DPoP = true
		if err := s.Records.UpdateResource(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(6 * time.Second)
		refresh := fields("grant_type", oauth.GrantRefresh, "client_id", "tool", "refresh_token", tokens.RefreshToken, "resource", filesAPI)
		mustRefuse(t, d.Post("/oauth/token", refresh), oauth.CodeInvalidTarget)
		mustGive(t, d.Refresh(tokens.RefreshToken))
		d.Resource = filesAPI
		asked := d.Ask()
		mustRefuse(t, d.Poll(asked), oauth.CodeInvalidGrant) // before anybody is asked to approve
		d.Wallet = s.Wallet(t)
		ana.Approve(asked.UserCode)
		bound := mustGive(t, d.Poll(asked))
		if bound.TokenType != "DPoP" {
			t.Errorf("the resource gets a token of type %s", bound.TokenType)
		}
	})
}

func TestSeveralResourcesAtOnceAreRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		form := fields("client_id", "tool")
		form["resource"] = []string{deployAPI, filesAPI}
		mustRefuse(t, twoAPIs(t, s).Post("/oauth/device_authorization", form), oauth.CodeInvalidTarget)
	})
}
