package sql_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/sql"
)

// benched is a file for a benchmark, and a request in it that its browser has opened.
func benched(b *testing.B) (*sql.DB, store.Request) {
	b.Helper()
	d, err := sql.Open(b.Context(), sql.Options{Path: filepath.Join(b.TempDir(), "handclasp.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := d.Close(); err != nil {
			b.Error(err)
		}
	})
	if _, err := d.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	return d, opened(b, d)
}

func opened(b *testing.B, d *sql.DB) store.Request {
	b.Helper()
	now := time.Now()
	q := store.Request{
		SID: store.NewID(store.SessionPrefix), Secret: "secret", UserCode: store.NewID("code-"), ClientID: "tool",
		Scope: []string{"account:read"}, Audience: []string{"https://api.example.test"}, Fingerprint: "fingerprint",
		CreatedAt: now, ExpiresAt: now.Add(time.Hour), Interval: 400 * time.Millisecond, // less than the slack: never too early
	}
	if _, err := d.Open(b.Context(), q); err != nil {
		b.Fatal(err)
	}
	if _, err := d.Bind(b.Context(), q.UserCode, "browser", "user"); err != nil {
		b.Fatal(err)
	}
	return q
}

func redeemed(b *testing.B, d *sql.DB, q store.Request) store.Grant {
	b.Helper()
	err := d.Approve(b.Context(), store.Approval{
		SID: q.SID, Browser: "browser", UserID: "user", DeviceID: "device", JTI: "0", Next: "1", Idle: time.Hour, Absolute: time.Hour,
	})
	if err != nil {
		b.Fatal(err)
	}
	p, err := d.Poll(b.Context(), store.Poll{SID: q.SID, Secret: q.Secret, ClientID: q.ClientID, Fingerprint: q.Fingerprint})
	if err != nil || p.Answer != store.AnswerGranted {
		b.Fatal(p.Answer, err)
	}
	return p.Grant
}

func BenchmarkPendingPoll(b *testing.B) {
	d, q := benched(b)
	p := store.Poll{SID: q.SID, Secret: q.Secret, ClientID: q.ClientID, Fingerprint: q.Fingerprint}
	for b.Loop() {
		if got, err := d.Poll(b.Context(), p); err != nil || got.Answer != store.AnswerPending {
			b.Fatal(got.Answer, err)
		}
	}
}

func BenchmarkGrant(b *testing.B) {
	d, q := benched(b)
	redeemed(b, d, q)
	for b.Loop() {
		if _, err := d.Grant(b.Context(), q.SID, "access"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAllow(b *testing.B) {
	d, _ := benched(b)
	limits := []store.Limit{{Key: "address", Burst: 1, Every: 0}, {Key: "client", Burst: 1, Every: 0}}
	for b.Loop() {
		if _, err := d.Allow(b.Context(), limits...); err != nil {
			b.Fatal(err)
		}
	}
}

func rotation(g store.Grant, n int) store.Rotation {
	return store.Rotation{SID: g.SID, ClientID: g.ClientID, JTI: fmt.Sprint(n), Next: fmt.Sprint(n + 1), AfterNext: fmt.Sprint(n + 2)}
}

func BenchmarkRotate(b *testing.B) {
	d, q := benched(b)
	g := redeemed(b, d, q)
	n := 0
	for b.Loop() {
		if _, err := d.Rotate(b.Context(), rotation(g, n)); err != nil {
			b.Fatal(err)
		}
		n++
	}
}

// BenchmarkRotateTogether is 32 clients that refresh at once: they share syncs.
func BenchmarkRotateTogether(b *testing.B) {
	d, _ := benched(b)
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		g := redeemed(b, d, opened(b, d))
		for n := 0; pb.Next(); n++ {
			if _, err := d.Rotate(b.Context(), rotation(g, n)); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkOpenWithThreeLimits(b *testing.B) {
	d, q := benched(b)
	limits := []store.Limit{{Key: "address", Burst: 1}, {Key: "client", Burst: 1}, {Key: "all", Burst: 1}}
	for b.Loop() {
		q.SID, q.UserCode = store.NewID(store.SessionPrefix), store.NewID("code-")
		if v, err := d.Open(b.Context(), q, limits...); err != nil || !v.Allowed {
			b.Fatal(v, err)
		}
	}
}
