package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/server/servertest"
)

// The pages and the forms that are served, with ids and tokens that are nobody's.
var (
	pagesToOpen = []string{
		"/", "/device", "/device/" + nobodysSession, "/signin", "/signin/sent", "/signin/state", "/signin/link?t=x",
		"/authorize/" + nobodysAuthorization, "/account", "/devices/end?t=x", "/oauth/logout",
	}
	formsToSend = []string{
		"/device", "/device/" + nobodysSession, "/signin", "/signin/code", "/signin/link", "/signout", "/account/end",
		"/account/end-others", "/account/forget", "/authorize/" + nobodysAuthorization, "/devices/end",
		"/signout/app",
	}
)

// land compares where a page landed and with what status.
func land(t *testing.T, what string, page *servertest.Page, path string, status int) {
	t.Helper()
	if page.URL.Path != path || page.Status != status {
		t.Errorf("%s: want %s with %d, have %s with %d: %s", what, path, status, page.URL.Path, page.Status, page.Text())
	}
}

func signingIn(t *testing.T, s *servertest.Server, mara *servertest.Browser) {
	b := s.Browser(t)
	land(t, "home, signed out", b.Open("/"), "/signin", http.StatusOK)
	land(t, "the code form, signed out", b.Open("/device?user_code=wdjb-mjht"), "/signin", http.StatusOK)
	land(t, "no address", b.Open("/signin").Press("Send me a link", "email", "nobody"), "/signin", http.StatusBadRequest)
	mail := b.AskForLink("jon@example.test")
	land(t, "the waiting page", b.Open("/signin/sent"), "/signin/sent", http.StatusOK)
	land(t, "the state, signed out", b.Open("/signin/state"), "/signin/state", http.StatusOK)
	land(t, "wrong letters", b.Open("/signin/sent").Press("Sign in", "code", "BBBBBB"), "/signin/code", http.StatusBadRequest)
	land(t, "the letters", b.Open("/signin/sent").Press("Sign in", "code", mail.Code), "/device", http.StatusOK)
	land(t, "the state, signed in", b.Open("/signin/state"), "/signin/state", http.StatusOK)
	land(t, "the sign-in, signed in", b.Open("/signin"), "/device", http.StatusOK)
	land(t, "not you", b.Open("/account").Press("Sign out of this browser", "return_to", "/device"), "/signin", http.StatusOK)
	closed(t, s)
	switching(t, s)
	b = s.Browser(t)
	b.SignIn("jon@example.test")
	land(t, "sign out", b.Open("/account").Press("Sign out of this browser"), "/signout", http.StatusOK)
}

// closed is a server that lets nobody new in, not even somebody who has a link already.
func closed(t *testing.T, s *servertest.Server) {
	o := s.Replica()
	o.Signup = "closed"
	strict := servertest.Start(t, o)
	for _, way := range []string{"link", "letters"} {
		b := s.Browser(t)
		mail := b.AskForLink(way + "@example.test")
		late := strict.Browser(t)
		late.Jar = b.Jar
		if way == "link" {
			land(t, way, late.Open(mail.Link).Press("Sign in"), "/signin/link", http.StatusForbidden)
		} else {
			land(t, way, late.Open("/signin/sent").Press("Sign in", "code", mail.Code), "/signin/code", http.StatusForbidden)
		}
	}
}

// switching asks before it replaces the session of another account.
func switching(t *testing.T, s *servertest.Server) {
	b := s.Browser(t)
	b.SignIn("ada@example.test")
	ask := func(email string) servertest.Mail {
		b.Post("/signin", url.Values{"csrf": {b.Open("/account").FormToken()}, "email": {email}})
		asker, _, _ := strings.Cut(b.Cookie("hc_asker"), ".")
		return s.WaitForMail(t, func(m servertest.Mail) bool { return m.To == email && strings.Contains(m.Link, asker) })
	}
	question := b.Open(ask("bo@example.test").Link).Press("Sign in")
	land(t, "switch by link", question, "/signin/link", http.StatusOK)
	land(t, "say yes", question.Press("Switch to bo@example.test"), "/account", http.StatusOK)
	letters := url.Values{"csrf": {b.Open("/account").FormToken()}, "code": {ask("cy@example.test").Code}}
	question = b.Post("/signin/code", letters)
	land(t, "switch by letters", question, "/signin/code", http.StatusOK)
	land(t, "say yes", question.Press("Switch to cy@example.test"), "/account", http.StatusOK)
}

func theMailedLink(t *testing.T, s *servertest.Server, _ *servertest.Browser) {
	b := s.Browser(t)
	mail := b.AskForLink("jon@example.test")
	land(t, "in another browser", s.Browser(t).Open(mail.Link), "/signin/link", http.StatusOK)
	page := b.Open(mail.Link)
	land(t, "the link", page, "/signin/link", http.StatusOK)
	land(t, "its button", page.Press("Sign in"), "/account", http.StatusOK)
	land(t, "the spent link", s.Browser(t).Open(mail.Link), "/signin/link", http.StatusBadRequest)
}

func deciding(t *testing.T, s *servertest.Server, mara *servertest.Browser) {
	d, jon := s.Terminal(t), s.Browser(t)
	jon.SignIn("jon@example.test")
	land(t, "a wrong code", mara.EnterCode("BBBB-BBBB"), "/device", http.StatusBadRequest)
	asked := d.Ask()
	land(t, "the code in a link", mara.Open(strings.TrimPrefix(asked.VerificationURIComplete, s.Issuer)), "/device", http.StatusOK)
	question := mara.EnterCode(asked.UserCode)
	land(t, "the question", question, question.URL.Path, http.StatusOK)
	land(t, "somebody else opens the code", jon.EnterCode(asked.UserCode), "/device", http.StatusConflict)
	land(t, "somebody else opens the question", jon.Open(question.URL.Path), question.URL.Path, http.StatusNotFound)
	stranger := s.Browser(t)
	land(t, "nobody opens the question", stranger.Open(question.URL.Path), "/signin", http.StatusOK)
	token := url.Values{"csrf": {stranger.Open("/signin").FormToken()}, "decision": {"approve"}, "user_code": {asked.UserCode}}
	land(t, "nobody decides", stranger.Post(question.URL.Path, token), "/signin", http.StatusOK)
	land(t, "nobody types a code", stranger.Post("/device", token), "/signin", http.StatusOK)
	foreign := url.Values{"csrf": {jon.Open("/account").FormToken()}, "decision": {"approve"}}
	land(t, "somebody else decides", jon.Post(question.URL.Path, foreign), question.URL.Path, http.StatusNotFound)
	land(t, "the answer", question.Press("Approve"), question.URL.Path, http.StatusOK)
	expect(t, "the terminal", d.Poll(asked), http.StatusOK, "")

	asked = d.Ask() // the device is hers now
	question = jon.EnterCode(asked.UserCode)
	land(t, "a device of somebody else", question.Press("Approve"), question.URL.Path, http.StatusForbidden)
	land(t, "the same later", jon.Open(question.URL.Path), question.URL.Path, http.StatusForbidden)
	if refused := d.Poll(asked); refused.Text("reason") != "device_conflict" {
		t.Errorf("the terminal hears %d %s", refused.Status, refused.Body)
	}
}

func theAccountPage(t *testing.T, s *servertest.Server, mara *servertest.Browser) {
	d := s.Terminal(t)
	d.LogIn(mara)
	land(t, "home, signed in", mara.Open("/"), "/account", http.StatusOK)
	land(t, "the account, signed out", s.Browser(t).Open("/account"), "/signin", http.StatusOK)
	land(t, "end one", mara.Open("/account").Press("End this session"), "/account/end", http.StatusOK)
	land(t, "end the others", mara.Open("/account").Press("End all others"), "/account/end-others", http.StatusOK)
	nobody := url.Values{"csrf": {mara.Open("/account").FormToken()}, "session": {nobodysSession}}
	land(t, "end nobody's", mara.Post("/account/end", nobody), "/account/end", http.StatusNotFound)
	stranger := s.Browser(t)
	token := url.Values{"csrf": {stranger.Open("/signin").FormToken()}, "session": {nobodysSession}}
	land(t, "end one, signed out", stranger.Post("/account/end", token), "/signin", http.StatusOK)
	land(t, "end the others, signed out", stranger.Post("/account/end-others", token), "/signin", http.StatusOK)

	unknown := s.Terminal(t)
	unknown.Name = "unknown-box"
	unknown.LogIn(mara)
	notice := s.WaitForMail(t, func(m servertest.Mail) bool { return strings.Contains(m.Text, unknown.Name) })
	land(t, "the mailed page", stranger.Open(notice.Link), "/devices/end", http.StatusOK)
	land(t, "its button", stranger.Open(notice.Link).Press("End this session"), "/devices/end", http.StatusOK)
	land(t, "a token that is none", stranger.Open("/devices/end?t=x"), "/devices/end", http.StatusNotFound)
	token.Set("t", "x")
	land(t, "a button with none", stranger.Post("/devices/end", token), "/devices/end", http.StatusNotFound)
}

// formsThatAreNotOurs come from elsewhere, or say something twice.
func formsThatAreNotOurs(t *testing.T, _ *servertest.Server, mara *servertest.Browser) {
	token := mara.Open("/account").FormToken()
	for _, path := range formsToSend {
		if page := mara.Post(path, url.Values{"csrf": {"x"}}); page.Status != http.StatusForbidden {
			t.Errorf("%s with a wrong token: %d %s", path, page.Status, page.Text())
		}
		if page := mara.Post(path, url.Values{"csrf": {token, token}}); page.Status != http.StatusBadRequest {
			t.Errorf("%s with two tokens: %d %s", path, page.Status, page.Text())
		}
	}
}
