package servertest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store/redis/redistest"
)

func TestTerminalIsSignedInOnEveryKeeper(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]servertest.Options{
		"sqlite":         {},
		"redis":          {Redis: redistest.Start(t)},
		"over TLS":       {Issuer: "https://login.example.test", TrustedProxies: "127.0.0.1"},
		"in a real life": {Background: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := servertest.Start(t, o)
			browser, terminal := s.Browser(t), s.Terminal(t)
			browser.SignIn("mara@example.test")
			tokens := terminal.LogIn(browser)
			if me := terminal.Call(http.MethodGet, "/v1/me", tokens.AccessToken); me.Text("email") != "mara@example.test" {
				t.Errorf("the token belongs to %s", me.Body)
			}
			mail := s.WaitForMail(t, func(m servertest.Mail) bool { return strings.HasPrefix(m.Subject, "New device") })
			if !strings.HasPrefix(mail.Link, s.Issuer+"/devices/end?t=") {
				t.Errorf("the mail about the new device leads to %q", mail.Link)
			}
		})
	}
}

func TestClockMakesCodesOld(t *testing.T) {
	t.Parallel()
	for name, redis := range map[string]string{"sqlite": "", "redis": redistest.Start(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := servertest.Start(t, servertest.Options{Redis: redis})
			terminal := s.Terminal(t)
			asked := terminal.Ask()
			s.Clock.Advance(11 * time.Minute)
			if reply := terminal.Poll(asked); reply.Error() != "expired_token" {
				t.Errorf("poll after eleven minutes: %d %s", reply.Status, reply.Body)
			}
		})
	}
}

func TestClockThatIsHeldMovesOnlyWhenItIsTold(t *testing.T) {
	t.Parallel()
	c := &servertest.Clock{}
	c.Advance(time.Hour)
	c.Hold()
	at := c.Now()
	time.Sleep(5 * time.Millisecond)
	if now := c.Now(); !now.Equal(at) {
		t.Errorf("it went on for %s", now.Sub(at))
	}
	c.Advance(time.Second)
	if passed := c.Now().Sub(at); passed != time.Second {
		t.Errorf("%s have passed, want the one second", passed)
	}
	c.Run()
	if ahead := time.Until(c.Now()); ahead >= time.Hour+time.Second {
		t.Errorf("it made up for the time that it stood, and is ahead by %s", ahead)
	}
	if passed := c.Now().Sub(at); passed < time.Second {
		t.Errorf("it went back to %s", passed)
	}
}

func TestReplicasShareWhatLiesInTheFolder(t *testing.T) {
	t.Parallel()
	first := servertest.Start(t, servertest.Options{Issuer: "https://login.example.test", Dir: t.TempDir()})
	second := servertest.Start(t, first.Replica())
	browser := first.Browser(t)
	browser.SignIn("mara@example.test")
	terminal := second.Terminal(t)
	tokens := terminal.LogIn(browser)
	if reply := first.Terminal(t).Call(http.MethodGet, "/v1/me", tokens.AccessToken); reply.Status != http.StatusOK {
		t.Errorf("the other replica answers %d %s", reply.Status, reply.Body)
	}
}
