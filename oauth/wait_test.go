package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
)

const (
	// longWait is the longest preference that the server honours, in seconds.
	longWait = 30
	// promptly is far less than that, and more than a busy machine makes of a moment: what is answered by then did not wait.
	promptly = 15 * time.Second
)

// waiting is a poll that is being held.
type waiting struct {
	reply chan servertest.Reply
}

// hold begins a poll that prefers to wait for long, and returns once the server holds it.
func hold(t *testing.T, s *servertest.Server, d *servertest.Terminal, a servertest.Asked) waiting {
	t.Helper()
	before, w := s.OAuth.Held(), waiting{make(chan servertest.Reply, 1)}
	go func() { w.reply <- d.Wait(a, longWait) }()
	soon(t, "the poll is held", func() bool { return s.OAuth.Held() > before })
	return w
}

func (w waiting) promptly(t *testing.T) servertest.Reply {
	t.Helper()
	select {
	case reply := <-w.reply:
		return reply
	case <-time.After(promptly):
		t.Fatalf("the held poll is not answered after %s", promptly)
		return servertest.Reply{}
	}
}

// mustBePrompt fails unless a call is answered without being held.
func mustBePrompt(t *testing.T, what string, call func() servertest.Reply) servertest.Reply {
	t.Helper()
	began := time.Now()
	reply := call()
	if took := time.Since(began); took > promptly {
		t.Errorf("%s took %s", what, took)
	}
	return reply
}

func TestHeldPollIsAnsweredWhenThePersonDecides(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		mara := person(t, s, "mara")
		d := s.Terminal(t)
		asked := d.Ask()
		page := mara.EnterCode(asked.UserCode)
		held := hold(t, s, d, asked)
		page.Press("Approve")
		reply := held.promptly(t)
		mustGive(t, reply)
		if got := reply.Header.Get("Preference-Applied"); got != "wait=30" {
			t.Errorf("Preference-Applied: %q", got)
		}

		asked = d.Ask()
		page = mara.EnterCode(asked.UserCode)
		held = hold(t, s, d, asked)
		page.Press("Deny")
		mustRefuse(t, held.promptly(t), oauth.CodeAccessDenied)

		asked = d.Ask()
		mara.Approve(asked.UserCode)
		decided := func() servertest.Reply { return d.Wait(asked, longWait) }
		mustGive(t, mustBePrompt(t, "a poll that has nothing to wait for", decided))
		soon(t, "no poll is held", func() bool { return s.OAuth.Held() == 0 })
	})
}

func TestPatienceOfAHeldPollEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		asked, began := d.Ask(), time.Now()
		reply := d.Wait(asked, 1)
		mustRefuse(t, reply, oauth.CodeAuthorizationPending)
		if took := time.Since(began); took < 900*time.Millisecond || took > promptly {
			t.Errorf("held for %s", took)
		}
		if got := reply.Header.Get("Preference-Applied"); got != "wait=1" {
			t.Errorf("Preference-Applied: %q", got)
		}
		person(t, s, "mara").Approve(asked.UserCode)
		mustGive(t, d.Wait(asked, 1))
	})
}

// TestHeldPollMayAskAgainAtOnce: the interval of five seconds counts from start to start.
func TestHeldPollMayAskAgainAtOnce(t *testing.T) {
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{LimitScale: 1000, Interval: time.Second}, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		asked := d.Ask()
		for range 2 {
			mustRefuse(t, d.Wait(asked, 1), oauth.CodeAuthorizationPending)
		}
	})
}

func TestPreferenceThatCannotBeReadIsIgnored(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		for _, prefer := range []string{"wait=x", "wait=-30", "wait=", "respond-async", "wait=0", strings.Repeat("wait,", 100), "\"wait=30"} {
			asked := d.Ask()
			reply := mustBePrompt(t, "Prefer: "+prefer, func() servertest.Reply {
				return d.Post("/oauth/token", fields("grant_type", oauth.GrantDevice, "client_id", d.ClientID,
					"device_code", asked.DeviceCode, "device_fingerprint", d.Fingerprint), "Prefer", prefer)
			})
			mustRefuse(t, reply, oauth.CodeAuthorizationPending)
			if applied := reply.Header.Get("Preference-Applied"); applied != "" {
				t.Errorf("Prefer: %q was applied as %q", prefer, applied)
			}
		}
	})
}

func TestShutdownAnswersHeldPollsAtOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		held := hold(t, s, d, d.Ask())
		s.OAuth.Close()
		mustRefuse(t, held.promptly(t), oauth.CodeAuthorizationPending)
	})
}

func TestNoMorePollsAreHeldThanAllowed(t *testing.T) {
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{LimitScale: 1000, HeldMost: 1}, func(t *testing.T, s *servertest.Server) {
		mara, first, second := person(t, s, "mara"), s.Terminal(t), s.Terminal(t)
		asked := first.Ask()
		held := hold(t, s, first, asked)
		another := second.Ask()
		full := func() servertest.Reply { return second.Wait(another, longWait) }
		mustRefuse(t, mustBePrompt(t, "a poll for which there is no room", full), oauth.CodeAuthorizationPending)
		mara.Approve(asked.UserCode)
		mustGive(t, held.promptly(t))
	})
}

func TestClientThatGoesAwaySpendsNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		mara, d := person(t, s, "mara"), s.Terminal(t)
		asked := d.Ask()
		ctx, leave := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() {
			form := fields("grant_type", oauth.GrantDevice, "client_id", d.ClientID, "device_code", asked.DeviceCode, "device_fingerprint", d.Fingerprint)
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Issuer+"/oauth/token", strings.NewReader(form.Encode()))
			if err != nil {
				gone <- err
				return
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Prefer", "wait=30")
			answer, err := s.Client().Do(r)
			if err == nil {
				err = errors.Join(errors.New("the poll was answered"), answer.Body.Close())
			}
			gone <- err
		}()
		soon(t, "the poll is held", func() bool { return s.OAuth.Held() == 1 })
		leave()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		soon(t, "the poll is let go", func() bool { return s.OAuth.Held() == 0 })
		mara.Approve(asked.UserCode)
		mustGive(t, d.Poll(asked))
	})
}

func TestApprovalOnOneReplicaWakesAnother(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		other := servertest.Start(t, s.Replica())
		mara, d := person(t, s, "mara"), other.Terminal(t)
		asked := d.Ask()
		page := mara.EnterCode(asked.UserCode)
		held := hold(t, other, d, asked)
		page.Press("Approve")
		mustGive(t, held.promptly(t))
	})
}
