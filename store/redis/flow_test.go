package redis

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/handclasp/handclasp/store"
)

// patience is for what happens at once, unless the machine is busy.
const patience = time.Minute

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// newRequest is as long in every field as real ones are.
func newRequest() store.Request {
	hash := func(prefix string) string { return store.NewID(prefix) + "0123456789" }
	now := time.Now()
	return store.Request{
		SID: store.NewID(store.SessionPrefix), Secret: hash("secret-"), UserCode: hash("code-"), ClientID: "handclasp",
		Scope: []string{"openid", "account:read", "account:devices"}, Audience: []string{"https://id.example.test", "https://api.example.test"},
		Fingerprint: hash("print-"), Name: "ana's laptop", Platform: "linux/amd64", Address: "192.0.2.7",
		CreatedAt: now, ExpiresAt: now.Add(10 * time.Minute), Interval: 5 * time.Second,
	}
}

func asks(q store.Request) store.Poll {
	return store.Poll{SID: q.SID, Secret: q.Secret, ClientID: q.ClientID, Fingerprint: q.Fingerprint}
}

func approval(q store.Request) store.Approval {
	return store.Approval{
		SID: q.SID, Browser: "ses_b", UserID: "usr_00000000000000000000000000", DeviceID: "dev_00000000000000000000000000",
		AuthTime: time.Now(), AMR: []string{"mail"}, JTI: "jti-1", Next: "jti-2",
		Idle: 30 * 24 * time.Hour, Absolute: 90 * 24 * time.Hour,
	}
}

func turn(q store.Request, n int) store.Rotation {
	jti := func(n int) string { return fmt.Sprintf("jti-%d", n) }
	return store.Rotation{SID: q.SID, JTI: jti(n), Next: jti(n + 1), AfterNext: jti(n + 2), ClientID: q.ClientID}
}

func newOpened(t testing.TB, s *Store) store.Request {
	t.Helper()
	q := newRequest()
	if v, err := s.Open(t.Context(), q); err != nil || !v.Allowed {
		t.Fatalf("open: %+v, %v", v, err)
	}
	return q
}

func newApproved(t testing.TB, s *Store) store.Request {
	t.Helper()
	q := newOpened(t, s)
	if _, err := s.Bind(t.Context(), q.UserCode, "ses_b", "usr_00000000000000000000000000"); err != nil {
		t.Fatal(err)
	}
	if err := s.Approve(t.Context(), approval(q)); err != nil {
		t.Fatal(err)
	}
	return q
}

// newGrant returns the request of a session that is signed in.
func newGrant(t testing.TB, s *Store) store.Request {
	t.Helper()
	q := newApproved(t, s)
	poll(t, s, q, store.AnswerGranted)
	return q
}

func poll(t testing.TB, s *Store, q store.Request, want store.Answer) store.Polled {
	t.Helper()
	got, err := s.Poll(t.Context(), asks(q))
	if err != nil || got.Answer != want {
		t.Fatalf("the poll got %q, %v, want %q", got.Answer, err, want)
	}
	return got
}
