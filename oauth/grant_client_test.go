package oauth_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

const serviceSecret = "a-generated-secret"

// service registers a client that acts for itself, and returns it as it calls: its secret goes by HTTP Basic.
func service(t testing.TB, s *servertest.Server, id string, change func(*store.Client)) *servertest.Terminal {
	t.Helper()
	register(t, s, id, func(c *store.Client) {
		confidential(serviceSecret)(c)
		c.Grants = []string{oauth.GrantClient}
		c.Scopes = []store.Scope{{Name: "deploy:write"}, {Name: "deploy:read"}, {Name: "openid"}, {Name: oauth.ScopeAccountRead}}
		if change != nil {
			change(c)
		}
	})
	d := foreign(t, s, id)
	d.Secret = serviceSecret
	return d
}

// asService asks for a service's token.
func asService(d *servertest.Terminal, pairs ...string) servertest.Reply {
	return d.Post("/oauth/token", fields(append([]string{"grant_type", oauth.GrantClient}, pairs...)...))
}

func TestServiceGetsATokenOfItsOwn(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := service(t, s, "robot", nil)
		reply := asService(d)
		tokens := mustGive(t, reply)
		if tokens.RefreshToken != "" || tokens.TokenType != "Bearer" || tokens.ExpiresIn != 900 || tokens.Scope != "deploy:write deploy:read" {
			t.Errorf("the answer is %s", reply.Body)
		}
		var header map[string]string
		var claims map[string]any
		for i, into := range []any{&header, &claims} {
			if err := json.Unmarshal(part(t, tokens.AccessToken, i), into); err != nil {
				t.Fatal(err)
			}
		}
		if want := map[string]string{"alg": "RS256", "typ": "at+jwt", "kid": s.Keys.Current().KID}; !maps.Equal(header, want) {
			t.Errorf("the header is %v, want %v", header, want)
		}
		names := slices.Sorted(maps.Keys(claims))
		if want := strings.Fields("aud client_id exp iat iss jti scope sub"); !slices.Equal(names, want) {
			t.Errorf("the claims are %v, want %v", names, want)
		}
		if claims["sub"] != "robot" || claims["client_id"] != "robot" || claims["aud"] != "https://api.example.test" {
			t.Errorf("the claims are %v", claims)
		}
		if other := mustGive(t, asService(d)); claimsOf(t, other.AccessToken).ID == claims["jti"] {
			t.Error("two tokens have one jti")
		}
	})
}

func TestServicePicksScopeAndResource(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := service(t, s, "robot", nil)
		tokens := mustGive(t, asService(d, "scope", "deploy:read deploy:read", "resource", "https://files.example.test"))
		if claims := claimsOf(t, tokens.AccessToken); claims.Scope != "deploy:read" || claims.Audience != "https://files.example.test" {
			t.Errorf("the claims are %+v", claims)
		}
		for _, scope := range []string{"openid", "profile", "email", "offline_access", oauth.ScopeAccountRead, oauth.ScopeAccountDevices, "deploy:write openid", "unknown", "account:"} {
			mustRefuse(t, asService(d, "scope", scope), oauth.CodeInvalidScope)
		}
		bare := service(t, s, "bare", func(c *store.Client) { c.Scopes = nil })
		if tokens := mustGive(t, asService(bare)); tokens.Scope != "" || claimsOf(t, tokens.AccessToken).Scope != "" {
			t.Errorf("a client without scopes gets %+v", tokens)
		}
	})
}

func TestResourceThatIsNotRegisteredIsRefusedToAService(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := service(t, s, "robot", nil)
		for _, resource := range []string{"https://other.example.test", s.Issuer, "https://api.example.test/", "x"} {
			mustRefuse(t, asService(d, "resource", resource), oauth.CodeInvalidTarget)
		}
	})
}

func TestOnlyAProvenClientIsAService(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		register(t, s, "public", func(c *store.Client) { c.Grants = []string{oauth.GrantClient} })
		person := service(t, s, "no-service", func(c *store.Client) { c.Grants = []string{oauth.GrantDevice} })
		service(t, s, "robot", nil)
		mustRefuse(t, asService(foreign(t, s, "public"), "client_id", "public"), oauth.CodeUnauthorizedClient)
		mustRefuse(t, asService(person), oauth.CodeUnauthorizedClient)
		mustRefuse(t, asService(foreign(t, s, "robot")), oauth.CodeInvalidClient)
		mustRefuse(t, asService(foreign(t, s, "robot"), "client_id", "robot", "client_secret", "wrong"), oauth.CodeInvalidClient)
		mustGive(t, asService(foreign(t, s, "robot"), "client_id", "robot", "client_secret", serviceSecret))
		wrong := foreign(t, s, "robot")
		wrong.Secret = "wrong"
		mustAnswer(t, asService(wrong), http.StatusUnauthorized, oauth.CodeInvalidClient)
	})
}

func TestTwoWaysOfAuthenticationInOneRequestAreRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := service(t, s, "robot", nil)
		mustRefuse(t, asService(d, "client_id", "robot", "client_secret", serviceSecret), oauth.CodeInvalidRequest)
		mustRefuse(t, d.Post("/oauth/introspect", fields("token", "x", "client_secret", serviceSecret)), oauth.CodeInvalidRequest)
	})
}

func TestParametersOfAServiceGivenTwiceAreRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := service(t, s, "robot", nil)
		token := mustGive(t, asService(d)).AccessToken
		for name, want := range map[string]string{
			"grant_type": oauth.CodeInvalidRequest, "scope": oauth.CodeInvalidRequest, "client_id": oauth.CodeInvalidRequest,
			"resource": oauth.CodeInvalidTarget,
		} {
			form := url.Values{"grant_type": {oauth.GrantClient}, "scope": {"deploy:read"}, "client_id": {"robot"}, "resource": {"https://api.example.test"}}
			form.Add(name, form.Get(name))
			mustRefuse(t, d.Post("/oauth/token", form), want)
		}
		mustRefuse(t, d.Post("/oauth/introspect", url.Values{"token": {token, token}}), oauth.CodeInvalidRequest)
		mustRefuse(t, d.Post("/oauth/introspect?token="+token, url.Values{"token": {token}}), oauth.CodeInvalidRequest)
	})
}

// A service whose audience is our own API holds a good token for it, and is nobody there.
func TestServiceIsNoPersonAtOurOwnAPI(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := service(t, s, "robot", func(c *store.Client) { c.Audiences = []string{s.Issuer} })
		token := mustGive(t, asService(d)).AccessToken
		for _, path := range []string{"/v1/me", "/v1/devices", "/v1/sessions"} {
			mustAnswer(t, d.Call(http.MethodGet, path, token), http.StatusUnauthorized, oauth.CodeInvalidToken)
		}
		mustAnswer(t, d.Call(http.MethodDelete, "/v1/sessions", token), http.StatusUnauthorized, oauth.CodeInvalidToken)
	})
}

func TestNoServiceHasTheIDOfAUser(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := foreign(t, s, claimsOf(t, s.Terminal(t).LogIn(person(t, s, "mara")).AccessToken).Subject)
		d.Secret = serviceSecret
		mustAnswer(t, asService(d), http.StatusUnauthorized, oauth.CodeInvalidClient)
		// Nor would it if somebody had written such a client into the records.
		register(t, s, d.ClientID, func(c *store.Client) {
			confidential(serviceSecret)(c)
			c.Grants = []string{oauth.GrantClient}
		})
		mustAnswer(t, asService(d), http.StatusUnauthorized, oauth.CodeInvalidClient)
	})
}

func TestLibraryGetsAServicesToken(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		service(t, s, "https://robot.example.test/app", nil)
		for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams, oauth2.AuthStyleAutoDetect} {
			config := clientcredentials.Config{
				ClientID: "https://robot.example.test/app", ClientSecret: serviceSecret, TokenURL: s.Issuer + "/oauth/token",
				Scopes: []string{"deploy:write"}, AuthStyle: style,
			}
			token, err := config.Token(context.WithValue(t.Context(), oauth2.HTTPClient, s.Client()))
			if err != nil || token.AccessToken == "" || token.RefreshToken != "" {
				t.Errorf("the library brings %+v, %v", token, err)
			}
		}
	})
}
