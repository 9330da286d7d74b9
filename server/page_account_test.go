package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/server/servertest"
)

func TestAccountListsWhatIsSignedIn(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		b.SignIn(mara)
		wantPage(t, b.Open("/account"), http.StatusOK, "Signed in as "+mara, "None is signed in", "handclasp login", "Firefox on Linux this browser")

		laptop, server := s.Terminal(t), s.Terminal(t)
		laptop.Name, laptop.Platform = "laptop", "darwin/arm64"
		server.Name = "build-server"
		first := laptop.LogIn(b)
		server.LogIn(b)
		s.Clock.Advance(20 * time.Minute)
		second := laptop.Refresh(first.RefreshToken).Tokens(t)
		page := b.Open("/account")
		wantPage(t, page, http.StatusOK,
			"laptop handclasp · macOS, arm64 127.0.0.1 · last seen just now First seen 20 minutes ago",
			"build-server handclasp · Linux, amd64 127.0.0.1 · last seen 20 minutes ago")
		if strings.Index(page.Text(), "laptop") > strings.Index(page.Text(), "build-server") {
			t.Error("the one that was seen last does not stand first")
		}

		sid := sessionOf(t, page, "laptop")
		page = page.Press("End this session", "session", sid)
		wantPage(t, page, http.StatusOK, "The session on laptop has ended.", "build-server")
		if strings.Contains(page.Text(), "macOS") {
			t.Error("the ended one is still on the list")
		}
		if reply := laptop.Refresh(second.RefreshToken); reply.Error() != "invalid_grant" {
			t.Errorf("its refresh: %d %s", reply.Status, reply.Body)
		}
	})
}

// sessionOf finds the session whose row has this name: its form stands behind the heading.
func sessionOf(t *testing.T, page *servertest.Page, name string) string {
	t.Helper()
	_, rest, found := strings.Cut(page.Body, "<h3><bdi>"+name+"</bdi>")
	_, rest, hasForm := strings.Cut(rest, `name="session" value="`)
	sid, _, _ := strings.Cut(rest, `"`)
	if !found || !hasForm {
		t.Fatalf("no row %q: %s", name, page.Text())
	}
	return sid
}

func TestEndAllOthersLeavesThisBrowser(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b, other, somebody := s.Browser(t), s.Browser(t), s.Browser(t)
		b.SignIn(mara)
		other.SignIn(mara)
		somebody.SignIn(omar)
		one, two, foreign := s.Terminal(t), s.Terminal(t), s.Terminal(t)
		first, second, theirs := one.LogIn(b), two.LogIn(b), foreign.LogIn(somebody)
		page := b.Open("/account").Press("End all others")
		wantPage(t, page, http.StatusOK, "All other sessions have ended.", "None is signed in", "this browser")
		for _, gone := range []servertest.Reply{one.Refresh(first.RefreshToken), two.Refresh(second.RefreshToken)} {
			if gone.Error() != "invalid_grant" {
				t.Errorf("refresh: %d %s", gone.Status, gone.Body)
			}
		}
		wantPath(t, other.Open("/account"), "/signin")
		wantPath(t, somebody.Open("/account"), "/account")
		if reply := foreign.Refresh(theirs.RefreshToken); reply.Status != http.StatusOK {
			t.Errorf("somebody else's session: %d %s", reply.Status, reply.Body)
		}
	})
}

func TestSessionOfAnotherPersonDoesNotExist(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	owner, other, terminal := s.Browser(t), s.Browser(t), s.Terminal(t)
	owner.SignIn(mara)
	other.SignIn(omar)
	tokens := terminal.LogIn(owner)
	sid := sessionOf(t, owner.Open("/account"), "dev-box")
	own, _, _ := strings.Cut(owner.Cookie("hc_session"), ".")
	csrf := csrfOf(t, other)
	bodies := map[string]bool{}
	for _, session := range []string{sid, own, "ses_" + strings.Repeat("0", 26), "", "x", "ses_'; DROP TABLE", sid + "x"} {
		page := other.Post("/account/end", url.Values{"csrf": {csrf}, "session": {session}})
		wantPage(t, page, http.StatusNotFound, "There is nothing here")
		bodies[csrfValue.ReplaceAllString(page.Body, "")] = true
	}
	if len(bodies) != 1 {
		t.Error("one can tell a session that exists from one that does not")
	}
	if reply := terminal.Refresh(tokens.RefreshToken); reply.Status != http.StatusOK {
		t.Errorf("the session: %d %s", reply.Status, reply.Body)
	}
	wantPath(t, owner.Open("/account"), "/account")
}

func TestMailAboutANewDeviceCanEndIt(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b, terminal := s.Browser(t), s.Terminal(t)
		b.SignIn(mara)
		terminal.LogIn(b)
		mail := s.WaitForMail(t, func(m servertest.Mail) bool { return strings.HasPrefix(m.Subject, "New device") })
		if mail.To != mara || !strings.Contains(mail.Text, "dev-box") || !strings.Contains(mail.Text, "127.0.0.1") {
			t.Errorf("the mail says %s", mail.Text)
		}
		tokens := terminal.LogIn(b) // takes the place of the session of which the mail tells
		anybody := s.Browser(t)     // on another device, signed in nowhere
		page := anybody.Open(mail.Link)
		wantPage(t, page, http.StatusOK, "End this session?", "dev-box", "Linux, amd64", "127.0.0.1")
		if reply := terminal.Refresh(tokens.RefreshToken); reply.Status != http.StatusOK {
			t.Fatalf("looking at the page ended it: %s", reply.Body)
		}
		for _, altered := range alterations(token(mail.Link)) {
			wantPage(t, anybody.Open("/devices/end?t="+url.QueryEscape(altered)), http.StatusNotFound, "There is nothing here")
			form := url.Values{"csrf": {csrfOf(t, anybody)}, "t": {altered}}
			wantPage(t, anybody.Post("/devices/end", form), http.StatusNotFound, "There is nothing here")
		}
		if reply := terminal.Refresh(tokens.RefreshToken); reply.Status != http.StatusOK {
			t.Fatalf("an altered token ended it: %s", reply.Body)
		}
		for range 2 {
			wantPage(t, page.Press("End this session"), http.StatusOK, "The session on dev-box has ended")
		}
		if reply := terminal.Refresh(tokens.RefreshToken); reply.Error() != "invalid_grant" {
			t.Errorf("refresh: %d %s", reply.Status, reply.Body)
		}
		wantPage(t, anybody.Open(mail.Link), http.StatusOK, "The session on dev-box has ended")
		wantPath(t, anybody.Open("/account"), "/signin") // it was the right to do this and nothing else
		wantPath(t, b.Open("/account"), "/account")
		wantEvent(t, s, "session.end", "ok", 2)

		// A device that is known is not worth a mail.
		terminal.LogIn(b)
		if n := mailsTo(t, s, mara); n != 2 {
			t.Errorf("%d mails, want the link and one notice", n)
		}
	})
}

// alterations are tokens that somebody could make of a good one.
func alterations(good string) []string {
	parts := strings.Split(good, ".")
	with := func(i int, value string) string {
		changed := append([]string(nil), parts...)
		changed[i] = value
		return strings.Join(changed, ".")
	}
	return []string{
		"", "x", good + "x", good[:len(good)-1], strings.Join(parts[:3], "."), good + ".x",
		with(0, "other"), with(1, "ses_"+strings.Repeat("0", 26)), with(2, "9999999999"), with(3, ""),
	}
}

func TestMailAboutANewDeviceGrowsOld(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	b := s.Browser(t)
	b.SignIn(mara)
	s.Terminal(t).LogIn(b)
	mail := s.WaitForMail(t, func(m servertest.Mail) bool { return strings.HasPrefix(m.Subject, "New device") })
	s.Clock.Advance(31 * 24 * time.Hour)
	wantPage(t, b.Open(mail.Link), http.StatusNotFound, "There is nothing here")
}
