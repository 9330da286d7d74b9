package oauth_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/sessions"
)

func TestRevokingTheRefreshTokenEndsEverything(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		mara, d := person(t, s, "mara"), s.Terminal(t)
		asked := d.Ask()
		mara.Approve(asked.UserCode)
		first := mustGive(t, d.Poll(asked))
		tokens := mustGive(t, d.Refresh(first.RefreshToken))
		for range 3 { // and again is a success too
			if reply := d.Revoke(tokens.RefreshToken); reply.Status != http.StatusOK || len(reply.Body) != 0 || reply.Header.Get("Cache-Control") != "no-store" {
				t.Fatalf("revoke: %d %s %v", reply.Status, reply.Body, reply.Header)
			}
			if alive(d, first.AccessToken) || alive(d, tokens.AccessToken) {
				t.Error("an access token lives on")
			}
			mustRefuse(t, d.Refresh(tokens.RefreshToken), oauth.CodeInvalidGrant)
		}
		if row := sessionOf(t, s, asked); row.EndReason != sessions.EndLogout || row.GrantGoneAt.IsZero() {
			t.Errorf("the session stands as %+v", row)
		}
		if events := s.Recorded(t, "session.end"); len(events) != 1 {
			t.Errorf("the end was told %d times", len(events))
		}
	})
}

func TestRevokingAnAccessTokenEndsOnlyItself(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		first := d.LogIn(person(t, s, "mara"))
		second := mustGive(t, d.Refresh(first.RefreshToken))
		for range 2 {
			if reply := d.Revoke(first.AccessToken); reply.Status != http.StatusOK {
				t.Fatalf("revoke: %d %s", reply.Status, reply.Body)
			}
		}
		if alive(d, first.AccessToken) {
			t.Error("a revoked access token lives on")
		}
		if !alive(d, second.AccessToken) {
			t.Error("another access token of the session has ended")
		}
		s.Clock.Advance(14 * time.Minute)
		if alive(d, first.AccessToken) {
			t.Error("the revocation is forgotten before the token expires")
		}
		mustGive(t, d.Refresh(second.RefreshToken))
	})
}

func TestUnknownTokenIsRevokedAlready(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		tokens := d.LogIn(person(t, s, "mara"))
		for _, token := range []string{"x", "hcr_", "hcr_{}.*.:.", tokens.RefreshToken + "A", tokens.AccessToken + "A", "a.b.c", tokens.AccessToken[:100]} {
			if reply := d.Revoke(token); reply.Status != http.StatusOK {
				t.Errorf("%.20q: %d %s", token, reply.Status, reply.Body)
			}
		}
		hinted := d.Post("/oauth/revoke", fields("client_id", d.ClientID, "token", "x", "token_type_hint", "nonsense"))
		if hinted.Status != http.StatusOK {
			t.Errorf("an unknown hint: %d %s", hinted.Status, hinted.Body)
		}
		if !alive(d, tokens.AccessToken) {
			t.Error("a token that looks alike was ended")
		}
		s.Clock.Advance(20 * time.Minute)
		if reply := d.Revoke(tokens.AccessToken); reply.Status != http.StatusOK {
			t.Errorf("an expired one: %d %s", reply.Status, reply.Body)
		}
	})
}

func TestAnotherClientsTokenIsNotRevoked(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		register(t, s, "other-tool", nil)
		d, other := s.Terminal(t), foreign(t, s, "other-tool")
		tokens := d.LogIn(person(t, s, "mara"))
		mustRefuse(t, other.Revoke(tokens.RefreshToken), oauth.CodeUnauthorizedClient)
		mustRefuse(t, other.Revoke(tokens.AccessToken), oauth.CodeUnauthorizedClient)
		if !alive(d, tokens.AccessToken) {
			t.Error("another client has ended the access token")
		}
		mustGive(t, d.Refresh(tokens.RefreshToken))
	})
}
