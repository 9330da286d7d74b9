package server_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/server/servertest"
)

func signingOutOfApps(t *testing.T, s *servertest.Server, _ *servertest.Browser) {
	registerPlanner(t, s, "")
	a, b := planner(t, s), signedIn(t, s, omar)
	hint := a.LogIn(b).IDToken
	land(t, "the question", leave(b), "/oauth/logout", http.StatusOK)
	land(t, "two clients", leave(b, "id_token_hint", hint, "client_id", "calendar"), "/oauth/logout", http.StatusBadRequest)
	wrong := url.Values{"csrf": {b.Open("/account").FormToken()}, "client_id": {"nobody"}}
	land(t, "an unknown client", b.Post("/signout/app", wrong), "/signout/app", http.StatusBadRequest)
	land(t, "no token of the form", b.Post("/signout/app", nil), "/signout/app", http.StatusForbidden)
	land(t, "a foreign address by a form", leaveByForm(b, "client_id", "planner", "post_logout_redirect_uri", "https://evil.example.test/"), "/oauth/logout", http.StatusBadRequest)
	broken := b.Request(http.MethodPost, "/oauth/logout", nil)
	broken.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	broken.Body = io.NopCloser(strings.NewReader("state=%zz"))
	broken.ContentLength = 9
	land(t, "what cannot be read", b.Do(broken), "/oauth/logout", http.StatusBadRequest)
	land(t, "stay here", leave(b).Press("Sign out"), "/signout/app", http.StatusOK)
	b = signedIn(t, s, omar)
	land(t, "on to the app", leave(b, "client_id", "planner", "post_logout_redirect_uri", plannerBye).Press("Sign out"), "/bye", 303)
	b = signedIn(t, s, omar)
	land(t, "at once", leaveByForm(b, "id_token_hint", a.LogIn(b).IDToken, "post_logout_redirect_uri", plannerBye), "/bye", 303)
}

// leaving until it hurts. The form's redirect is not followed: its page would be the one that hears of the limit, or not, as
// the clock has it.
func leaving(t *testing.T, b *servertest.Browser, method string) func() int {
	return func() int {
		status, _ := location(t, b, b.Request(method, "/oauth/logout", nil))
		return status
	}
}

func leavingByOurPage(b *servertest.Browser) func() int {
	token := url.Values{"csrf": {b.Open("/account").FormToken()}, "client_id": {"nobody"}}
	return func() int { return b.Post("/signout/app", token).Status }
}
