package redis

import (
	"errors"
	"testing"
	"time"

	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis/redistest"
)

// lives checks how long Redis itself will keep a key, which was written since. The suite moves the clock that the scripts
// see, not this one.
func lives(t *testing.T, s *Store, since time.Time, key string, want time.Duration) {
	t.Helper()
	got, err := s.client.PTTL(t.Context(), key).Result()
	if gone := time.Since(since); err != nil || got > want+time.Second || got < want-gone-time.Second {
		t.Errorf("%s lives for %v (%v), want %v less %v", key, got, err, want, gone)
	}
}

func TestEveryKeyEndsByItselfAndNotBefore(t *testing.T) {
	s, began := open(t, Options{URL: redistest.Run(t).URL()}), time.Now()
	const request = 10*time.Minute + store.RequestAfterlife
	q := newRequest()
	if _, err := s.Open(t.Context(), q, store.Limit{Key: "a", Burst: 3, Every: time.Minute}); err != nil {
		t.Fatal(err)
	}
	lives(t, s, began, s.keys.limit("a"), time.Minute)
	lives(t, s, began, s.keys.code(q.UserCode), 10*time.Minute)
	lives(t, s, began, s.keys.request(q.SID), request)
	poll(t, s, q, store.AnswerPending)
	lives(t, s, began, s.keys.request(q.SID), request)
	if _, err := s.Bind(t.Context(), q.UserCode, "ses_b", "usr_a"); err != nil {
		t.Fatal(err)
	}
	if err := s.Approve(t.Context(), approval(q)); err != nil {
		t.Fatal(err)
	}
	lives(t, s, began, s.keys.request(q.SID), request)
	poll(t, s, q, store.AnswerGranted)
	lives(t, s, began, s.keys.request(q.SID), request)
	lives(t, s, began, s.keys.grant(q.SID), approval(q).Idle)

	for what, ask := range every(s, newOpened(t, s)) {
		if err := ask(t.Context()); err != nil && refusalOf(err) == "" {
			t.Fatalf("%s: %v", what, err)
		}
	}
	keys, err := s.client.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) < 8 {
		t.Fatalf("%q, %v", keys, err)
	}
	for _, key := range keys {
		if ttl, err := s.client.PTTL(t.Context(), key).Result(); err != nil || ttl <= 0 {
			t.Errorf("%s is kept for ever (%v, %v)", key, ttl, err)
		}
	}
}

func refusalOf(err error) string {
	for word, refusal := range refusals {
		if errors.Is(err, refusal) {
			return word
		}
	}
	return ""
}

func TestRotationAndUseLengthenALifeUpToItsEnd(t *testing.T) {
	var skew time.Duration
	s := open(t, Options{URL: redistest.Start(t), Prefix: prefix(), Now: func() time.Time { return time.Now().Add(skew) }})
	began := time.Now()
	q := newGrant(t, s)
	b := store.Browser{
		SID: q.SID, Secret: "b", SeenAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour), Idle: 30 * time.Minute,
	}
	if err := s.PutBrowser(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	lives(t, s, began, s.keys.browser(q.SID), 30*time.Minute)
	skew = 20 * time.Minute
	if _, err := s.Browser(t.Context(), q.SID, "b"); err != nil {
		t.Fatal(err)
	}
	lives(t, s, began, s.keys.browser(q.SID), 30*time.Minute)
	skew = 45 * time.Minute
	if _, err := s.Browser(t.Context(), q.SID, "b"); err != nil {
		t.Fatal(err)
	}
	lives(t, s, began, s.keys.browser(q.SID), 15*time.Minute)

	for n, days := range []time.Duration{29, 58, 80} {
		skew = days * 24 * time.Hour
		if _, err := s.Rotate(t.Context(), turn(q, n+1)); err != nil {
			t.Fatal(err)
		}
		lives(t, s, began, s.keys.grant(q.SID), min(30, 90-days)*24*time.Hour)
	}
}

// A code that was given out again points to the newer request. A pointer that still leads to the older one, as it can
// on a replica that lags, opens nothing.
func TestStalePointerOpensNothing(t *testing.T) {
	s := open(t, Options{URL: redistest.Start(t), Prefix: prefix()})
	older, newer := newOpened(t, s), newOpened(t, s)
	pointer, err := s.client.Get(t.Context(), s.keys.code(older.UserCode)).Result()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.client.Set(t.Context(), s.keys.code(newer.UserCode), pointer, time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Bind(t.Context(), newer.UserCode, "ses_b", "usr_a"); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("a code opened a request that is not its own: %v", err)
	}
}

func TestIntervalOfAnyLengthGrowsToAMinuteAndNoFurther(t *testing.T) {
	now := time.Now() // and so it stays: a repeat that comes late is none
	s := open(t, Options{URL: redistest.Start(t), Prefix: prefix(), Now: func() time.Time { return now }})
	for from, want := range map[time.Duration]time.Duration{57 * time.Second: time.Minute, 90 * time.Second: 90 * time.Second} {
		q := newRequest()
		q.Interval = from
		if _, err := s.Open(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		poll(t, s, q, store.AnswerPending)
		poll(t, s, q, store.AnswerPending) // its repeat
		if got := poll(t, s, q, store.AnswerSlowDown).Interval; got != want {
			t.Errorf("an interval of %v grew to %v, want %v", from, got, want)
		}
	}
}

func TestMarkIsOneCallersForAsLongAsRedisKeepsIt(t *testing.T) {
	server := redistest.Run(t)
	s, second := open(t, Options{URL: server.URL()}), open(t, Options{URL: server.URL()})
	moved := open(t, Options{URL: server.URL(), Now: time.Now})
	began := time.Now()
	firsts := make(chan bool, 30)
	for i := range cap(firsts) {
		go func() {
			first, err := []*Store{s, second, moved}[i%3].Mark(t.Context(), "proof", time.Minute)
			if err != nil {
				t.Error(err)
			}
			firsts <- first
		}()
	}
	n := 0
	for range cap(firsts) {
		if <-firsts {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d callers were the first", n)
	}
	lives(t, s, began, s.keys.mark("proof"), time.Minute)
	if first, err := s.Mark(t.Context(), "short", 20*time.Millisecond); !first || err != nil {
		t.Fatal(first, err)
	}
	time.Sleep(40 * time.Millisecond)
	if first, err := s.Mark(t.Context(), "short", time.Minute); !first || err != nil {
		t.Errorf("a mark that has ended is held: %v, %v", first, err)
	}
}
