package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
)

// secrets are the texts that a story used, by what they are.
type secrets map[string]string

func (s secrets) add(t testing.TB, what, text string) {
	t.Helper()
	if len(text) < 6 {
		t.Fatalf("%s is %q, which nothing can be searched for", what, text)
	}
	s[what] = text
}

func (s secrets) mustNotStandIn(t testing.TB, where, text string) {
	t.Helper()
	if text == "" {
		t.Errorf("%s is empty, so the search proves nothing", where)
	}
	for what, secret := range s {
		for form, as := range map[string]string{"": secret, ", escaped": url.QueryEscape(secret), ", with other letters": strings.ToLower(secret)} {
			if at := strings.Index(text, as); at >= 0 {
				t.Errorf("%s%s stands in %s: …%.200s", what, form, where, text[max(0, at-100):])
			}
		}
	}
}

func TestNoSecretIsEverWrittenDown(t *testing.T) {
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{LimitScale: 1000, Background: true}, func(t *testing.T, s *servertest.Server) {
		used := secrets{}
		pages := wholeStory(t, s, used)
		_ = s.Close() // what waits is written now; that the records are closed already is part of the story
		used.mustNotStandIn(t, "the log", s.Log.String())
		used.mustNotStandIn(t, "the events", s.Events.String())
		delete(used, "the form's proof") // which stands in forms, on pages that tell of an error too
		used.mustNotStandIn(t, "the error answers", pages)
	})
}

// wholeStory uses every kind of secret, well and badly. It returns the texts of all errors.
func wholeStory(t *testing.T, s *servertest.Server, used secrets) (refusals string) {
	t.Helper()
	var errors strings.Builder
	fails := func(reply servertest.Reply) {
		t.Helper()
		if reply.Status < http.StatusBadRequest {
			t.Fatalf("this was to fail: %d %s", reply.Status, reply.Body)
		}
		errors.Write(reply.Body)
	}
	b, d := s.Browser(t), s.Terminal(t)
	used.add(t, "the fingerprint", d.Fingerprint)

	// A link that is asked for twice, tried with a wrong half and wrong letters, then used, then used again.
	first := b.AskForLink("mara@example.test")
	mail := b.AskForLink("mara@example.test")
	used.add(t, "the asker's cookie", b.Cookie("hc_asker"))
	_, half, _ := strings.Cut(b.Cookie("hc_asker"), ".")
	used.add(t, "the asker's half", half)
	for what, link := range map[string]string{"the first link": first.Link, "the link": mail.Link} {
		_, token, _ := strings.Cut(link, "=")
		used.add(t, what, token)
		_, half, _ := strings.Cut(token, ".")
		used.add(t, what+"'s half", half)
	}
	used.add(t, "the letters", mail.Code)
	errors.WriteString(b.Open(first.Link).Body)
	errors.WriteString(s.Browser(t).Open(mail.Link).Body)
	_, form := b.Open("/signin/sent").Form("Sign in", "code", "BCDFGH")
	used.add(t, "the form's proof", form.Get("csrf"))
	errors.WriteString(b.Post("/signin/code", form).Body)
	errors.WriteString(b.Post("/signin/code", url.Values{"code": {mail.Code}, "csrf": {"x"}}).Body)
	b.Open(mail.Link).Press("Sign in")
	used.add(t, "the session's cookie", b.Cookie("hc_session"))
	_, half, _ = strings.Cut(b.Cookie("hc_session"), ".")
	used.add(t, "the session's secret", half)
	used.add(t, "the visitor's cookie", b.Cookie("hc_visitor"))
	errors.WriteString(b.Open(mail.Link).Body)

	// A code that is asked for too often, polled badly, approved, spent twice.
	asked := d.Ask()
	used.add(t, "the device code", asked.DeviceCode)
	used.add(t, "the device code's secret", asked.DeviceCode[len(asked.DeviceCode)-32:])
	used.add(t, "the user code", asked.UserCode)
	used.add(t, "the user code, bare", strings.ReplaceAll(asked.UserCode, "-", ""))
	fails(d.Poll(asked))
	s.Clock.Advance(2 * time.Second)
	fails(d.Poll(asked))
	thief := *d
	thief.Fingerprint = strings.Repeat("wrong-finger-", 3)
	used.add(t, "the wrong fingerprint", thief.Fingerprint)
	fails(thief.Poll(asked))
	thief.ClientID = "nobody"
	fails(thief.Poll(asked))
	b.EnterCode("BBBB-BBBB")
	b.Approve(asked.UserCode)
	tokens := d.Poll(asked).Tokens(t)
	fails(d.Poll(asked))
	keep := func(name string, tokens servertest.Tokens) {
		used.add(t, name+" access token", tokens.AccessToken)
		used.add(t, name+" access token's signature", tokens.AccessToken[strings.LastIndexByte(tokens.AccessToken, '.')+1:])
		used.add(t, name+" refresh token", tokens.RefreshToken)
		used.add(t, name+" refresh token's mac", tokens.RefreshToken[strings.LastIndexByte(tokens.RefreshToken, '.')+1:])
	}
	keep("the first", tokens)

	// Tokens in wrong places, altered, reused; the mail that ends a session.
	d.Call(http.MethodGet, "/v1/me", tokens.AccessToken)
	fails(d.Call(http.MethodGet, "/v1/me", tokens.AccessToken+"A"))
	fails(d.Call(http.MethodGet, "/v1/me?access_token="+tokens.AccessToken, ""))
	fails(d.Post("/oauth/token?refresh_token="+tokens.RefreshToken, url.Values{}))
	fails(d.Refresh(tokens.RefreshToken + "A"))
	fails(thief.Refresh(tokens.RefreshToken))
	next := d.Refresh(tokens.RefreshToken).Tokens(t)
	keep("the second", next)
	keep("the third", d.Refresh(next.RefreshToken).Tokens(t))
	fails(d.Refresh(tokens.RefreshToken)) // reuse
	notice := s.WaitForMail(t, func(m servertest.Mail) bool { return strings.HasPrefix(m.Subject, "New device") })
	_, end, _ := strings.Cut(notice.Link, "=")
	used.add(t, "the right to end a session", end)
	errors.WriteString(b.Open(notice.Link + "x").Body)
	errors.WriteString(b.Open("/v1/" + tokens.AccessToken).Body)

	// A store that is away while all of it is asked again.
	again := d.LogIn(b)
	keep("the last", again)
	last := d.Ask()
	used.add(t, "the last device code", last.DeviceCode)
	used.add(t, "the last user code", last.UserCode)
	if err := s.DB.Close(); err != nil {
		t.Fatal(err)
	}
	if s.Replica().Redis == "" {
		fails(d.Poll(last))
		fails(d.Refresh(again.RefreshToken))
		fails(d.Call(http.MethodGet, "/v1/sessions", again.AccessToken))
	}
	fails(d.Revoke(again.RefreshToken))
	errors.WriteString(b.Open("/account").Body)
	errors.WriteString(b.Post("/device", url.Values{"user_code": {last.UserCode}, "csrf": {"x"}}).Body)
	d.ClientID = "nobody"
	fails(d.Post("/oauth/revoke", apiForm("client_id", "nobody", "client_secret", "a-secret-of-nobody", "token", oauth.GrantDevice)))
	used.add(t, "a client's secret", "a-secret-of-nobody")
	return errors.String()
}
