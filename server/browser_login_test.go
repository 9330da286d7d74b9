package server_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/handclasp/handclasp/server/servertest"
)

func terminalSignedIn(t *testing.T, c chromium) {
	s := servertest.Start(t, servertest.Options{})
	terminal := s.Terminal(t)
	asked := terminal.Ask()
	answer := waitForTokens(terminal, asked)

	window := c.profile(t, s)
	window.visit(asked.VerificationURIComplete)
	if at := window.path(); at != "/signin?return_to=/device" {
		t.Errorf("the code leads to %s", at)
	}
	mail := window.askForLink(mara)
	link := window.another()
	link.visit(mail.Link)
	link.says("As " + mara)
	link.press("Sign in")
	link.says("Enter the code")

	window.says("Enter the code") // by itself
	var typed string
	if window.ask(`document.querySelector("[name=user_code]").value`, &typed); typed != asked.UserCode {
		t.Errorf("the form holds %q", typed)
	}
	window.press("Continue")
	window.says("sign in as you?")
	window.says(asked.UserCode)
	window.press("Approve")
	window.says("You are signed in on dev-box")
	tokens := wantTokens(t, answer)
	if me := terminal.Call(http.MethodGet, "/v1/me", tokens.AccessToken); me.Text("email") != mara {
		t.Errorf("the token belongs to %s", me.Body)
	}
	window.press("This was not me")
	window.press("End this session")
	window.says("The session on dev-box has ended.")
	if reply := terminal.Refresh(tokens.RefreshToken); reply.Error() != "invalid_grant" {
		t.Errorf("refresh: %s", reply.Body)
	}
}

func withoutScript(t *testing.T, c chromium) {
	s := servertest.Start(t, servertest.Options{})
	terminal := s.Terminal(t)
	asked := terminal.Ask()
	answer := waitForTokens(terminal, asked)

	window := c.profile(t, s)
	window.scriptOff()
	window.visit("/device")
	mail := window.askForLink(mara)
	if !window.shows("Send again") {
		t.Error("Send again sleeps, and nobody wakes it")
	}
	link := window.another()
	link.scriptOff()
	link.visit(mail.Link)
	link.press("Sign in")
	link.says("Enter the code")

	window.visit("/signin/sent") // a reload
	window.says("You are signed in")
	window.press("Continue")
	window.says("Enter the code")
	window.typeInto("user_code", asked.UserCode)
	window.press("Continue")
	window.says("sign in as you?")
	window.press("Approve")
	window.says("You are signed in on dev-box")
	wantTokens(t, answer)
	window.press("See your devices")
	window.says("dev-box handclasp · Linux, amd64")
}

func linkOpenedElsewhere(t *testing.T, c chromium) {
	s := servertest.Start(t, servertest.Options{})
	window, phone := c.profile(t, s), c.profile(t, s)
	window.visit("/signin")
	mail := window.askForLink(mara)
	phone.visit(mail.Link)
	phone.says("Go back to the window that asked")
	if phone.shows("Sign in") {
		t.Error("the phone has a button")
	}
	phone.visit("/account")
	phone.says("Send me a link") // nobody is signed in there
	if window.path() != "/signin/sent" {
		t.Errorf("the window went on to %s", window.path())
	}
	window.typeInto("code", mail.Code[:3]+"-"+mail.Code[3:])
	window.press("Sign in")
	window.says("Signed in as " + mara)
	phone.visit("/account")
	phone.says("Send me a link")
}

// Mail servers look at what a mail links to, some with a whole browser that runs the scripts and waits.
func scannerEatsNoLink(t *testing.T, c chromium) {
	s := servertest.Start(t, servertest.Options{})
	person, scanner, terminal := s.Browser(t), c.profile(t, s), s.Terminal(t)
	plain := s.Browser(t)
	scan := func(link string) {
		for range 10 {
			plain.Do(plain.Request(http.MethodHead, link, nil))
			plain.Open(link)
			scanner.visit(link)
			scanner.says(s.Issuer[len("http://"):])
		}
	}
	mail := person.AskForLink(mara)
	scan(mail.Link)
	wantPath(t, person.Open(mail.Link).Press("Sign in"), "/account")
	tokens := terminal.LogIn(person)
	notice := s.WaitForMail(t, func(m servertest.Mail) bool { return m.Link != mail.Link })
	scan(notice.Link)
	scan(s.Issuer + "/account")
	if reply := terminal.Refresh(tokens.RefreshToken); reply.Status != http.StatusOK {
		t.Errorf("refresh: %s", reply.Body)
	}
	wantPage(t, plain.Open(notice.Link).Press("End this session"), http.StatusOK, "has ended")
}

func backAndReload(t *testing.T, c chromium) {
	s := servertest.Start(t, servertest.Options{})
	terminal := s.Terminal(t)
	asked := terminal.Ask()
	window := c.profile(t, s)
	window.visit(asked.VerificationURIComplete)
	mail := window.askForLink(mara)
	window.visit(mail.Link)
	window.press("Sign in")
	window.says("Enter the code")
	window.press("Continue")
	window.says("sign in as you?")
	window.press("Deny")
	window.says("You denied it")
	window.do(chromedp.Reload())
	window.says("You denied it")
	window.do(chromedp.NavigateBack())
	window.says("You denied it") // nothing is kept that could be pressed once more
	if reply := terminal.Poll(asked); reply.Error() != "access_denied" {
		t.Errorf("the terminal hears %s", reply.Body)
	}
}

// A page whose stylesheet or script is blocked by its own policy looks broken, and says so on the console.
func nothingBlocked(t *testing.T, c chromium) {
	s := servertest.Start(t, servertest.Options{})
	window := c.profile(t, s)
	window.visit("/signin")
	mail := window.askForLink(mara)
	window.visit(mail.Link)
	window.press("Sign in")
	window.says("Your devices")
	asked := s.Terminal(t).Ask()
	for _, path := range []string{"/account", "/device?user_code=" + asked.UserCode, "/nothing", "/devices/end?t=x", "/signin/link?t=x"} {
		window.visit(path)
		var page struct {
			Rules   int
			Origins []string
			Blocked int
		}
		window.ask(`{Rules: [...document.styleSheets].reduce((n, s) => n + s.cssRules.length, 0),
			Origins: performance.getEntriesByType("resource").map(r => new URL(r.name).origin),
			Blocked: [...document.querySelectorAll("script:not([src]), style, [style]")].length}`, &page)
		if page.Rules < 20 || page.Blocked != 0 {
			t.Errorf("%s: %d rules, %d inline", path, page.Rules, page.Blocked)
		}
		for _, origin := range page.Origins {
			if origin != s.Issuer {
				t.Errorf("%s: fetches from %s", path, origin)
			}
		}
	}
}
