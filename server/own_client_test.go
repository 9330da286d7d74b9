package server_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/cli"
	"github.com/handclasp/handclasp/cli/flow"
	"github.com/handclasp/handclasp/server/servertest"
)

// ownClient is our own program on a desk, with a person who does something with the address that it shows.
func ownClient(t *testing.T, s *servertest.Server, do func(*cli.Address)) cli.Options {
	return cli.Options{
		Issuer: s.Issuer, Dir: t.TempDir(), NoKeyring: true, DeviceName: "desk", Transport: s.Client().Transport,
		OnAddress: do,
	}
}

// The approval leads from a form of ours to a port on this machine: a browser lets that pass only if the form's page does.
func comesBackToTheClient(t *testing.T, c chromium) {
	s := servertest.Start(t, servertest.Options{})
	o := ownClient(t, s, nil)
	addresses, done := make(chan string, 1), make(chan error, 1)
	o.OnAddress = func(a *cli.Address) { addresses <- a.URL }
	go func() {
		_, err := cli.Login(t.Context(), o)
		done <- err
	}()
	window := c.profile(t, s)
	window.visit(<-addresses)
	mail := window.askForLink(mara)
	link := window.another()
	link.visit(mail.Link)
	link.press("Sign in")
	link.says("You are signed in")
	link.press("Continue")
	link.says("sign in as you?")
	link.press("Approve")
	link.says("You can close this window and go back to the terminal.")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// comeBack follows the way back to the program, as the browser does, and gives the page that it shows.
func comeBack(t *testing.T, p *servertest.Page) string {
	t.Helper()
	if p.URL.Path != "/callback" {
		t.Fatalf("the browser is at %s (%d): %s", p.URL, p.Status, p.Text())
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// login runs the program while the person sits at the browser, and gives what both of them see in the end.
func login(t *testing.T, s *servertest.Server, o cli.Options, person func(address string) *servertest.Page) (*cli.Session, string, error) {
	t.Helper()
	addresses := make(chan string, 1)
	o.OnAddress = func(a *cli.Address) { addresses <- a.URL }
	type result struct {
		session *cli.Session
		err     error
	}
	done := make(chan result, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	go func() {
		session, err := cli.Login(ctx, o)
		done <- result{session, err}
	}()
	var page string
	select {
	case address := <-addresses:
		if strings.Contains(address, "fingerprint") {
			t.Errorf("the address carries the fingerprint: %s", address)
		}
		page = comeBack(t, person(address))
	case r := <-done:
		t.Fatalf("the program ended before it showed an address: %v", r.err)
	}
	r := <-done
	return r.session, page, r.err
}

func TestOurOwnClientComesBackFromABrowser(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b, o := signedIn(t, s, mara), ownClient(t, s, nil)
		session, page, err := login(t, s, o, func(address string) *servertest.Page {
			return b.Open(address).Press("Approve")
		})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(page, "You are signed in") {
			t.Errorf("the browser shows %s", page)
		}
		me, err := session.Me(t.Context())
		if err != nil || me.Email != mara || me.Session.Device.Name != "desk" {
			t.Errorf("signed in as %+v, %v", me, err)
		}

		// The device belongs to her now; it carries the same fingerprint when somebody else approves.
		another := signedIn(t, s, omar)
		_, page, err = login(t, s, o, func(address string) *servertest.Page {
			return another.Open(address).Press("Approve")
		})
		if !errors.Is(err, flow.ErrConflict) || !strings.Contains(page, "This device belongs to another account.") {
			t.Errorf("somebody else on her device: %v, %s", err, page)
		}
		_, page, err = login(t, s, o, func(address string) *servertest.Page {
			return b.Open(address).Press("Deny")
		})
		if !errors.Is(err, flow.ErrDenied) || !strings.Contains(page, "The login was refused.") {
			t.Errorf("refused: %v, %s", err, page)
		}
	})
}

func TestOurOwnClientShowsACodeWhenNoBrowserComesBack(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	b := signedIn(t, s, mara)
	o := ownClient(t, s, func(a *cli.Address) { a.GiveUp() })
	codes := make(chan string, 1)
	o.OnCode = func(c cli.Code) { codes <- c.UserCode }
	done := make(chan error, 1)
	go func() {
		_, err := cli.Login(t.Context(), o)
		done <- err
	}()
	select {
	case code := <-codes:
		b.Approve(code)
	case err := <-done:
		t.Fatalf("no code was shown: %v", err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// A machine without IPv4 has its browser come back over IPv6; the program's own part of that is tested with it.
func TestOurOwnClientMayComeBackOverIPv6(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	d := s.Terminal(t)
	a := s.App(t, d.ClientID, "http://[::1]:50123/callback")
	a.Fingerprint, a.Scope = d.Fingerprint, d.Scope
	tokens := a.LogIn(signedIn(t, s, mara))
	if me := a.Call(http.MethodGet, "/v1/me", tokens.AccessToken); me.Text("email") != mara {
		t.Errorf("the token belongs to %s", me.Body)
	}
}
