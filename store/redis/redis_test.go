package redis

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis/redistest"
)

func TestUnsafeRedisIsSaidAloud(t *testing.T) {
	safe := open(t, Options{URL: redistest.Run(t).URL()})
	if advice, err := safe.Advice(t.Context()); err != nil || len(advice) != 0 {
		t.Errorf("of a safe Redis: %q, %v", advice, err)
	}
	var log strings.Builder
	server := redistest.Run(t, "--appendonly", "no", "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	unsafe := open(t, Options{URL: server.URL(), Log: slog.New(slog.NewTextHandler(&log, nil))})
	advice, err := unsafe.Advice(t.Context())
	if err != nil || len(advice) != 2 {
		t.Errorf("of an unsafe Redis: %q, %v", advice, err)
	}
	for _, word := range []string{"allkeys-lru", "noeviction", "appendonly"} {
		if !strings.Contains(log.String(), word) {
			t.Errorf("the log does not say %s: %s", word, log.String())
		}
	}
}

func TestOpenRefusesWhatItCannotUseAndHidesThePassword(t *testing.T) {
	for _, o := range []Options{
		{URL: ""},
		{URL: "http://:hunter2@127.0.0.1"},
		{URL: "unix:///run/redis.sock"},
		{URL: "redis://:hunter2@127.0.0.1:1"},
		{URL: "redis://:hunter2@127.0.0.1:1/0?max_retries=3"},
		{URL: "redis://:hunter2@127.0.0.1:not-a-port"},
		{URL: "redis://:hunter2@127.0.0.1:1", Prefix: "{a}"},
	} {
		s, err := Open(t.Context(), o)
		if err == nil {
			t.Errorf("%q was opened, and closed with %v", o.URL, s.Close())
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestPasswordAndDatabaseOfTheURLAreUsed(t *testing.T) {
	server := redistest.Run(t)
	url := server.URL()
	s := open(t, Options{URL: url})
	if err := s.client.ConfigSet(t.Context(), "requirepass", "hunter2").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{URL: url}); err == nil {
		t.Error("opened without the password")
	}
	third := open(t, Options{URL: strings.Replace(url, "//", "//:hunter2@", 1) + "/3"})
	q := newOpened(t, third)
	poll(t, third, q, store.AnswerPending)
	poll(t, s, q, store.AnswerUnknown)
}

// A session id from outside must not reach another key, whatever is in it.
func TestForeignSessionIDsTouchNothing(t *testing.T) {
	s := open(t, Options{URL: redistest.Start(t), Prefix: prefix()})
	q := newGrant(t, s)
	for _, sid := range []string{
		"", "ses_", q.SID + "}", "{" + q.SID, "x}:{" + q.SID, q.SID + "\r\n", q.SID + ":grant", strings.ToUpper(q.SID),
		"ses_\xff\xfe", "usr_" + q.SID[4:], "*", q.SID + "\x00",
	} {
		if got, err := s.Poll(t.Context(), store.Poll{SID: sid}); err != nil || got.Answer != store.AnswerUnknown {
			t.Errorf("poll %q: %+v, %v", sid, got, err)
		}
		_, requestErr := s.Request(t.Context(), sid, "ses_b")
		_, rotateErr := s.Rotate(t.Context(), store.Rotation{SID: sid, JTI: "a", Next: "b", AfterNext: "c"})
		_, grantErr := s.Grant(t.Context(), sid, "")
		_, browserErr := s.Browser(t.Context(), sid, "b")
		for _, err := range []error{
			requestErr, rotateErr, grantErr, browserErr,
			s.Approve(t.Context(), store.Approval{SID: sid}), s.Deny(t.Context(), sid, "ses_b", ""),
		} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%q: %v", sid, err)
			}
		}
		if err := s.Drop(t.Context(), sid); err != nil {
			t.Errorf("drop %q: %v", sid, err)
		}
		if p, err := s.Pulses(t.Context(), sid, q.SID); err != nil || p[0].State != store.StateGone || p[1].State != store.StateLive {
			t.Errorf("pulses of %q: %+v, %v", sid, p, err)
		}
		r := newRequest()
		r.SID = sid
		if _, err := s.Open(t.Context(), r); err == nil {
			t.Errorf("a request of %q was kept", sid)
		}
		if err := s.PutBrowser(t.Context(), store.Browser{SID: sid, Secret: "b"}); err == nil {
			t.Errorf("a browser session of %q was kept", sid)
		}
	}
}

// Names and addresses may hold any bytes: they come out as they went in, and a list can never grow an item.
func TestWhatIsPackedComesOutWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes")) })
		q := newRequest()
		q.Name, q.Platform, q.ClientID = text.Draw(t, "name"), text.Draw(t, "platform"), text.Draw(t, "client")
		q.Scope = rapid.SliceOfN(rapid.StringMatching(`[!-~]{1,40}`), 0, 5).Draw(t, "scope")
		packed, err := packRequest(q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := unpackRequest(q.SID, string(packed))
		if err != nil || got.Name != q.Name || got.Platform != q.Platform || got.ClientID != q.ClientID || !slices.Equal(got.Scope, q.Scope) {
			t.Fatalf("%+v, %v", got, err)
		}
		for cut := range packed {
			if _, err := unpackRequest(q.SID, string(packed[:cut])); !errors.Is(err, errMangled) {
				t.Fatalf("cut at %d: %v", cut, err)
			}
		}
	})
}

func TestWhatDoesNotFitIsRefusedBeforeItIsKept(t *testing.T) {
	s := open(t, Options{URL: redistest.Start(t), Prefix: prefix()})
	long := newRequest()
	long.Name = strings.Repeat("x", 1<<16)
	split := newRequest()
	split.Scope = []string{"read\nadmin"}
	for _, q := range []store.Request{long, split} {
		if _, err := s.Open(t.Context(), q); err == nil {
			t.Error("it was kept")
		}
		poll(t, s, q, store.AnswerUnknown)
	}
	live := newGrant(t, s)
	wide := turn(live, 1)
	wide.Scope = []string{"openid\nadmin"}
	if _, err := s.Rotate(t.Context(), wide); !errors.Is(err, store.ErrScope) {
		t.Errorf("two scopes in one: %v", err)
	}
	wide.Scope, wide.Audience = nil, live.Audience[0]+"\n"+live.Audience[1]
	if _, err := s.Rotate(t.Context(), wide); !errors.Is(err, store.ErrTarget) {
		t.Errorf("two audiences in one: %v", err)
	}
}

// What is packed under a key of another kind, or by a hand, is an error and not an answer.
func TestForeignDataIsAnErrorAndNotAnAnswer(t *testing.T) {
	s := open(t, Options{URL: redistest.Start(t), Prefix: prefix()})
	q := newRequest()
	for _, key := range []string{s.keys.request(q.SID), s.keys.grant(q.SID), s.keys.browser(q.SID), s.keys.link("asker")} {
		if err := s.client.Set(context.Background(), key, "garbage", time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
	}
	calls := every(s, q)
	for _, what := range []string{"poll", "request", "approve", "deny", "rotate", "grant", "pulses", "browser", "link", "take link"} {
		unclear(t, what, calls[what](t.Context()))
	}
}
