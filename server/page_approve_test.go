package server_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/server/servertest"
)

func TestQuestionSaysWhoAsksFromWhere(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{TrustedProxies: "127.0.0.1"})
	b := s.Browser(t)
	b.Address = "192.0.2.10"
	b.SignIn(mara)
	near, far := s.Terminal(t), s.Terminal(t)
	near.Address, far.Address = "192.0.2.10", "2001:db8:1:2::77"

	asked := near.Ask()
	page := b.EnterCode(asked.UserCode)
	wantPage(t, page, http.StatusOK,
		"Let handclasp on dev-box sign in as you?", "Your terminal must show this code: "+asked.UserCode,
		"It will be able to See your name, mail address and devices End your devices' sessions",
		"From 192.0.2.10 same network as this browser", "Asked just now", "Linux, amd64 new to you", "It chose its name itself.",
		"You mara@example.test Not you?", "Approve Deny", "If somebody sent you this code or this link, deny.")
	page.Press("Approve")
	if reply := near.Poll(asked); reply.Status != http.StatusOK {
		t.Fatalf("poll: %d %s", reply.Status, reply.Body)
	}
	wantPage(t, b.EnterCode(near.Ask().UserCode), http.StatusOK, "one of yours")

	far.Scope, far.Platform = "", ""
	asked = far.Ask()
	s.Clock.Advance(3 * time.Minute)
	page = b.EnterCode(asked.UserCode)
	wantPage(t, page, http.StatusOK, "know who you are, and nothing more", "From 2001:db8:1:2::77 another network", "Asked 3 minutes ago", "new to you")
}

func TestNeighboursInOneIPv6NetworkAreOneNetwork(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{TrustedProxies: "127.0.0.1"})
	b, terminal := s.Browser(t), s.Terminal(t)
	b.Address, terminal.Address = "2001:db8:1:2::1", "2001:db8:1:2:ffff::2"
	b.SignIn(mara)
	wantPage(t, b.EnterCode(terminal.Ask().UserCode), http.StatusOK, "same network as this browser")
}

// What a device says of itself is a stranger's text.
func TestNameOfADeviceIsOnlyText(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 100})
	b := s.Browser(t)
	b.SignIn(mara)
	for name, shown := range map[string]string{
		`<script>alert(1)</script>`:          `<script>alert(1)</script>`,
		`"><img src=x onerror=alert(1)>`:     `"><img src=x onerror=alert(1)>`,
		strings.Repeat("m", 60):              strings.Repeat("m", 60),
		strings.Repeat("m", 500):             strings.Repeat("m", 50),
		"حاسوب مارا المحمول":                 "حاسوب مارا المحمول",
		"dev\u202ebox\u2066evil\u200f\u0007": "devboxevil",
		"dev\r\nbox":                         "dev box",
		"  dev \t  box ":                     "dev box",
		"\u202e\u200b":                       "a device without a name",
		"":                                   "a device without a name",
		"{{.CSRF}} ${x} %s":                  "{{.CSRF}} ${x} %s",
	} {
		terminal := s.Terminal(t)
		terminal.Name, terminal.Platform = name, name
		reply := terminal.TryAsk()
		if reply.Status == http.StatusBadRequest {
			t.Logf("%q is refused at the door: %s", name, reply.Body)
			continue
		}
		var asked servertest.Asked
		reply.Decode(t, &asked)
		page := b.EnterCode(asked.UserCode)
		wantPage(t, page, http.StatusOK, "on "+shown)
		for _, turning := range []string{"\u202e", "\u2066", "\u200f", "<script>alert", "<img src=x"} {
			if strings.Contains(page.Body, turning) {
				t.Errorf("%q: the page holds %q", name, turning)
			}
		}
		wantPage(t, page.Press("Approve"), http.StatusOK, "You are signed in on "+shown)
		terminal.Poll(asked)
	}
	page := b.Open("/account")
	if strings.Contains(page.Body, "<script>alert") || strings.Contains(page.Body, "\u202e") {
		t.Errorf("the list holds what a stranger wrote: %s", page.Body)
	}
}

func TestDenialIsFinal(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b, terminal := s.Browser(t), s.Terminal(t)
		b.SignIn(mara)
		asked := terminal.Ask()
		question := b.EnterCode(asked.UserCode)
		wantPage(t, question.Press("Deny"), http.StatusOK, "You denied it", "dev-box is not signed in", "handclasp login")
		if reply := terminal.Poll(asked); reply.Error() != "access_denied" || reply.Text("reason") != "denied_by_user" {
			t.Errorf("the terminal hears %s", reply.Body)
		}
		// Back, and the other button: the page that was open still has it.
		for _, button := range []string{"Approve", "Deny"} {
			wantPage(t, question.Press(button), http.StatusOK, "You denied it")
		}
		wantPage(t, b.Open(question.URL.Path), http.StatusOK, "You denied it") // reload
		wantPage(t, b.EnterCode(asked.UserCode), http.StatusOK, "You denied it")
		if reply := terminal.Poll(asked); reply.Error() != "access_denied" {
			t.Errorf("the terminal hears %s", reply.Body)
		}
		wantEvent(t, s, "device.approve", "ok", 0)
	})
}

func TestApprovalIsFinal(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b, terminal := s.Browser(t), s.Terminal(t)
		b.SignIn(mara)
		asked := terminal.Ask()
		question := b.EnterCode(asked.UserCode)
		for _, button := range []string{"Approve", "Approve", "Deny"} { // a double click, and back
			wantPage(t, question.Press(button), http.StatusOK, "You are signed in on dev-box", "You can close this tab.")
		}
		reply := terminal.Poll(asked)
		if reply.Status != http.StatusOK {
			t.Fatalf("the terminal hears %s", reply.Body)
		}
		tokens := reply.Tokens(t)
		for _, button := range []string{"Approve", "Deny"} { // after the terminal came for it
			wantPage(t, question.Press(button), http.StatusOK, "You are signed in on dev-box")
		}
		wantPage(t, b.Open(question.URL.Path), http.StatusOK, "You are signed in on dev-box")
		if reply := terminal.Refresh(tokens.RefreshToken); reply.Status != http.StatusOK {
			t.Errorf("refresh: %s", reply.Body)
		}
		wantEvent(t, s, "session.begin", "ok", 1)
	})
}

func TestDecisionThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	b, terminal := s.Browser(t), s.Terminal(t)
	b.SignIn(mara)
	asked := terminal.Ask()
	question := b.EnterCode(asked.UserCode)
	_, form := question.Form("Approve")
	for _, decision := range []string{"", "yes", "APPROVE", "approve "} {
		form.Set("decision", decision)
		wantPage(t, b.Post(question.URL.Path, form), http.StatusBadRequest, "cannot be read")
	}
	if reply := terminal.Poll(asked); reply.Error() != "authorization_pending" {
		t.Errorf("the terminal hears %s", reply.Body)
	}
}

func TestDeviceOfSomebodyElseStaysTheirs(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		owner, other, terminal := s.Browser(t), s.Browser(t), s.Terminal(t)
		owner.SignIn(mara)
		tokens := terminal.LogIn(owner)
		other.SignIn(omar)
		asked := terminal.Ask()
		question := other.EnterCode(asked.UserCode)
		wantPage(t, question, http.StatusOK, "new to you")
		page := question.Press("Approve")
		wantPage(t, page, http.StatusForbidden, "dev-box belongs to another account", "handclasp login --new-device")
		if strings.Contains(page.Text(), "mara") {
			t.Errorf("it names the owner: %s", page.Text())
		}
		for range 2 { // for good, also after a reload and for the owner
			wantPage(t, other.Open(question.URL.Path), http.StatusForbidden, "belongs to another account")
		}
		if reply := terminal.Poll(asked); reply.Error() != "access_denied" || reply.Text("reason") != "device_conflict" {
			t.Errorf("the terminal hears %s", reply.Body)
		}
		if reply := terminal.Refresh(tokens.RefreshToken); reply.Status != http.StatusOK {
			t.Errorf("the owner's session: %s", reply.Body)
		}
		event := wantEvent(t, s, "device.conflict", "refused", 1)
		user, _ := userOf(t, s, mara)
		rival, _ := userOf(t, s, omar)
		if event.Actor != rival.ID || event.Target != user.ID {
			t.Errorf("the event says %+v", event)
		}
	})
}

func TestCodeThatExpiresWhileItsPageIsOpen(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b, terminal := s.Browser(t), s.Terminal(t)
		b.SignIn(mara)
		asked := terminal.Ask()
		question := b.EnterCode(asked.UserCode)
		s.Clock.Advance(10*time.Minute + time.Second)
		for _, button := range []string{"Approve", "Deny"} {
			wantPage(t, question.Press(button), http.StatusOK, "The code has expired", "handclasp login")
		}
		wantPage(t, b.Open(question.URL.Path), http.StatusOK, "The code has expired")
		if reply := terminal.Poll(asked); reply.Error() != "expired_token" {
			t.Errorf("the terminal hears %s", reply.Body)
		}
		wantEvent(t, s, "device.approve", "ok", 0)
		list := b.Open("/account")
		wantPage(t, list, http.StatusOK, "None is signed in")
	})
}

// Somebody approves and sees the next moment that it was a trick, before or after the terminal came for its tokens.
func TestThisWasNotMeEndsItAtOnce(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b, early, late := s.Browser(t), s.Terminal(t), s.Terminal(t)
		b.SignIn(mara)

		asked := early.Ask()
		page := b.Approve(asked.UserCode)
		wantPage(t, page.Press("End this session"), http.StatusOK, "The session on dev-box has ended.", "None is signed in")
		if reply := early.Poll(asked); reply.Status != http.StatusBadRequest {
			t.Errorf("the terminal comes too late and hears %d %s", reply.Status, reply.Body)
		}
		wantPage(t, page.Press("End this session"), http.StatusOK, "has ended") // twice is as once

		asked = late.Ask()
		page = b.Approve(asked.UserCode)
		tokens := late.Poll(asked).Tokens(t)
		wantPage(t, page.Press("End this session"), http.StatusOK, "The session on dev-box has ended.", "None is signed in")
		if reply := late.Refresh(tokens.RefreshToken); reply.Error() != "invalid_grant" {
			t.Errorf("refresh: %d %s", reply.Status, reply.Body)
		}
		if reply := late.Call(http.MethodGet, "/v1/me", tokens.AccessToken); reply.Status != http.StatusUnauthorized {
			t.Errorf("its access token is good for %d %s", reply.Status, reply.Body)
		}
		wantPage(t, b.Open(page.URL.Path), http.StatusNotFound, "There is nothing here")
	})
}

func TestWhoeverIsSignedOutMeanwhileDecidesNothing(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	b, terminal := s.Browser(t), s.Terminal(t)
	b.SignIn(mara)
	asked := terminal.Ask()
	question := b.EnterCode(asked.UserCode)
	user, _ := userOf(t, s, mara)
	if _, err := s.Sessions.EndOthers(t.Context(), user.ID, "", "ended_by_user"); err != nil {
		t.Fatal(err)
	}
	wantPath(t, question.Press("Approve"), "/signin")
	wantPath(t, b.Open(question.URL.Path), "/signin")
	stranger := s.Browser(t)
	form := url.Values{"csrf": {csrfOf(t, stranger)}, "decision": {"approve"}}
	wantPath(t, stranger.Post(question.URL.Path, form), "/signin")
	if reply := terminal.Poll(asked); reply.Error() != "authorization_pending" {
		t.Errorf("the terminal hears %s", reply.Body)
	}
}

// Twenty clicks at once, on either button: one decision, and everybody is told the same one.
func TestClicksAtOnceMakeOneDecision(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b, terminal := s.Browser(t), s.Terminal(t)
		b.SignIn(mara)
		asked := terminal.Ask()
		question := b.EnterCode(asked.UserCode)
		requests := make([]*http.Request, 20)
		for i := range requests {
			action, form := question.Form([]string{"Approve", "Deny"}[i%2])
			requests[i] = b.Request(http.MethodPost, action, form)
		}
		said := make(chan string, len(requests))
		for _, r := range requests {
			go func() {
				answer, err := b.Client.Do(r)
				if err != nil {
					said <- err.Error()
					return
				}
				defer answer.Body.Close()
				body, err := io.ReadAll(answer.Body)
				switch {
				case err != nil || answer.StatusCode != http.StatusOK:
					said <- answer.Status
				case strings.Contains(string(body), "You denied it"):
					said <- "access_denied"
				default:
					said <- ""
				}
			}()
		}
		told := map[string]int{}
		for range requests {
			told[<-said]++
		}
		reply := terminal.Poll(asked)
		if len(told) != 1 || told[reply.Error()] != len(requests) {
			t.Errorf("the pages say %v, the terminal hears %d %s", told, reply.Status, reply.Body)
		}
	})
}
