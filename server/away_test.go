package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
)

// Whoever registers a client could else have us lead anybody to an address of theirs.
func TestNobodyIsLedToAnUnknownAppUnasked(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{Registration: oauth.RegistrationOpen})
	info := mustRegister(t, s, "", strings.Replace(board, "{", `{"post_logout_redirect_uris":["https://board.example.test/bye"],`, 1))
	a, stranger, mara := appOf(t, s, info), s.Browser(t), signedIn(t, s, mara)
	wantLink := func(what string, p *servertest.Page, status int, query string) {
		t.Helper()
		if p.URL.Host == "board.example.test" {
			t.Errorf("%s: the browser was led to %s", what, p.URL)
			return
		}
		link := p.Link("Go on to board.example.test")
		if p.Status != status || !strings.HasPrefix(link, "https://board.example.test/") || !strings.Contains(link, query) || !strings.Contains(p.Text(), "Go on to board.example.test?") {
			t.Errorf("%s: %d, %q, %s", what, p.Status, link, p.Text())
		}
	}
	for _, b := range []*servertest.Browser{stranger, mara} {
		wantLink("what it cannot have", a.Open(b, "scope", "files:all"), http.StatusBadRequest, "error=invalid_scope")
		wantLink("without a question", a.Open(b, "prompt", "none"), http.StatusOK, "_required")
	}
	wantLink("after a sign-out", leave(stranger, "client_id", info.ID, "post_logout_redirect_uri", "https://board.example.test/bye"), http.StatusOK, "/bye")

	a.LogIn(mara) // who has said yes to it is led there
	wantAnswer(t, s, a, a.Open(mara, "prompt", "none", "scope", "openid profile"), "consent_required")
	land(t, "after a sign-out", leave(mara, "client_id", info.ID, "post_logout_redirect_uri", "https://board.example.test/bye").Press("Sign out"), "/bye", http.StatusSeeOther)
}
