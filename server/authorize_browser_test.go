package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/server/servertest"
)

// Whoever learns the address of a question, from a log or over a shoulder, cannot answer it as somebody else: state and PKCE
// of the app would fit, and it would sign its person in to the stranger's account.
func TestAQuestionIsAnsweredOnlyInTheBrowserThatBroughtIt(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		a, b := calendar(t, s), signedIn(t, s, mara)
		for how, page := range map[string]*servertest.Page{"asked": a.Open(b), "pushed": push(t, a).open(b, "calendar")} {
			wantQuestion(t, page, "Let Calendar sign in as you?")
			for who, other := range map[string]*servertest.Browser{"her other browser": signedIn(t, s, mara), "another person": signedIn(t, s, omar), "nobody": s.Browser(t)} {
				land(t, how+", "+who, other.Open(page.URL.Path), page.URL.Path, http.StatusNotFound)
				for _, decision := range []string{"approve", "deny"} {
					token := other.Open("/account").FormToken() // any page of ours has what forms of this browser need
					form := url.Values{"decision": {decision}, "csrf": {token}}
					if came := other.Post(page.URL.Path, form); strings.HasPrefix(came.URL.String(), calendarHome) {
						t.Errorf("%s: %s has decided: %s", how, who, came.URL)
					}
				}
			}
			answer := wantAnswer(t, s, a, page.Press("Approve"), "")
			expect(t, "its code", a.Redeem(answer.Get("code")), http.StatusOK, "")
			a.Scope = "openid dates:read dates:write" // so that the second is a question again
		}
	})
}

// In a frame of another site a browser keeps no cookie of ours. Whoever asks there without a page hears an answer all the same.
func TestPromptNoneInAFrameWithoutCookiesIsAnswered(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	registerWebApps(t, s)
	a := calendar(t, s)
	first := a.CallWith(http.MethodGet, "/oauth/authorize?"+a.Request("prompt", "none").Encode())
	second := a.CallWith(http.MethodGet, first.Header.Get("Location"))
	location, err := url.Parse(second.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(location.String(), calendarHome) || location.Query().Get("error") != "login_required" {
		t.Errorf("it comes to %q by way of %q", location, first.Header.Get("Location"))
	}
}

// A browser that is opened again has lost the cookies without a life of their own, and loads all its tabs and frames at once.
func TestWhatABrowserAsksAtOnceIsAllAnswered(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	registerWebApps(t, s)
	a, b := calendar(t, s), signedIn(t, s, mara)
	a.Code(b)
	for _, first := range atOnce(b, "/oauth/authorize?"+a.Request("prompt", "none").Encode()) {
		wantAnswer(t, s, a, b.Open(first.Header.Get("Location")), "")
	}
	b.Open("/account").Press("Sign out of this browser")
	for _, tab := range atOnce(b, "/signin") {
		wantPath(t, tab.Press("Send me a link", "email", mara), "/signin/sent")
	}
}

// atOnce opens an address in three tabs of a browser that has just been started: each is sent before another is answered.
func atOnce(b *servertest.Browser, address string) (tabs []*servertest.Page) {
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer func() { b.CheckRedirect = nil }()
	for range 3 {
		for _, name := range []string{"hc_app", "hc_visitor"} {
			b.Jar.SetCookies(b.Request(http.MethodGet, "/", nil).URL, []*http.Cookie{{Name: name, Path: "/", MaxAge: -1}})
		}
		tabs = append(tabs, b.Open(address))
	}
	return tabs
}

// A page that was drawn for one account decides nothing for another that signed in behind it.
func TestAQuestionIsAnsweredOnlyByTheAccountThatItWasDrawnFor(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		a, b := calendar(t, s), signedIn(t, s, mara)
		page := a.Open(b)
		wantQuestion(t, page, "You "+mara)
		b.Open("/account").Press("Sign out of this browser")
		b.SignIn(omar)
		if came := page.Press("Approve"); strings.HasPrefix(came.URL.String(), calendarHome) {
			t.Errorf("omar has decided what mara was asked: %s", came.URL)
		}
	})
}
