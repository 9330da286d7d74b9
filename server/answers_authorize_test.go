package server_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/handclasp/handclasp/server/servertest"
)

func codesForApps(t *testing.T, s *servertest.Server, mara *servertest.Browser) {
	registerWebApps(t, s)
	a := calendar(t, s)
	a.Scope = "openid profile email"
	page := a.Open(mara)
	land(t, "the question", page, page.URL.Path, http.StatusOK)
	land(t, "a strange decision", mara.Post(page.URL.Path, url.Values{"csrf": {page.FormToken()}, "decision": {"perhaps"}}), page.URL.Path, http.StatusBadRequest)
	stranger := s.Browser(t)
	land(t, "nobody is asked", a.Open(stranger), "/signin", http.StatusOK)
	land(t, "another's question", stranger.Open(page.URL.Path), page.URL.Path, http.StatusNotFound)
	token := url.Values{"csrf": {stranger.Open("/signin").FormToken()}, "decision": {"approve"}, "client": {"calendar"}}
	land(t, "nobody decides", stranger.Post(page.URL.Path, token), "/signin", http.StatusOK)
	land(t, "nobody takes back", stranger.Post("/account/forget", token), "/signin", http.StatusOK)
	wantAnswer(t, s, a, page.Press("Approve"), "")
	land(t, "an answered question", mara.Open(page.URL.Path), page.URL.Path, http.StatusNotFound)
	again := url.Values{"csrf": {mara.Open("/account").FormToken()}, "decision": {"approve"}}
	land(t, "a second decision", mara.Post(page.URL.Path, again), page.URL.Path, http.StatusNotFound)
	land(t, "an unknown client", a.Open(mara, "client_id", "nobody"), "/oauth/authorize", http.StatusBadRequest)
	land(t, "by a form", mara.Do(mara.Request(http.MethodPost, "/oauth/authorize", a.Request("client_id", "nobody"))), "/oauth/authorize", http.StatusBadRequest)
	byForm := mara.Do(mara.Request(http.MethodPost, "/oauth/authorize", a.Request()))
	wantAnswer(t, s, a, byForm, "")
	pushing(t, s)
	userinfo(t, s, a, mara)
	land(t, "take it back", mara.Open("/account").Press("Shut it out"), "/account/forget", http.StatusOK)
	nobody := url.Values{"csrf": {mara.Open("/account").FormToken()}, "client": {"a client that is none"}}
	land(t, "take back nothing", mara.Post("/account/forget", nobody), "/account/forget", http.StatusNotFound)
}

func pushing(t *testing.T, s *servertest.Server) {
	a := calendar(t, s)
	push(t, a)
	expect(t, "no address", a.Push("redirect_uri", ""), http.StatusBadRequest, "invalid_request")
	expect(t, "a foreign scope", a.Push("scope", "account:read"), http.StatusBadRequest, "invalid_scope")
	expect(t, "a foreign resource", a.Push("resource", "https://other.example.test"), http.StatusBadRequest, "invalid_target")
	expect(t, "the implicit grant", a.Push("response_type", "token"), http.StatusBadRequest, "unsupported_response_type")
	expect(t, "a request object", a.Push("request", "eyJ"), http.StatusBadRequest, "request_not_supported")
	expect(t, "an unknown client", s.App(t, "nobody", calendarHome).Push(), http.StatusBadRequest, "invalid_client")
	phone := s.App(t, "pictures", universal)
	expect(t, "without the grant", phone.Push(), http.StatusBadRequest, "unauthorized_client")
	a.Secret = "wrong"
	expect(t, "a wrong secret", a.Push(), http.StatusUnauthorized, "invalid_client")
}

func userinfo(t *testing.T, s *servertest.Server, a *servertest.App, mara *servertest.Browser) {
	tokens := a.LogIn(mara)
	narrow := s.Terminal(t).LogIn(mara)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		expect(t, method+" userinfo", a.Call(method, "/oauth/userinfo", tokens.AccessToken), http.StatusOK, "")
		expect(t, method+" without openid", a.Call(method, "/oauth/userinfo", narrow.AccessToken), http.StatusForbidden, "insufficient_scope")
		expect(t, method+" without a token", a.Call(method, "/oauth/userinfo", ""), http.StatusUnauthorized, "invalid_token")
	}
}

// asking at the front door until it hurts.
func asking(t *testing.T, s *servertest.Server, b *servertest.Browser, method string) func() int {
	registered := s.App(t, "calendar", calendarHome)
	return func() int {
		if method == http.MethodPost {
			return b.Do(b.Request(method, "/oauth/authorize", registered.Request("prompt", "login"))).Status
		}
		return registered.Open(b, "prompt", "login").Status
	}
}

// outageOfApps is what apps and their people hear while a store is away.
func outageOfApps(t *testing.T, s *servertest.Server, b *servertest.Browser, tokens servertest.Tokens) {
	a := s.App(t, "calendar", calendarHome)
	a.Secret = secret
	expect(t, "push", a.Push(), http.StatusServiceUnavailable, "temporarily_unavailable")
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		expect(t, "userinfo", a.Call(method, "/oauth/userinfo", tokens.AccessToken), http.StatusServiceUnavailable, "temporarily_unavailable")
	}
	for _, page := range []*servertest.Page{a.Open(b), b.Do(b.Request(http.MethodPost, "/oauth/authorize", a.Request()))} {
		if page.Status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", page.URL.Path, page.Status, page.Text())
		}
	}
}
