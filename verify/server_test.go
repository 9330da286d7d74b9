package verify_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/verify"
)

func debugLog(into *strings.Builder) *slog.Logger {
	return slog.New(slog.NewTextHandler(into, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// TestTokensOfAWholeServerAreGood goes the way of a person: a device login, a refresh, a rotation of the keys.
func TestTokensOfAWholeServerAreGood(t *testing.T) {
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		register(t, s)
		terminal := s.Terminal(t)
		terminal.ClientID, terminal.Scope, terminal.Resource = "acme", "deploy:write", audience
		mara := s.Browser(t)
		mara.SignIn("mara@example.test")
		tokens := terminal.LogIn(mara)

		v, err := verify.New(verify.Options{Issuer: s.Issuer, Audience: audience, HTTPClient: s.Client(), Now: s.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		token := mustPass(t, v, bearer(tokens.AccessToken), verify.Scope("deploy:write"), verify.MaxAge(time.Hour))
		if token.ClientID != "acme" || token.Service() || !strings.HasPrefix(token.Session, "ses_") || token.Device == "" || token.AuthTime.IsZero() || token.ID == "" {
			t.Errorf("the token is %+v", token)
		}
		mustRefuse(t, v, bearer(tokens.AccessToken), 403, verify.CodeInsufficientScope, verify.Scope("admin"))
		mustRefuse(t, v, bearer(tokens.RefreshToken), 401, verify.CodeInvalidToken)

		elsewhere, err := verify.New(verify.Options{Issuer: s.Issuer, Audience: "https://files.example.test", HTTPClient: s.Client(), Now: s.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		mustRefuse(t, elsewhere, bearer(tokens.AccessToken), 401, verify.CodeInvalidToken)

		if err := s.Keys.Rotate(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(10 * time.Second) // the keys that are known are still fresh
		next := terminal.Refresh(tokens.RefreshToken)
		if next.Status != http.StatusOK {
			t.Fatalf("refresh: %d %s", next.Status, next.Body)
		}
		renewed := next.Tokens(t)
		mustPass(t, v, bearer(renewed.AccessToken))
		mustPass(t, v, bearer(tokens.AccessToken))
		s.Clock.Advance(15 * time.Minute)
		mustRefuse(t, v, bearer(renewed.AccessToken), 401, verify.CodeInvalidToken)
	})
}

// A resource server that knows the keys alone asks nobody about a token, and refuses it all the same within ten seconds of
// the end of its session.
func TestAnEndedSessionIsRefusedWithinTenSeconds(t *testing.T) {
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		register(t, s)
		terminal := s.Terminal(t)
		terminal.ClientID, terminal.Scope, terminal.Resource = "acme", "deploy:write", audience
		mara := s.Browser(t)
		mara.SignIn("mara@example.test")
		ended := terminal.LogIn(mara)
		other := s.Terminal(t)
		other.ClientID, other.Scope, other.Resource = "acme", "deploy:write", audience
		stays := other.LogIn(mara)

		v, err := verify.New(verify.Options{Issuer: s.Issuer, Audience: audience, HTTPClient: s.Client(), Now: s.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		mustPass(t, v, bearer(ended.AccessToken))
		if reply := terminal.Revoke(ended.RefreshToken); reply.Status != http.StatusOK {
			t.Fatalf("revoke: %d %s", reply.Status, reply.Body)
		}
		s.Clock.Advance(10 * time.Second)
		mustRefuse(t, v, bearer(ended.AccessToken), 401, verify.CodeInvalidToken)
		mustPass(t, v, bearer(stays.AccessToken))
	})
}

func register(t *testing.T, s *servertest.Server) {
	t.Helper()
	now := s.Clock.Now()
	if err := s.Records.CreateClient(t.Context(), store.Client{
		ID: "acme", Name: "Acme", Public: true, Grants: []string{oauth.GrantDevice, oauth.GrantRefresh},
		Scopes: []store.Scope{{Name: "deploy:write", Words: "Deploy to production"}}, Audiences: []string{audience},
		CreatedAt: now, UpdatedAt: now,
	}); err != nil {
		t.Fatal(err)
	}
}
