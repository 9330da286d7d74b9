package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis/redistest"
)

const mara, omar = "mara@example.test", "omar@example.test"

// onBothKeepers tells a story on SQLite and on Redis, each with a server of its own.
func onBothKeepers(t *testing.T, o servertest.Options, story func(t *testing.T, s *servertest.Server)) {
	t.Helper()
	for name, redis := range map[string]string{"sqlite": "", "redis": redistest.Start(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own := o
			own.Redis = redis
			story(t, servertest.Start(t, own))
		})
	}
}

// wantPage fails the test unless the page has this status and says all of these words.
func wantPage(t *testing.T, p *servertest.Page, status int, says ...string) {
	t.Helper()
	if p.Status != status {
		t.Fatalf("%s: status %d, want %d: %s", p.URL.Path, p.Status, status, p.Text())
	}
	for _, words := range says {
		if !strings.Contains(p.Text(), words) {
			t.Fatalf("%s does not say %q: %s", p.URL.Path, words, p.Text())
		}
	}
}

// wantPath fails the test unless the browser has come to this path.
func wantPath(t *testing.T, p *servertest.Page, path string) {
	t.Helper()
	if p.URL.Path != path {
		t.Fatalf("came to %s (%d), want %s: %s", p.URL.Path, p.Status, path, p.Text())
	}
}

// wantEvent fails the test unless exactly so many events of this type and result were written, and returns the last one.
func wantEvent(t *testing.T, s *servertest.Server, kind, result string, count int) store.Event {
	t.Helper()
	var last store.Event
	found := 0
	for line := range strings.Lines(s.Events.String()) {
		var e store.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("event %s: %v", line, err)
		}
		if e.Type == kind && e.Result == result {
			found, last = found+1, e
		}
	}
	if found != count {
		t.Fatalf("%d events %q (%s), want %d:\n%s", found, kind, result, count, s.Events)
	}
	return last
}

// userOf finds the user of an address; ok is false if there is none.
func userOf(t *testing.T, s *servertest.Server, email string) (user store.User, ok bool) {
	t.Helper()
	user, err := s.Records.UserByEmail(t.Context(), email)
	return user, err == nil
}

// mailsTo waits until every mail that was asked for has come, and counts those to this address.
func mailsTo(t *testing.T, s *servertest.Server, email string) int {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); s.Queue.Stats().Queued > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("mails stay in the queue")
		}
	}
	n := 0
	for _, m := range s.Mails(t) {
		if m.To == email {
			n++
		}
	}
	return n
}

// location asks without following redirects and returns where it would lead.
func location(t *testing.T, b *servertest.Browser, r *http.Request) (status int, to string) {
	t.Helper()
	client := *b.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header.Get("Location")
}

// canceled is the patience of somebody who has none.
func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
