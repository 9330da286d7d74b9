package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/server/servertest"
)

func TestSignInBeginsANewSession(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		at, _ := url.Parse(s.Issuer)
		// A value that somebody else has put there, or one that has ended, is never taken over.
		planted := "ses_" + strings.Repeat("0", 26) + "." + strings.Repeat("A", 43)
		b.Jar.SetCookies(at, []*http.Cookie{{Name: "hc_session", Value: planted, Path: "/"}})
		b.SignIn(mara)
		first := b.Cookie("hc_session")
		if first == planted {
			t.Fatal("the planted session was taken over")
		}
		b.Post("/signin", url.Values{"csrf": {csrfOf(t, b)}, "email": {mara}})
		b.Open(linkOf(t, s, b)).Press("Sign in")
		second := b.Cookie("hc_session")
		if second == first {
			t.Fatal("the second sign-in kept the session")
		}
		old := s.Browser(t)
		old.Jar.SetCookies(at, []*http.Cookie{{Name: "hc_session", Value: first, Path: "/"}})
		wantPath(t, old.Open("/account"), "/signin")
		wantPath(t, b.Open("/account"), "/account")
		if strings.Count(b.Open("/account").Text(), "First seen") != 1 {
			t.Errorf("the session before is still on the list: %s", b.Open("/account").Text())
		}
	})
}

func TestBrowserSessionEndsWhenNobodyUsesIt(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		b.SignIn(mara)
		s.Clock.Advance(29 * time.Minute)
		wantPath(t, b.Open("/account"), "/account")
		s.Clock.Advance(29 * time.Minute)
		wantPath(t, b.Open("/account"), "/account")
		s.Clock.Advance(31 * time.Minute)
		wantPath(t, b.Open("/account"), "/signin")
	})
}

func TestBrowserSessionEndsAfterEightHours(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		b.SignIn(mara)
		for range 19 { // 7 h 55 min, never idle for long
			s.Clock.Advance(25 * time.Minute)
			wantPath(t, b.Open("/account"), "/account")
		}
		s.Clock.Advance(6 * time.Minute)
		wantPath(t, b.Open("/account"), "/signin")
	})
}

func TestSignOutWorksAtOnce(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		b.SignIn(mara)
		stolen := s.Browser(t)
		at, _ := url.Parse(s.Issuer)
		stolen.Jar.SetCookies(at, b.Jar.Cookies(at))
		wantPath(t, stolen.Open("/account"), "/account")
		wantPage(t, b.Open("/account").Press("Sign out of this browser"), http.StatusOK, "You are signed out")
		if b.Cookie("hc_session") != "" {
			t.Error("the cookie stayed")
		}
		wantPath(t, stolen.Open("/account"), "/signin")
		wantEvent(t, s, "session.end", "ok", 1)
	})
}

func TestSessionEndedFromElsewhereIsOverAtOnce(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		laptop, phone := s.Browser(t), s.Browser(t)
		phone.Agent = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"
		laptop.SignIn(mara)
		phone.SignIn(mara)
		list := phone.Open("/account")
		page := laptop.Open("/account")
		wantPage(t, page, http.StatusOK, "Firefox on Linux this browser", "Chrome on Android")
		wantPage(t, page.Press("End this session"), http.StatusOK, "The session on Chrome on Android has ended.")
		wantPath(t, phone.Open("/account"), "/signin")
		// A page that was still open leads to the sign-in as well, and not to a riddle; its sign-out has nothing left to do.
		wantPath(t, list.Press("End all others"), "/signin")
		wantPage(t, list.Press("Sign out of this browser"), http.StatusOK, "You are signed out")
	})
}

// The attributes are compared whole: one that is missing opens a door, and one more would be noticed here.
func TestCookiesAreClosedToEverybodyElse(t *testing.T) {
	t.Parallel()
	for issuer, c := range map[string]struct{ prefix, secure string }{
		"":                           {"hc_", ""},
		"https://login.example.test": {"__Host-hc_", "; Secure"},
	} {
		t.Run(issuer, func(t *testing.T) {
			t.Parallel()
			s := servertest.Start(t, servertest.Options{Issuer: issuer})
			want := map[string]string{
				"visitor": "", "asker": "; Max-Age=3600", "next": "; Max-Age=3600", "code": "; Max-Age=600",
				"session": "; Max-Age=28800", "known": "; Max-Age=15552000",
			}
			for _, line := range wholeLogin(t, s) {
				pair, attributes, _ := strings.Cut(line, "; ")
				name, value, _ := strings.Cut(pair, "=")
				short, ours := strings.CutPrefix(name, c.prefix)
				life, known := want[short]
				if !ours || !known {
					t.Errorf("a cookie named %q", name)
				}
				if value == "" {
					life = "; Max-Age=0" // taken back
				}
				if full := "Path=/" + life + "; HttpOnly" + c.secure + "; SameSite=Lax"; attributes != full {
					t.Errorf("%s: %q, want %q", name, attributes, full)
				}
			}
		})
	}
}

// wholeLogin goes through every page that sets a cookie and returns all Set-Cookie lines.
func wholeLogin(t *testing.T, s *servertest.Server) []string {
	t.Helper()
	b, terminal := s.Browser(t), s.Terminal(t)
	asked := terminal.Ask()
	witness := &cookieWitness{next: b.Transport}
	b.Transport = witness
	b.Open(asked.VerificationURIComplete)
	b.Open("/signin?return_to=/device")
	b.SignIn(mara)
	b.Approve(asked.UserCode)
	b.Open("/account").Press("Sign out of this browser")
	for _, name := range []string{"visitor", "asker", "next", "code", "session", "known"} {
		if !strings.Contains(strings.Join(witness.lines, "\n"), "hc_"+name+"=") {
			t.Errorf("the cookie %s was never set", name)
		}
	}
	return witness.lines
}

type cookieWitness struct {
	next  http.RoundTripper
	lines []string
}

// RoundTrip notes the cookies of each answer, redirects included.
func (w *cookieWitness) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := w.next.RoundTrip(r)
	if err == nil {
		w.lines = append(w.lines, answer.Header.Values("Set-Cookie")...)
	}
	return answer, err
}
