package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

const inactive = `{"active":false}`

func introspect(d *servertest.Terminal, token string, headers ...string) servertest.Reply {
	return d.Post("/oauth/introspect", fields("token", token), headers...)
}

// mustKnow fails unless the asker is told of a token.
func mustKnow(t testing.TB, d *servertest.Terminal, token string) map[string]any {
	t.Helper()
	reply := introspect(d, token)
	var told map[string]any
	reply.Decode(t, &told)
	if reply.Status != http.StatusOK || told["active"] != true {
		t.Fatalf("the asker hears %d %s", reply.Status, reply.Body)
	}
	if cache := reply.Header.Get("Cache-Control"); cache != "no-store" {
		t.Errorf("the answer may be cached: %q", cache)
	}
	return told
}

// mustNotKnow fails unless the asker hears exactly what everybody hears of a token that is not good.
func mustNotKnow(t testing.TB, d *servertest.Terminal, tokens ...string) {
	t.Helper()
	for _, token := range tokens {
		reply := introspect(d, token)
		if reply.Status != http.StatusOK || string(reply.Body) != inactive+"\n" || reply.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%.12s…: the asker hears %d %s", token, reply.Status, reply.Body)
		}
	}
}

// mustTell compares the members of an answer, all of them.
func mustTell(t testing.TB, told, want map[string]any) {
	t.Helper()
	for name := range told {
		if _, expected := want[name]; !expected {
			t.Errorf("the answer holds %s: %v", name, told[name])
		}
	}
	for name, value := range want {
		if told[name] != value {
			t.Errorf("%s is %v, want %v", name, told[name], value)
		}
	}
}

// shop is a server with an API, a team's tool and a person who has signed in with it.
type shop struct {
	api, tool *servertest.Terminal
	mara      *servertest.Browser
	tokens    servertest.Tokens
}

func openShop(t *testing.T, s *servertest.Server) shop {
	t.Helper()
	register(t, s, "tool", confidential(serviceSecret))
	x := shop{api: service(t, s, "api", nil), tool: foreign(t, s, "tool"), mara: person(t, s, "mara")}
	x.tool.Secret, x.tool.Scope = serviceSecret, "deploy:write"
	x.tokens = x.tool.LogIn(x.mara)
	return x
}

func TestAPIIsToldOfTheTokensThatItIsShown(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		x := openShop(t, s)
		claims := claimsOf(t, x.tokens.AccessToken)
		for range 2 { // the second time out of memory
			mustTell(t, mustKnow(t, x.api, x.tokens.AccessToken), map[string]any{
				"active": true, "iss": s.Issuer, "sub": claims.Subject, "aud": "https://api.example.test", "client_id": "tool",
				"token_type": "Bearer", "scope": "deploy:write", "exp": float64(claims.Expires), "iat": float64(claims.Issued),
				"jti": claims.ID, "sid": claims.Session,
			})
		}
		robot := mustGive(t, asService(x.api)).AccessToken
		claims = claimsOf(t, robot)
		mustTell(t, mustKnow(t, x.api, robot), map[string]any{
			"active": true, "iss": s.Issuer, "sub": "api", "aud": "https://api.example.test", "client_id": "api",
			"token_type": "Bearer", "scope": "deploy:write deploy:read", "exp": float64(claims.Expires),
			"iat": float64(claims.Issued), "jti": claims.ID,
		})
	})
}

func TestForeignClientLearnsNothingByIntrospecting(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		x := openShop(t, s)
		robot := mustGive(t, asService(x.api)).AccessToken
		other := service(t, s, "other-api", func(c *store.Client) { c.Audiences = []string{"https://other.example.test"} })
		mustNotKnow(t, other, x.tokens.AccessToken, x.tokens.RefreshToken, robot)
		mustNotKnow(t, x.api, x.tokens.RefreshToken) // the audience is told of access tokens only
		files := service(t, s, "files", func(c *store.Client) { c.Audiences = []string{"https://files.example.test"} })
		mustNotKnow(t, files, x.tokens.AccessToken)
		mustKnow(t, x.tool, x.tokens.AccessToken) // whose token it is
	})
}

func TestOnlyAProvenClientIntrospects(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		x := openShop(t, s)
		register(t, s, "public", nil)
		public := foreign(t, s, "public")
		token := x.tokens.AccessToken
		mustRefuse(t, public.Post("/oauth/introspect", fields("token", token, "client_id", "public")), oauth.CodeInvalidClient)
		mustRefuse(t, public.Post("/oauth/introspect", fields("token", token, "client_id", "api")), oauth.CodeInvalidClient)
		mustRefuse(t, public.Post("/oauth/introspect", fields("token", token)), oauth.CodeInvalidClient)
		mustRefuse(t, x.api.Post("/oauth/introspect", fields("x", "y")), oauth.CodeInvalidRequest)
		wrong := *x.api
		wrong.Secret = "wrong"
		reply := introspect(&wrong, token)
		mustAnswer(t, reply, http.StatusUnauthorized, oauth.CodeInvalidClient)
		if got := reply.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Basic ") {
			t.Errorf("the challenge is %q", got)
		}
		// A token is no proof of who asks.
		bearer := public.Post("/oauth/introspect", fields("token", token), "Authorization", "Bearer "+token)
		mustRefuse(t, bearer, oauth.CodeInvalidClient)
		mustKnow(t, x.api, token)
	})
}

func TestWhatIsNoTokenOfOursIsInactive(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		x := openShop(t, s)
		access, refresh := x.tokens.AccessToken, x.tokens.RefreshToken
		parts := strings.Split(access, ".")
		mustKnow(t, x.api, access) // so that it is in memory
		mustNotKnow(t, x.api,
			"x", "a.b.c", access+"A", access[:len(access)-40]+"AAAA"+access[len(access)-36:], parts[0]+"."+parts[1]+".",
			"eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0."+parts[1]+".", refresh+"A", "hcr_", "hcr_{}.*.:.", strings.Repeat("x", 8000))
		mustNotKnow(t, x.tool, refresh+"A", "hcr_k1."+store.NewID(store.SessionPrefix)+".a.b")
	})
}

func TestTokenIsInactiveOnceItsSessionHasEnded(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		x := openShop(t, s)
		mustKnow(t, x.api, x.tokens.AccessToken)
		x.tool.Revoke(x.tokens.RefreshToken)
		mustNotKnow(t, x.api, x.tokens.AccessToken)
		mustNotKnow(t, x.tool, x.tokens.AccessToken, x.tokens.RefreshToken)
	})
}

func TestTokenIsInactiveOnceItWasRevokedOnItsOwn(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		x := openShop(t, s)
		next := mustGive(t, x.tool.Refresh(x.tokens.RefreshToken))
		x.tool.Revoke(x.tokens.AccessToken)
		mustNotKnow(t, x.api, x.tokens.AccessToken)
		mustKnow(t, x.api, next.AccessToken)
	})
}

func TestTokenIsInactiveOnceItHasExpired(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		x := openShop(t, s)
		robot := mustGive(t, asService(x.api)).AccessToken
		mustKnow(t, x.api, robot)
		mustKnow(t, x.api, x.tokens.AccessToken)
		s.Clock.Advance(15*time.Minute + time.Second)
		mustNotKnow(t, x.api, x.tokens.AccessToken, robot)
	})
}

func TestServicesTokenCanBeRevoked(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		x := openShop(t, s)
		first, second := mustGive(t, asService(x.api)).AccessToken, mustGive(t, asService(x.api)).AccessToken
		mustRefuse(t, x.tool.Revoke(first), oauth.CodeUnauthorizedClient)
		mustKnow(t, x.api, first)
		for range 2 {
			if reply := x.api.Revoke(first); reply.Status != http.StatusOK || len(reply.Body) != 0 {
				t.Fatalf("revoke: %d %s", reply.Status, reply.Body)
			}
			mustNotKnow(t, x.api, first)
		}
		mustKnow(t, x.api, second)
		s.Clock.Advance(14 * time.Minute)
		mustNotKnow(t, x.api, first)
	})
}

func TestTokensOfAServiceThatIsGoneAreInactive(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		x := openShop(t, s)
		gone := service(t, s, "gone", nil)
		token := mustGive(t, asService(gone)).AccessToken
		mustKnow(t, x.api, token)
		if err := s.Records.DeleteClient(t.Context(), "gone"); err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(6 * time.Second) // so long a client is remembered
		mustNotKnow(t, x.api, token)
		mustAnswer(t, asService(gone), http.StatusUnauthorized, oauth.CodeInvalidClient)
	})
}

func TestRefreshTokenIsToldOfToItsOwnClientAndNotSpent(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		x := openShop(t, s)
		first := x.tokens.RefreshToken
		claims := claimsOf(t, x.tokens.AccessToken)
		told := mustKnow(t, x.tool, first)
		if told["token_type"] != nil || told["sub"] != claims.Subject || told["sid"] != claims.Session || told["client_id"] != "tool" || told["scope"] != "deploy:write" {
			t.Errorf("the answer is %v", told)
		}
		if audience, ok := told["aud"].([]any); !ok || len(audience) != 2 {
			t.Errorf("the audience is %v", told["aud"])
		}
		second := mustGive(t, x.tool.Refresh(first)).RefreshToken
		mustKnow(t, x.tool, first) // a refresh would still take it
		mustKnow(t, x.tool, second)
		s.Clock.Advance(store.RefreshGrace + time.Second)
		mustNotKnow(t, x.tool, first)
		mustKnow(t, x.tool, second)
		third := mustGive(t, x.tool.Refresh(second)).RefreshToken
		mustGive(t, x.tool.Refresh(third))
		mustNotKnow(t, x.tool, first, second)
		mustKnow(t, x.tool, third) // asking for spent ones has ended nothing
	})
}

// A key that has leaked is removed at once; what was signed with it must not live on in memory.
func TestTokenOfAKeyThatWasRemovedIsInactive(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		x := openShop(t, s)
		kid := s.Keys.Current().KID
		mustKnow(t, x.api, x.tokens.AccessToken)
		if err := s.Keys.Rotate(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		mustKnow(t, x.api, x.tokens.AccessToken)
		if err := s.Keys.Retire(t.Context(), kid, true); err != nil {
			t.Fatal(err)
		}
		mustNotKnow(t, x.api, x.tokens.AccessToken)
	})
}

// away is a ticket store that does not answer while it is down.
type away struct {
	store.Tickets
	down *atomic.Bool
}

var errAway = errors.New("the store is away")

func (k away) Grant(ctx context.Context, sid, jti string) (store.Grant, error) {
	if k.down.Load() {
		return store.Grant{}, errAway
	}
	return k.Tickets.Grant(ctx, sid, jti)
}

func (k away) Revoked(ctx context.Context, jti string) (bool, error) {
	if k.down.Load() {
		return false, errAway
	}
	return k.Tickets.Revoked(ctx, jti)
}

func (k away) RevokeService(ctx context.Context, jti string, ttl time.Duration) error {
	if k.down.Load() {
		return errAway
	}
	return k.Tickets.RevokeService(ctx, jti, ttl)
}

func TestOutageIsNeitherActiveNorInactive(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	s := servertest.Start(t, servertest.Options{LimitScale: 1000, Tickets: func(below store.Tickets) store.Tickets { return away{below, &down} }})
	x := openShop(t, s)
	robot := mustGive(t, asService(x.api)).AccessToken
	mustKnow(t, x.api, robot)
	mustKnow(t, x.api, x.tokens.AccessToken)
	down.Store(true)
	mustAnswer(t, introspect(x.api, x.tokens.AccessToken), http.StatusServiceUnavailable, oauth.CodeUnavailable)
	mustAnswer(t, introspect(x.tool, x.tokens.RefreshToken), http.StatusServiceUnavailable, oauth.CodeUnavailable)
	mustAnswer(t, introspect(x.api, robot), http.StatusServiceUnavailable, oauth.CodeUnavailable)
	mustAnswer(t, x.api.Revoke(robot), http.StatusServiceUnavailable, oauth.CodeUnavailable)
	down.Store(false)
	mustKnow(t, x.api, robot)
}
