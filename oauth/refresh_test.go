package oauth_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

func TestTwentyRefreshesAtOnceGetOneSuccessor(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		tokens := d.LogIn(person(t, s, "mara"))
		successors, ids := map[string]bool{}, map[string]bool{}
		for _, reply := range atOnce(20, func() servertest.Reply { return d.Refresh(tokens.RefreshToken) }) {
			next := mustGive(t, reply)
			successors[next.RefreshToken], ids[claimsOf(t, next.AccessToken).ID] = true, true
			if !alive(d, next.AccessToken) {
				t.Error("an access token of a parallel refresh is worth nothing")
			}
		}
		if len(successors) != 1 || successors[tokens.RefreshToken] {
			t.Errorf("there are %d successors", len(successors))
		}
		if len(ids) != 20 {
			t.Errorf("20 access tokens have %d ids", len(ids))
		}
		for next := range successors {
			mustGive(t, d.Refresh(next))
		}
	})
}

func TestLostAnswerOfARefreshIsGivenAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		tokens := d.LogIn(person(t, s, "mara"))
		first := mustGive(t, d.Refresh(tokens.RefreshToken))
		s.Clock.Advance(90 * time.Second)
		again := mustGive(t, d.Refresh(tokens.RefreshToken))
		if again.RefreshToken != first.RefreshToken {
			t.Error("the retry got another successor")
		}
		s.Clock.Advance(time.Minute) // two minutes after the rotation the grace is over
		mustRefuse(t, d.Refresh(tokens.RefreshToken), oauth.CodeInvalidGrant)
		mustRefuse(t, d.Refresh(first.RefreshToken), oauth.CodeInvalidGrant)
	})
}

func TestSpentTokenEndsTheSession(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		mara := person(t, s, "mara")
		asked := d.Ask()
		mara.Approve(asked.UserCode)
		first := mustGive(t, d.Poll(asked))
		second := mustGive(t, d.Refresh(first.RefreshToken))
		third := mustGive(t, d.Refresh(second.RefreshToken)) // the successor is used: the first is spent for good
		mustRefuse(t, d.Refresh(first.RefreshToken), oauth.CodeInvalidGrant)

		mustRefuse(t, d.Refresh(third.RefreshToken), oauth.CodeInvalidGrant)
		for _, token := range []string{first.AccessToken, second.AccessToken, third.AccessToken} {
			mustAnswer(t, d.Call(http.MethodGet, "/v1/me", token), http.StatusUnauthorized, oauth.CodeInvalidToken)
		}
		row := sessionOf(t, s, asked)
		if row.EndReason != sessions.EndReuse || row.GrantGoneAt.IsZero() {
			t.Errorf("the session stands as %+v", row)
		}
		if page := mara.Open("/account"); strings.Contains(page.Body, row.ID) {
			t.Error("the list still shows the session")
		}
		events := s.Recorded(t, "session.end")
		if len(events) != 1 || events[0].Detail != sessions.EndReuse || events[0].Result != sessions.Refused || events[0].SessionID != row.ID || events[0].Address == "" {
			t.Errorf("the events are %+v", events)
		}
		mail := s.WaitForMail(t, func(m servertest.Mail) bool { return strings.Contains(m.Subject, "ended") })
		if mail.To != "mara@example.test" || !strings.Contains(mail.Text, "dev-box") {
			t.Errorf("the mail is %+v", mail)
		}
		mustRefuse(t, d.Refresh(first.RefreshToken), oauth.CodeInvalidGrant) // once more tells nobody anything
		if again := s.Recorded(t, "session.end"); len(again) != 1 {
			t.Errorf("the end was told %d times", len(again))
		}
		d.LogIn(mara) // the device is free and the person may come back
	})
}

func TestAnotherClientCannotSpendARefreshToken(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		register(t, s, "other-tool", nil)
		register(t, s, "no-refresh", func(c *store.Client) { c.Grants = []string{oauth.GrantDevice} })
		d, other, none := s.Terminal(t), foreign(t, s, "other-tool"), foreign(t, s, "no-refresh")
		tokens := d.LogIn(person(t, s, "mara"))
		mustRefuse(t, other.Refresh(tokens.RefreshToken), oauth.CodeInvalidGrant)
		mustRefuse(t, none.Refresh(tokens.RefreshToken), oauth.CodeUnauthorizedClient)
		next := mustGive(t, d.Refresh(tokens.RefreshToken))
		last := mustGive(t, d.Refresh(next.RefreshToken))
		mustRefuse(t, other.Refresh(tokens.RefreshToken), oauth.CodeInvalidGrant) // a spent one ends nothing either
		if !alive(d, last.AccessToken) {
			t.Error("another client has ended the session")
		}
		mustGive(t, d.Refresh(last.RefreshToken))
	})
}

func TestClientWithoutTheRefreshGrantGetsNoRefreshToken(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		register(t, s, "no-refresh", func(c *store.Client) { c.Grants, c.Audiences = []string{oauth.GrantDevice}, []string{s.Issuer} })
		d := foreign(t, s, "no-refresh")
		tokens := d.LogIn(person(t, s, "mara"))
		if tokens.RefreshToken != "" || tokens.AccessToken == "" {
			t.Errorf("the answer is %+v", tokens)
		}
		s.Clock.Advance(16 * time.Minute)
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		live, err := s.Records.LiveSessions(t.Context(), userID(t, s, "mara@example.test"))
		if err != nil || slices.ContainsFunc(live, func(row store.Session) bool { return row.Kind == store.KindDevice }) {
			t.Errorf("a session that nobody can refresh goes on: %+v, %v", live, err)
		}
	})
}

func TestScopeNarrowsAndNeverWidens(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		register(t, s, "tool", nil)
		d := foreign(t, s, "tool")
		d.Scope = "openid deploy:write deploy:write profile"
		tokens := d.LogIn(person(t, s, "mara"))
		if tokens.Scope != "openid deploy:write profile" {
			t.Errorf("the scope is %q", tokens.Scope)
		}
		refresh := func(token, scope string) servertest.Reply {
			return d.Post("/oauth/token", fields("grant_type", oauth.GrantRefresh, "client_id", "tool", "refresh_token", token, "scope", scope))
		}
		mustRefuse(t, refresh(tokens.RefreshToken, "deploy:write email"), oauth.CodeInvalidScope)
		narrow := mustGive(t, refresh(tokens.RefreshToken, "deploy:write"))
		if narrow.Scope != "deploy:write" || claimsOf(t, narrow.AccessToken).Scope != "deploy:write" {
			t.Errorf("narrowed to %q", narrow.Scope)
		}
		mustRefuse(t, refresh(narrow.RefreshToken, "email"), oauth.CodeInvalidScope)
		wide := mustGive(t, refresh(narrow.RefreshToken, "")) // the grant itself has not narrowed
		if wide.Scope != tokens.Scope || claimsOf(t, wide.AccessToken).Scope != tokens.Scope {
			t.Errorf("the next scope is %q", wide.Scope)
		}
	})
}

func TestRefreshPicksOneOfTheResources(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		register(t, s, "tool", nil)
		d := foreign(t, s, "tool")
		d.Resource = "https://files.example.test"
		tokens := d.LogIn(person(t, s, "mara"))
		audience := func(token string) string { t.Helper(); return claimsOf(t, token).Audience }
		if got := audience(tokens.AccessToken); got != d.Resource {
			t.Errorf("the audience is %q", got)
		}
		refresh := func(token string, resource ...string) servertest.Reply {
			form := fields("grant_type", oauth.GrantRefresh, "client_id", "tool", "refresh_token", token)
			if len(resource) > 0 {
				form["resource"] = resource
			}
			return d.Post("/oauth/token", form)
		}
		mustRefuse(t, refresh(tokens.RefreshToken, "https://x.example.test"), oauth.CodeInvalidTarget)
		mustRefuse(t, refresh(tokens.RefreshToken, "https://api.example.test", "https://files.example.test"), oauth.CodeInvalidTarget)
		next := mustGive(t, refresh(tokens.RefreshToken, "https://api.example.test"))
		if got := audience(next.AccessToken); got != "https://api.example.test" {
			t.Errorf("the audience is %q", got)
		}
		next = mustGive(t, refresh(next.RefreshToken))
		if got := audience(next.AccessToken); got != d.Resource {
			t.Errorf("without a resource the audience is %q", got)
		}
	})
}

func TestFingerprintAtARefresh(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		mara := person(t, s, "mara")
		t.Run("is required of a client that says so", func(t *testing.T) {
			d := s.Terminal(t)
			tokens, own := d.LogIn(mara), d.Fingerprint
			for _, wrong := range []string{"", strings.Repeat("w", 40), strings.ToUpper(own[:1]) + "_" + own[2:]} {
				d.Fingerprint = wrong
				mustRefuse(t, d.Refresh(tokens.RefreshToken), oauth.CodeInvalidGrant)
			}
			d.Fingerprint = "short"
			mustRefuse(t, d.Refresh(tokens.RefreshToken), oauth.CodeInvalidRequest)
			d.Fingerprint = own
			if !alive(d, tokens.AccessToken) {
				t.Error("a wrong fingerprint has ended the session")
			}
			mustGive(t, d.Refresh(tokens.RefreshToken))
		})
		t.Run("must only fit elsewhere", func(t *testing.T) {
			register(t, s, "tool", nil)
			d := foreign(t, s, "tool")
			d.Fingerprint = strings.Repeat("f", 32)
			tokens := d.LogIn(mara)
			d.Fingerprint = strings.Repeat("w", 32)
			mustRefuse(t, d.Refresh(tokens.RefreshToken), oauth.CodeInvalidGrant)
			d.Fingerprint = ""
			tokens = mustGive(t, d.Refresh(tokens.RefreshToken))
			d.Fingerprint = strings.Repeat("f", 32)
			mustGive(t, d.Refresh(tokens.RefreshToken))
		})
	})
}

func TestSessionEndsIdleAndAltogether(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		mara := person(t, s, "mara")
		idle := s.Terminal(t)
		tokens := idle.LogIn(mara)
		s.Clock.Advance(29 * 24 * time.Hour)
		before := s.Clock.Now().Unix()
		tokens = mustGive(t, idle.Refresh(tokens.RefreshToken))
		claims := claimsOf(t, tokens.AccessToken)
		if now := s.Clock.Now().Unix(); claims.Issued < before || claims.Issued > now {
			t.Errorf("a token that was refreshed between %d and %d says that it was issued at %d", before, now, claims.Issued)
		}
		if s.Clock.Now().Unix()-claims.AuthTime < 28*24*3600 {
			t.Error("a refresh has moved the time of the sign-in")
		}
		s.Clock.Advance(29 * 24 * time.Hour)
		tokens = mustGive(t, idle.Refresh(tokens.RefreshToken))
		s.Clock.Advance(29 * 24 * time.Hour) // day 87 of 90
		tokens = mustGive(t, idle.Refresh(tokens.RefreshToken))
		s.Clock.Advance(4 * 24 * time.Hour)
		mustRefuse(t, idle.Refresh(tokens.RefreshToken), oauth.CodeInvalidGrant)

		mara = person(t, s, "mara") // the browser's session is long over
		tokens = idle.LogIn(mara)
		s.Clock.Advance(30*24*time.Hour + time.Second)
		mustRefuse(t, idle.Refresh(tokens.RefreshToken), oauth.CodeInvalidGrant)
		if alive(idle, tokens.AccessToken) {
			t.Error("an idle session lives")
		}
	})
}

func TestRefreshTokensThatAreNotOurs(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		tokens := d.LogIn(person(t, s, "mara"))
		parts := strings.Split(tokens.RefreshToken, ".")
		for _, token := range []string{
			"x", "hcr_", "hcr_{}.*.:.", tokens.AccessToken, tokens.RefreshToken + "A", strings.ToUpper(tokens.RefreshToken),
			strings.Join([]string{parts[0], store.NewID(store.SessionPrefix), parts[2], parts[3]}, "."),
			strings.Repeat("a", 8000), "hcr_" + strings.Repeat(".", 200),
		} {
			mustRefuse(t, d.Refresh(token), oauth.CodeInvalidGrant)
		}
		mustGive(t, d.Refresh(tokens.RefreshToken))
	})
}

// claimsOf reads the claims of a token without a look at its signature.
func claimsOf(t testing.TB, token string) oauth.Claims {
	t.Helper()
	var claims oauth.Claims
	if err := json.Unmarshal(part(t, token, 1), &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}
