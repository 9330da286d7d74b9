package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/server/servertest"
)

func TestLinkSignsInOnce(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		mail := b.AskForLink(mara)
		if _, ok := userOf(t, s, mara); ok {
			t.Error("asking made a user")
		}
		page := b.Open(mail.Link)
		wantPage(t, page, http.StatusOK, "As "+mara)
		if _, ok := userOf(t, s, mara); ok {
			t.Error("opening the link made a user")
		}
		action, form := page.Form("Sign in")
		wantPath(t, page.Press("Sign in"), "/account")
		if _, ok := userOf(t, s, mara); !ok {
			t.Error("using the link made no user")
		}

		again := b.Open(mail.Link)
		wantPage(t, again, http.StatusOK, "You are signed in") // whoever is in is led on
		b.Open("/account").Press("Sign out of this browser")
		wantPage(t, b.Open(mail.Link), http.StatusBadRequest, "not good any more", "Your mail address")
		form.Set("csrf", csrfOf(t, b))
		wantPage(t, b.Post(action, form), http.StatusBadRequest, "not good any more", "Your mail address")
		if b.Cookie("hc_session") != "" {
			t.Error("a used link signed in")
		}
	})
}

func TestLinkGrowsOld(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		mail := b.AskForLink(mara)
		page := b.Open(mail.Link)
		s.Clock.Advance(16 * time.Minute)
		wantPage(t, page.Press("Sign in"), http.StatusBadRequest, "too old", "Your mail address")
		wantPage(t, b.Open("/signin/sent"), http.StatusOK, "not good any more", "Your mail address")
		if _, ok := userOf(t, s, mara); ok {
			t.Error("an old link made a user")
		}
	})
}

func TestNewerLinkEndsTheOlder(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		first := b.AskForLink(mara)
		second := b.AskForLink(mara)
		wantPage(t, b.Open(first.Link), http.StatusBadRequest, "a newer one was sent")
		third := b.AskForLink(omar) // a change of address ends it too
		wantPage(t, b.Open(second.Link), http.StatusBadRequest, "a newer one was sent")
		page := b.Open(third.Link).Press("Sign in")
		wantPage(t, page, http.StatusOK, "Signed in as "+omar)
	})
}

func TestHalvesOfTwoRequestsNeverFit(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		one, other := s.Browser(t), s.Browser(t)
		mailOne, mailOther := one.AskForLink(mara), other.AskForLink(mara)
		page := one.Open(mailOther.Link)
		wantPage(t, page, http.StatusOK, "not the browser that asked")
		if strings.Contains(page.Body, "<button") || strings.Contains(page.Body, token(mailOther.Link)) {
			t.Errorf("a page for another browser offers the link: %s", page.Body)
		}
		form := map[string][]string{"csrf": {csrfOf(t, one)}, "t": {token(mailOther.Link)}}
		wantPage(t, one.Post("/signin/link", form), http.StatusBadRequest, "not the browser that asked")
		// The name of one request with the mailed half of the other.
		idOne, _, _ := strings.Cut(token(mailOne.Link), ".")
		_, halfOther, _ := strings.Cut(token(mailOther.Link), ".")
		form["t"] = []string{idOne + "." + halfOther}
		wantPage(t, one.Post("/signin/link", form), http.StatusBadRequest, "not good any more")
		// Both are as good as before.
		wantPath(t, one.Open(mailOne.Link).Press("Sign in"), "/account")
		wantPath(t, other.Open(mailOther.Link).Press("Sign in"), "/account")
	})
}

func TestFiveWrongCodesEndTheLink(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		mail := b.AskForLink(mara)
		for range 4 {
			page := b.Open("/signin/sent").Press("Sign in", "code", wrongLetters(mail.Code))
			wantPage(t, page, http.StatusBadRequest, "not the newest six letters")
		}
		page := b.Open("/signin/sent").Press("Sign in", "code", wrongLetters(mail.Code))
		wantPage(t, page, http.StatusBadRequest, "not good any more", "Your mail address")
		wantPage(t, b.Open(mail.Link), http.StatusBadRequest, "not good any more")
		form := map[string][]string{"csrf": {csrfOf(t, b)}, "code": {mail.Code}}
		wantPage(t, b.Post("/signin/code", form), http.StatusBadRequest, "not good any more")
	})
}

func TestCodeOfTheMailWorksAsPeopleTypeIt(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		for _, form := range []func(string) string{
			func(c string) string { return c },
			func(c string) string { return strings.ToLower(c[:3] + " " + c[3:]) },
			func(c string) string { return " " + c[:2] + "-" + c[2:] + " " },
		} {
			b := s.Browser(t)
			mail := b.AskForLink(mara)
			wantPath(t, b.Open("/signin/sent").Press("Sign in", "code", form(mail.Code)), "/account")
		}
	})
}

func TestCodeOfTheMailIsOfNoUseElsewhere(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	asker, thief := s.Browser(t), s.Browser(t)
	mail := asker.AskForLink(mara)
	thief.AskForLink(omar)
	page := thief.Open("/signin/sent").Press("Sign in", "code", mail.Code)
	wantPage(t, page, http.StatusBadRequest, "not the newest six letters")
	stranger := s.Browser(t)
	form := map[string][]string{"csrf": {csrfOf(t, stranger)}, "code": {mail.Code}}
	wantPage(t, stranger.Post("/signin/code", form), http.StatusBadRequest, "Your mail address")
	wantPath(t, asker.Open("/signin/sent").Press("Sign in", "code", mail.Code), "/account")
}

func TestWhoeverMayNotComeInHearsItOnlyAfterTheProof(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	b := s.Browser(t)
	b.SignIn(mara)
	b.Open("/account").Press("Sign out of this browser")
	mail := b.AskForLink(mara)
	user, _ := userOf(t, s, mara)
	if err := s.Sessions.Disable(t.Context(), user.ID); err != nil {
		t.Fatal(err)
	}
	wantPage(t, b.Open(mail.Link).Press("Sign in"), http.StatusForbidden, "may not sign in here")
	if b.Cookie("hc_session") != "" {
		t.Error("a disabled user is signed in")
	}
	before := mailsTo(t, s, mara)
	wantPage(t, b.Open("/signin").Press("Send me a link", "email", mara), http.StatusOK, "Check your mail", mara)
	if n := mailsTo(t, s, mara); n != before {
		t.Errorf("a disabled user got %d mails more", n-before)
	}
}

func TestBrowserOfADisabledUserIsOutAtOnce(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		b.SignIn(mara)
		user, _ := userOf(t, s, mara)
		if err := s.Sessions.Disable(t.Context(), user.ID); err != nil {
			t.Fatal(err)
		}
		wantPath(t, b.Open("/account"), "/signin")
	})
}

// csrfOf takes the token that this browser's forms carry now.
func csrfOf(t *testing.T, b *servertest.Browser) string {
	t.Helper()
	page := b.Open("/signin")
	button := "Send me a link"
	if b.Cookie("hc_session") != "" {
		page, button = b.Open("/account"), "Sign out of this browser"
	}
	_, form := page.Form(button)
	return form.Get("csrf")
}

func token(link string) string {
	_, token, _ := strings.Cut(link, "?t=")
	return token
}

func wrongLetters(code string) string {
	if code == "BBBBBB" {
		return "CCCCCC"
	}
	return "BBBBBB"
}
