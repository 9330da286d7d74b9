package server_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

const (
	calendarHome = "https://calendar.example.test/callback"
	notesHome    = "http://127.0.0.1/back"
)

// webApps are clients of the authorization code grant: a web app that keeps a secret, and a program on a desk.
var webApps = []store.Client{
	{
		ID: "calendar", Name: "Calendar", SecretHashes: []string{oauth.HashSecret(secret)},
		Grants:       []string{oauth.GrantCode, oauth.GrantRefresh},
		RedirectURIs: []string{calendarHome, "https://calendar.example.test/other?tenant=1"},
		Scopes:       []store.Scope{{Name: "dates:read", Words: "Read your dates"}, {Name: "dates:write", Words: "Change your dates"}},
		Audiences:    []string{"https://api.example.test"},
	},
	{
		ID: "notes", Name: "Notes", Public: true, Grants: []string{oauth.GrantCode, oauth.GrantRefresh},
		RedirectURIs: []string{notesHome, "http://[::1]", "http://127.0.0.1", "test.example.notes:/back"},
		Audiences:    []string{"https://api.example.test"},
	},
}

func registerWebApps(t *testing.T, s *servertest.Server) {
	t.Helper()
	for _, c := range webApps {
		if err := s.Records.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
}

func calendar(t *testing.T, s *servertest.Server) *servertest.App {
	a := s.App(t, "calendar", calendarHome)
	a.Secret, a.Scope, a.Nonce = secret, "openid dates:read", "nonce-of-the-app"
	return a
}

func notes(t *testing.T, s *servertest.Server) *servertest.App {
	a := s.App(t, "notes", "http://127.0.0.1:49152/back")
	a.Scope = "openid"
	return a
}

// signedIn is a person at a browser.
func signedIn(t *testing.T, s *servertest.Server, email string) *servertest.Browser {
	t.Helper()
	b := s.Browser(t)
	b.SignIn(email)
	return b
}

// wantAnswer fails the test unless the browser has come to the app with this error, or with a code if it is empty, and
// with what every answer has.
func wantAnswer(t *testing.T, s *servertest.Server, a *servertest.App, p *servertest.Page, code string) url.Values {
	t.Helper()
	answer, ok := a.Answer(p)
	switch {
	case !ok:
		t.Fatalf("the browser is at %s (%d): %s", p.URL, p.Status, p.Text())
	case answer.Get("error") != code || (answer.Get("code") == "") != (code != ""):
		t.Fatalf("the app hears %v, want error %q", answer, code)
	case answer.Get("state") != a.State || answer.Get("iss") != s.Issuer:
		t.Fatalf("the app cannot tell whose answer this is: %v", answer)
	}
	return answer
}

// wantQuestion fails the test unless the page asks for a consent with these words.
func wantQuestion(t *testing.T, p *servertest.Page, says ...string) {
	t.Helper()
	wantPage(t, p, 200, says...)
	if !strings.HasPrefix(p.URL.Path, "/authorize/aut_") {
		t.Fatalf("at %s, want the question: %s", p.URL.Path, p.Text())
	}
}
