package server_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/server"
	"github.com/handclasp/handclasp/server/servertest"
)

// pageHeaders are compared whole: a policy that grew by a word is a change that somebody must have wanted.
var pageHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "strict-origin",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), microphone=(), geolocation=()",
	"Cache-Control":                "no-store",
	"Access-Control-Allow-Origin":  "",
	"Server":                       "",
}

var inline = regexp.MustCompile(`(?i)<script(?:\s[^>]*)?>[^<]|<style|\sstyle=|\son[a-z]+=|javascript:|https?://`)

func TestEveryPageIsSealed(t *testing.T) {
	t.Parallel()
	for issuer, hsts := range map[string]string{"": "", "https://login.example.test": "max-age=31536000"} {
		t.Run(issuer, func(t *testing.T) {
			t.Parallel()
			s := servertest.Start(t, servertest.Options{Issuer: issuer, LimitScale: 100})
			for what, page := range everyPage(t, s) {
				for name, want := range pageHeaders {
					if got := strings.Join(page.Header.Values(name), " | "); got != want {
						t.Errorf("%s (%d): %s is %q, want %q", what, page.Status, name, got, want)
					}
				}
				if got := page.Header.Get("Strict-Transport-Security"); got != hsts {
					t.Errorf("%s: HSTS is %q", what, got)
				}
				if page.Header.Get("X-Request-Id") == "" {
					t.Errorf("%s: no request id", what)
				}
				body := strings.ReplaceAll(page.Body, `xmlns="http://www.w3.org/2000/svg"`, "")
				if found := inline.FindString(body); found != "" {
					t.Errorf("%s: holds %q", what, found)
				}
			}
		})
	}
}

// everyPage is each page, the refusals among them, asked for as another site's script would ask.
func everyPage(t *testing.T, s *servertest.Server) map[string]*servertest.Page {
	t.Helper()
	b, in := s.Browser(t), s.Browser(t)
	open := func(b *servertest.Browser, method, path string) *servertest.Page {
		r := b.Request(method, path, nil)
		if method == http.MethodGet {
			r.Header.Set("Origin", "https://evil.example.test")
		}
		return b.Do(r)
	}
	mail := b.AskForLink(mara)
	in.SignIn(omar)
	terminal := s.Terminal(t)
	asked := terminal.Ask()
	question := in.EnterCode(asked.UserCode)
	pages := map[string]*servertest.Page{
		"sign in": open(b, "GET", "/signin"), "check mail": open(b, "GET", "/signin/sent"), "state": open(b, "GET", "/signin/state"),
		"link": open(b, "GET", mail.Link), "link elsewhere": open(in, "GET", mail.Link), "bad link": open(b, "GET", "/signin/link?t=x"),
		"enter code": open(in, "GET", "/device"), "question": question,
		"account": open(in, "GET", "/account"), "not found": open(in, "GET", "/nothing"), "no such request": open(in, "GET", "/device/x"),
		"end device": open(b, "GET", "/devices/end?t=x"), "wrong method": open(b, "DELETE", "/account"),
		"options": open(b, "OPTIONS", "/account"), "refused form": b.Post("/signout", nil),
		"approved": question.Press("Approve"),
	}
	pages["signed out"] = in.Open("/account").Press("Sign out of this browser")
	return pages
}

// Scanners, previews and prefetchers open every address that they see.
func TestGetAndHeadChangeNothing(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{LimitScale: 100}, func(t *testing.T, s *servertest.Server) {
		b, terminal := s.Browser(t), s.Terminal(t)
		b.SignIn(mara)
		signed := terminal.LogIn(b)
		notice := s.WaitForMail(t, func(m servertest.Mail) bool { return strings.HasPrefix(m.Subject, "New device") })
		asked := s.Terminal(t).Ask()
		question := b.EnterCode(asked.UserCode)
		waiting := s.Browser(t)
		link := waiting.AskForLink(omar)
		events, mails := s.Events.String(), len(s.Mails(t))
		paths := []string{
			"/device?user_code=" + asked.UserCode, question.URL.Path, question.URL.Path + "?decision=approve",
			"/signin?email=" + mara, "/signin/code?code=" + link.Code, link.Link, notice.Link,
		}
		for _, route := range server.Routes() { // those that take only a POST as well
			_, path, _ := strings.Cut(route, " ")
			paths = append(paths, strings.ReplaceAll(path, "/{id}", "/"+strings.TrimPrefix(question.URL.Path, "/device/")))
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			for _, path := range paths {
				for _, someone := range []*servertest.Browser{b, waiting, s.Browser(t)} {
					someone.Do(someone.Request(method, path, nil))
				}
			}
		}
		if now := s.Events.String(); now != events {
			t.Errorf("something happened:\n%s", strings.TrimPrefix(now, events))
		}
		if n := len(s.Mails(t)); n != mails {
			t.Errorf("%d mails went out", n-mails)
		}
		if reply := terminal.Refresh(signed.RefreshToken); reply.Status != http.StatusOK {
			t.Errorf("the terminal's session: %d %s", reply.Status, reply.Body)
		}
		wantPage(t, b.Open(question.URL.Path), http.StatusOK, "Let handclasp on dev-box sign in as you?")
		wantPath(t, waiting.Open(link.Link).Press("Sign in"), "/account")
	})
}
