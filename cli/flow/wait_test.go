package flow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const issuer = "https://login.example.test"

// theatre plays a server from a script: one scene a poll, the last one for ever.
type theatre struct {
	waitMax int
	scenes  []scene
	polls   []time.Time
	prefer  []string
}

type scene struct {
	hold   time.Duration
	status int
	body   string
	header http.Header
	err    error
}

func says(code string) scene {
	return scene{status: 400, body: `{"error":"` + code + `"}`}
}

func held(d time.Duration, s scene) scene {
	s.hold, s.header = d, http.Header{"Preference-Applied": {"wait=30"}}
	return s
}

var tokensGiven = scene{status: 200, body: `{"access_token":"a","refresh_token":"r","token_type":"bearer","expires_in":900}`}

func (p *theatre) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, ".well-known") {
		return reply(scene{status: 200, body: fmt.Sprintf(`{"issuer":%q,"device_authorization_endpoint":%q,"token_endpoint":%q,"revocation_endpoint":%q,"handclasp_prefer_wait_max":%d}`,
			issuer, issuer+"/a", issuer+"/t", issuer+"/r", p.waitMax)})
	}
	now := p.scenes[0]
	if len(p.scenes) > 1 {
		p.scenes = p.scenes[1:]
	}
	p.polls = append(p.polls, time.Now())
	p.prefer = append(p.prefer, r.Header.Get("Prefer"))
	select {
	case <-time.After(now.hold):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return reply(now)
}

func reply(s scene) (*http.Response, error) {
	if s.err != nil {
		return nil, s.err
	}
	header := s.header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: s.status, Header: header, Body: io.NopCloser(strings.NewReader(s.body))}, nil
}

// wait plays the scenes and gives what came of it and when each poll was asked.
func wait(ctx context.Context, p *theatre, trouble func(error)) (Tokens, []time.Duration, error) {
	began := time.Now()
	c := &Client{Issuer: issuer, ID: "handclasp", Fingerprint: "f", Transport: p}
	tokens, err := c.Wait(ctx, Code{ExpiresAt: began.Add(10 * time.Minute), deviceCode: "d", interval: 5 * time.Second}, trouble)
	var asked []time.Duration
	for _, at := range p.polls {
		asked = append(asked, at.Sub(began))
	}
	return tokens, asked, err
}

func TestHeldPollIsFollowedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &theatre{waitMax: 20, scenes: []scene{held(20*time.Second, says("authorization_pending")), held(7*time.Second, tokensGiven)}}
		tokens, asked, err := wait(t.Context(), p, nil)
		if err != nil || tokens.Access != "a" || tokens.Refresh != "r" || tokens.ExpiresIn != 15*time.Minute {
			t.Fatalf("%+v, %v", tokens, err)
		}
		expect(t, asked, 0, 20*time.Second)
		if p.prefer[0] != "wait=20" {
			t.Errorf("asked to be held for %q, but the server holds for 20 s at most", p.prefer[0])
		}
	})
}

func TestServerThatOnlyClaimsToHoldIsNotStormed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &theatre{waitMax: 30, scenes: []scene{held(0, says("authorization_pending")), held(0, says("authorization_pending")), tokensGiven}}
		_, asked, err := wait(t.Context(), p, nil)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, asked, 0, 6*time.Second, 12*time.Second)
	})
}

func TestSlowDownStretchesTheIntervalForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &theatre{scenes: []scene{says("authorization_pending"), says("slow_down"), says("authorization_pending"), tokensGiven}}
		_, asked, err := wait(t.Context(), p, nil)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, asked, 6*time.Second, 12*time.Second, 24*time.Second, 36*time.Second)
	})
}

func TestTroubleDoesNotEndTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := scene{err: errors.New("connection reset")}
		p := &theatre{waitMax: 30, scenes: []scene{
			broken,
			{status: 502, body: "<html>"},
			{status: 200, body: "not json"},
			{status: 404, body: "?"},
			says("authorization_pending"), tokensGiven,
		}}
		var told []string
		_, asked, err := wait(t.Context(), p, func(err error) { told = append(told, fmt.Sprint(err)) })
		if err != nil {
			t.Fatal(err)
		}
		expect(t, asked, 0, 1*time.Second, 3*time.Second, 7*time.Second, 15*time.Second, 21*time.Second)
		if len(told) != 5 || told[4] != "<nil>" || !strings.Contains(told[1], "502 Bad Gateway") {
			t.Errorf("told %q", told)
		}
	})
}

func TestAfterTroubleTheServerIsNotAskedToHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := scene{err: errors.New("connection reset")}
		p := &theatre{waitMax: 30, scenes: []scene{broken, broken, says("authorization_pending"), tokensGiven}}
		_, asked, err := wait(t.Context(), p, nil)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, asked, 0, 1*time.Second, 3*time.Second, 9*time.Second)
		if fmt.Sprintf("%q", p.prefer) != `["wait=30" "" "" "wait=30"]` {
			t.Errorf("preferred %q: a held poll does not tell that the server is back", p.prefer)
		}
	})
}

func TestDecisionsEndTheWait(t *testing.T) {
	for body, want := range map[string]error{
		`{"error":"access_denied","reason":"denied_by_user"}`:       ErrDenied,
		`{"error":"access_denied"}`:                                 ErrDenied,
		`{"error":"access_denied","reason":"device_conflict"}`:      ErrConflict,
		`{"error":"access_denied","reason":"fingerprint_mismatch"}`: ErrMismatch,
		`{"error":"expired_token"}`:                                 ErrExpired,
		`{"error":"invalid_grant"}`:                                 ErrSpent,
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &theatre{waitMax: 30, scenes: []scene{{status: 400, body: body}}}
			_, asked, err := wait(t.Context(), p, nil)
			if !errors.Is(err, want) || len(asked) != 1 {
				t.Errorf("%s: %v after %d polls, want %v after one", body, err, len(asked), want)
			}
		})
	}
}

func TestWaitEndsWithTheCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		p := &theatre{waitMax: 30, scenes: []scene{held(30*time.Second, says("authorization_pending"))}}
		_, _, err := wait(t.Context(), p, nil)
		if !errors.Is(err, ErrExpired) || time.Since(began) > 10*time.Minute+lastCall {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestNothingButTroubleIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &theatre{waitMax: 30, scenes: []scene{{err: errors.New("connection refused")}}}
		_, asked, err := wait(t.Context(), p, nil)
		if lost, ok := errors.AsType[*UnreachableError](err); !ok || !strings.Contains(lost.Error(), "connection refused") {
			t.Errorf("%v, want what the network said", err)
		}
		if n := len(asked); n < 15 || n > 30 {
			t.Errorf("%d polls in ten minutes of outage", n)
		}
	})
}

func TestWaitStopsWhenToldTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		p := &theatre{waitMax: 30, scenes: []scene{held(30*time.Second, says("authorization_pending"))}}
		_, _, err := wait(ctx, p, nil)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func expect(t *testing.T, asked []time.Duration, want ...time.Duration) {
	t.Helper()
	if fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("polled at %v, want %v", asked, want)
	}
}
