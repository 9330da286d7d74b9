package flow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// holdSeconds is for how long a server is asked to hold a poll.
	holdSeconds = 30
	// slowDown is what each slow_down adds, for good (RFC 8628 §3.5).
	slowDown = 5 * time.Second
	// longestBackoff keeps a waiting client responsive after a long outage.
	longestBackoff = 30 * time.Second
	// lastCall is how long after its expiry a code is still asked about: the server's
	// word that it has expired, or was approved in the last second, beats our clock.
	lastCall = 2 * time.Second
)

// Wait polls until the person has decided or the code has expired. Servers that know
// "Prefer: wait" hold the poll and answer the moment the decision falls. A network
// that fails and a server in trouble do not end the wait; each such failure is told
// to trouble, if that is not nil, and nil is told to it when an answer came again.
func (c *Client) Wait(ctx context.Context, code Code, trouble func(error)) (Tokens, error) {
	server, err := c.Discover(ctx)
	if err != nil {
		return Tokens{}, err
	}
	if trouble == nil {
		trouble = func(error) {}
	}
	p := pace{interval: code.interval, trouble: trouble}
	waiting, cancel := context.WithDeadline(ctx, code.ExpiresAt.Add(lastCall))
	defer cancel()
	if server.WaitMax == 0 {
		// Servers that hold nothing may count an early first poll as too fast.
		err = pause(waiting, p.ordinary())
	}
	for err == nil {
		var tokens Tokens
		var held bool
		started := time.Now()
		// After trouble the server is not asked to hold: what is held does not tell that it is back.
		hold := server.hold()
		if p.failures > 0 {
			hold = 0
		}
		tokens, held, err = c.poll(waiting, server, code, hold)
		if err == nil {
			return tokens, nil
		}
		if waiting.Err() != nil {
			break
		}
		var next time.Duration
		if next, err = p.after(err, held, time.Since(started)); err == nil {
			err = pause(waiting, next)
		}
	}
	if ctx.Err() != nil {
		return Tokens{}, ctx.Err()
	}
	if waiting.Err() != nil {
		return Tokens{}, p.expired()
	}
	return Tokens{}, err
}

// hold is for how many seconds the server is asked to hold a poll. Also one that speaks of no hold is asked.
func (m Metadata) hold() int {
	if m.WaitMax > 0 {
		return min(holdSeconds, m.WaitMax)
	}
	return holdSeconds
}

// poll asks once, and to be held for so many seconds. held says that the server kept the question open.
func (c *Client) poll(ctx context.Context, server Metadata, code Code, hold int) (tokens Tokens, held bool, err error) {
	form := url.Values{
		"grant_type":  {"urn:ietf:params:oauth:grant-type:device_code"},
		"device_code": {code.deviceCode},
		"client_id":   {c.ID},
	}
	set(form, "device_fingerprint", c.Fingerprint)
	// Here and not when the code is asked for: there it would become the default of every later token.
	set(form, "resource", code.resource)
	header := http.Header{}
	if hold > 0 {
		header.Set("Prefer", fmt.Sprintf("wait=%d", hold))
	}
	got, err := c.ask(ctx, server, form, header, time.Duration(hold)*time.Second+patience)
	if err != nil {
		return Tokens{}, false, err
	}
	held = strings.HasPrefix(got.header.Get("Preference-Applied"), "wait")
	tokens, err = c.tokens(got)
	return tokens, held, err
}

// pace decides when to ask again.
type pace struct {
	interval time.Duration
	failures int   // in a row
	answered bool  // the deciding server was heard at least once
	last     error // the trouble that came instead
	trouble  func(error)
}

// ordinary is the server's interval with a margin for clocks that drift.
func (p *pace) ordinary() time.Duration { return p.interval * 6 / 5 }

// after says how long to wait after a poll that gave no tokens, or gives the error
// that ends the login.
func (p *pace) after(err error, held bool, took time.Duration) (time.Duration, error) {
	said, ok := errors.AsType[*ServerError](err)
	if !ok || (said.passing() && said.Code != "slow_down") {
		return p.backoff(err, said), nil
	}
	switch said.Code {
	case "authorization_pending":
		p.well()
		// A server that claims to hold but answers at once is shutting down or
		// broken; asking at once again would be a storm.
		if held && took >= time.Second {
			return 0, nil
		}
		return p.ordinary(), nil
	case "slow_down":
		p.well()
		p.interval += slowDown
		return max(p.ordinary(), said.RetryAfter), nil
	}
	return 0, said.decision()
}

func (p *pace) well() {
	if p.failures > 0 {
		p.trouble(nil)
	}
	p.failures, p.answered = 0, true
}

func (p *pace) backoff(err error, said *ServerError) time.Duration {
	p.last = err
	p.trouble(err)
	next := min(time.Second<<min(p.failures, 10), longestBackoff)
	p.failures++
	if said != nil {
		next = max(next, min(said.RetryAfter, time.Minute))
	}
	return next
}

// expired names what went wrong if nothing else ever came: then it was not the person
// who was slow.
func (p *pace) expired() error {
	if !p.answered && p.last != nil {
		return p.last
	}
	return ErrExpired
}
