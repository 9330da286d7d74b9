package servertest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/oauth"
)

// App is a client of the authorization code grant (RFC 6749 §4.1). It sends what a Terminal sends, and beside it what
// belongs to a browser; what is empty is not sent.
type App struct {
	*Terminal
	RedirectURI string
	State       string
	Nonce       string
	Verifier    string // of PKCE; the challenge is made of it
}

// App returns an app of this client, without a fingerprint and without a scope.
func (s *Server) App(t testing.TB, clientID, redirectURI string) *App {
	d := s.Terminal(t)
	d.ClientID, d.Fingerprint, d.Name, d.Platform, d.Scope, d.Resource = clientID, "", "", "", "", ""
	return &App{Terminal: d, RedirectURI: redirectURI, State: "state of the app & more", Verifier: rand.Text() + rand.Text()}
}

// Request is what the app asks for, with names and values in turn that replace its own; an empty value takes one out.
func (a *App) Request(fields ...string) url.Values {
	form := a.form(
		"response_type", "code", "redirect_uri", a.RedirectURI, "state", a.State, "nonce", a.Nonce, "scope", a.Scope,
		"resource", a.Resource, "device_fingerprint", a.Fingerprint, "device_name", a.Name, "device_platform", a.Platform,
	)
	form.Set("client_id", a.ClientID)
	if a.Verifier != "" {
		form.Set("code_challenge", challenge(a.Verifier))
		form.Set("code_challenge_method", "S256")
	}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
		if fields[i+1] == "" {
			form.Del(fields[i])
		}
	}
	return form
}

// Open leads a browser to the authorization endpoint, and returns where it comes to: a page of the server, or the app.
func (a *App) Open(b *Browser, fields ...string) *Page {
	b.t.Helper()
	return b.Open("/oauth/authorize?" + a.Request(fields...).Encode())
}

// Push sends the request from behind (RFC 9126).
func (a *App) Push(fields ...string) Reply {
	a.t.Helper()
	form := a.Request(fields...)
	if a.Secret != "" {
		form.Del("client_id")
	}
	return a.Post("/oauth/par", form)
}

// Answer is what the app hears when a browser has come to it; ok is false if the browser is elsewhere.
func (a *App) Answer(p *Page) (answer url.Values, ok bool) {
	target, _, _ := strings.Cut(p.URL.String(), "?")
	mine, _, _ := strings.Cut(a.RedirectURI, "?")
	return p.URL.Query(), target == mine
}

// Code leads the person of a browser through the question, if there is one, and returns the code, which must come.
func (a *App) Code(b *Browser, fields ...string) string {
	a.t.Helper()
	page := a.Open(b, fields...)
	if strings.HasPrefix(page.URL.Path, "/authorize/") {
		page = page.Press("Approve")
	}
	answer, ok := a.Answer(page)
	if !ok || answer.Get("code") == "" {
		a.t.Fatalf("no code: %d %s %s", page.Status, page.URL, page.Text())
	}
	return answer.Get("code")
}

// Redeem trades a code for tokens, with names and values in turn that replace the app's own.
func (a *App) Redeem(code string, fields ...string) Reply {
	a.t.Helper()
	form := a.form(
		"grant_type", oauth.GrantCode, "code", code, "redirect_uri", a.RedirectURI, "code_verifier", a.Verifier,
		"device_fingerprint", a.Fingerprint,
	)
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
		if fields[i+1] == "" {
			form.Del(fields[i])
		}
	}
	return a.Post("/oauth/token", form)
}

// LogIn goes the whole way.
func (a *App) LogIn(b *Browser) Tokens {
	a.t.Helper()
	reply := a.Redeem(a.Code(b))
	if reply.Status != http.StatusOK {
		a.t.Fatalf("redeem the code: %d %s", reply.Status, reply.Body)
	}
	return reply.Tokens(a.t)
}
