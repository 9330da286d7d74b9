package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// Whoever asks for a link must not learn who has an account, who may have one, and who is shut out.
func TestSignInTellsNobodyWhoIsKnown(t *testing.T) {
	t.Parallel()
	for _, signup := range []string{"open", "domains:example.test", "invite", "closed"} {
		t.Run(signup, func(t *testing.T) {
			t.Parallel()
			s := servertest.Start(t, servertest.Options{Signup: signup, LimitScale: 1000})
			s.Clock.Hold() // the page counts the seconds until the button wakes that asks again
			now := s.Clock.Now()
			for _, email := range []string{"known@example.test", "disabled@example.test"} {
				user, _, err := s.Records.EnsureUser(t.Context(), store.User{ID: store.NewID(store.UserPrefix), Email: email, CreatedAt: now})
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(email, "disabled") {
					if err := s.Sessions.Disable(t.Context(), user.ID); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := s.Records.Invite(t.Context(), "invited@example.test", "", now); err != nil {
				t.Fatal(err)
			}
			mailed := map[string]bool{
				"known@example.test":    true,
				"disabled@example.test": false,
				"invited@example.test":  signup != "closed",
				"new@example.test":      signup == "open" || strings.HasPrefix(signup, "domains"),
				"new@elsewhere.test":    signup == "open",
				"a@sub.example.test":    signup == "open",
			}
			var first string
			for email, want := range mailed {
				got := asked(t, s, email)
				if first == "" {
					first = got
				} else if got != first {
					t.Errorf("%s is answered otherwise:\n%s\n%s", email, got, first)
				}
				if n := mailsTo(t, s, email); (n == 1) != want || n > 1 {
					t.Errorf("%s got %d mails", email, n)
				}
			}
		})
	}
}

var (
	csrfValue    = regexp.MustCompile(`name="csrf" value="[^"]*"`)
	randomCookie = regexp.MustCompile(`=lnk_[^;]*`)
)

// asked is everything that a new browser sees after asking for a link, without what is random in it.
func asked(t *testing.T, s *servertest.Server, email string) string {
	t.Helper()
	b := s.Browser(t)
	page := b.Open("/signin")
	action, form := page.Form("Send me a link", "email", email)
	r := b.Request(http.MethodPost, action, form)
	r.Header.Set("Origin", s.Issuer)
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer := b.Do(r)
	b.CheckRedirect = nil
	next := b.Open("/signin/sent")
	body := strings.ReplaceAll(csrfValue.ReplaceAllString(next.Body, ""), email, "<address>")
	return fmt.Sprint(answer.Status, visible(answer.Header), answer.Body, next.Status, visible(next.Header), body)
}

// visible is a header without what differs from request to request for everybody.
func visible(h http.Header) string {
	var lines []string
	for name, values := range h {
		if !slices.Contains([]string{"Date", "X-Request-Id", "Content-Length"}, name) {
			lines = append(lines, name+": "+randomCookie.ReplaceAllString(strings.Join(values, ", "), "="))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// The work is the same as well. The shortest of many tries are compared: a machine under load only ever adds to what one takes, so
// more of them come nearer to what the work is.
func TestSignInTakesAsLongForAnybody(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{Signup: "closed", LimitScale: 100_000})
	known := store.User{ID: store.NewID(store.UserPrefix), Email: mara, CreatedAt: s.Clock.Now()}
	if _, _, err := s.Records.EnsureUser(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	b := s.Browser(t)
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	_, form := b.Open("/signin").Form("Send me a link")
	took := map[string][]time.Duration{}
	for end := time.Now().Add(time.Minute); ; {
		for range 60 {
			for _, email := range []string{mara, omar} {
				form.Set("email", email)
				began := time.Now()
				b.Post("/signin", form)
				took[email] = append(took[email], time.Since(began))
			}
		}
		admitted, other := slices.Min(took[mara]), slices.Min(took[omar])
		if admitted <= 2*other && other <= 2*admitted {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("an admitted address takes %s, another %s", admitted, other)
		}
	}
}

// The whole way, as nobody may be led off by a link that begins with our own name.
func TestSignInLeadsOnlyToPagesOfOurs(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 1000})
	own := "/device/ses_" + strings.Repeat("0", 26)
	for to, want := range map[string]string{
		"/device": "/device", "/account": "/account", own: own,
		"": "/account", "/": "/account", "/signin": "/account", "/signout": "/account", "/oauth/jwks": "/account",
		"//evil.example.test": "/account", `/\evil.example.test`: "/account", `\\evil.example.test`: "/account",
		"https:evil.example.test": "/account", "https://evil.example.test/device": "/account",
		s.Issuer + "/device": "/account", s.Issuer + "@evil.example.test": "/account", "user@evil.example.test": "/account",
		"/%2fevil.example.test": "/account", "%2f%2fevil.example.test": "/account", "/%5cevil.example.test": "/account",
		"/device/../../evil": "/account", "/device//evil.example.test": "/account", "/device?next=//evil.example.test": "/account",
		"/device#x": "/account", "/devices/end": "/account", "/account.evil": "/account", "/device/ses_short": "/account",
		"javascript:alert(1)": "/account", " /device": "/account", "/device ": "/account", "/DEVICE": "/account",
	} {
		b := s.Browser(t)
		page := b.Open("/signin?return_to=" + url.QueryEscape(to))
		_, form := page.Form("Send me a link", "email", mara)
		if got := form.Get("return_to"); got != want {
			t.Errorf("return_to %q: the form keeps %q", to, got)
		}
		// Also when it is put into the form itself, and into the cookie.
		form.Set("return_to", to)
		if _, next := location(t, b, b.Request(http.MethodGet, "/signin/sent", nil)); next != "" {
			t.Errorf("%q: led to %q", to, next)
		}
		b.Post("/signin", form)
		link := linkOf(t, s, b)
		action, use := b.Open(link).Form("Sign in")
		r := b.Request(http.MethodPost, action, use)
		if status, next := location(t, b, r); status != http.StatusSeeOther || next != want {
			t.Errorf("return_to %q: %d, led to %q, want %q", to, status, next, want)
		}
	}
}

// Somebody who can write a cookie, such as a page on another port, leads nobody away either.
func TestCookieLeadsOnlyToPagesOfOurs(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	b := s.Browser(t)
	b.SignIn(mara)
	for _, to := range []string{"//evil.example.test", "https://evil.example.test", `/\evil.example.test`, "/oauth/jwks"} {
		at, _ := url.Parse(s.Issuer)
		b.Jar.SetCookies(at, []*http.Cookie{{Name: "hc_next", Value: to, Path: "/"}})
		if _, next := location(t, b, b.Request(http.MethodGet, "/signin", nil)); next != "/account" {
			t.Errorf("cookie %q: led to %q", to, next)
		}
		state := b.Open("/signin/state")
		if !strings.Contains(state.Body, `"continue":"/account"`) {
			t.Errorf("cookie %q: %s", to, state.Body)
		}
		wantPath(t, b.Open("/signin/sent").Follow("Continue"), "/account")
	}
}

// linkOf is the newest link that was mailed to this browser's request.
func linkOf(t *testing.T, s *servertest.Server, b *servertest.Browser) string {
	t.Helper()
	asker, _, _ := strings.Cut(b.Cookie("hc_asker"), ".")
	return s.WaitForMail(t, func(m servertest.Mail) bool { return strings.Contains(m.Link, "="+asker+".") }).Link
}

func TestAddressesThatAreNoneAreSaidSo(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	b := s.Browser(t)
	for _, typed := range []string{
		"", "mara", "mara@", "@example.test", "Mara <mara@example.test>", "mara@example.test, omar@example.test",
		"mara@example.test omar@example.test", `<b>"x"`,
	} {
		page := b.Open("/signin").Press("Send me a link", "email", typed)
		wantPage(t, page, http.StatusBadRequest, "not a mail address")
	}
	_, form := b.Open("/signin").Form("Send me a link", "email", mara+"\r\nBcc: "+omar)
	wantPage(t, b.Post("/signin", form), http.StatusBadRequest, "cannot be read")
	form["email"] = []string{mara, omar}
	wantPage(t, b.Post("/signin", form), http.StatusBadRequest, "cannot be read")
	if n := mailsTo(t, s, mara) + mailsTo(t, s, omar); n != 0 {
		t.Errorf("%d mails went out", n)
	}
}

// A link must not silently turn somebody's browser into another account's: what they do next would be done as that one.
// The morning's tabs all ask for a sign-in. Whoever has signed in in one of them needs none in the others.
func TestATabThatStillAsksForTheSignInLeadsOn(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	b := s.Browser(t)
	tab := b.Open("/signin?return_to=/device")
	b.SignIn(mara)
	wantPath(t, tab.Press("Send me a link", "email", mara), "/device")
	if n := mailsTo(t, s, mara); n != 1 {
		t.Errorf("%d mails", n)
	}
}

func TestSessionOfAnotherAccountIsNotSilentlyReplaced(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	for _, way := range []string{"link", "code"} {
		b := s.Browser(t)
		b.SignIn(mara)
		before := b.Cookie("hc_session")
		b.Post("/signin", url.Values{"csrf": {csrfOf(t, b)}, "email": {omar}})
		mail := s.WaitForMail(t, func(m servertest.Mail) bool { return m.To == omar && m.Link == linkOf(t, s, b) })
		form := url.Values{"csrf": {csrfOf(t, b)}, "t": {token(mail.Link)}, "code": {mail.Code}}
		page := b.Post("/signin/"+way, form)
		wantPage(t, page, http.StatusOK, "Switch accounts?", "signed in as "+mara, omar)
		if b.Cookie("hc_session") != before {
			t.Fatal("the session was replaced")
		}
		wantPage(t, page.Follow("Keep "+mara), http.StatusOK, "Signed in as "+mara)
		wantPage(t, page.Press("Switch to "+omar), http.StatusOK, "Signed in as "+omar)
		wantEvent(t, s, "session.end", "ok", map[string]int{"link": 1, "code": 2}[way])
	}
}
