package providers_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handclasp/handclasp/providers"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis"
	"github.com/handclasp/handclasp/store/redis/redistest"
	"github.com/handclasp/handclasp/store/sql"
)

const mara, omar = "mara@example.test", "omar@example.test"

// rig is a magic link on real stores, with a letter box that keeps what was posted and a clock that a test moves.
type rig struct {
	*providers.MagicLink
	t  *testing.T
	db *sql.DB

	ahead atomic.Int64

	mu      sync.Mutex
	letters []providers.Letter
}

func (r *rig) now() time.Time          { return time.Now().Add(time.Duration(r.ahead.Load())) }
func (r *rig) advance(d time.Duration) { r.ahead.Add(int64(d)) }

// onBothKeepers tells a story with the links in SQLite, and with them in Redis.
func onBothKeepers(t *testing.T, signup string, story func(t *testing.T, r *rig)) {
	t.Helper()
	for name, url := range map[string]string{"sqlite": "", "redis": redistest.Start(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, newRig(t, signup, url))
		})
	}
}

func newRig(t *testing.T, signup, redisURL string) *rig {
	t.Helper()
	r := &rig{t: t}
	r.db = opened(t, r)
	var tickets store.Tickets = r.db
	if redisURL != "" {
		keeper, err := redis.Open(t.Context(), redis.Options{URL: redisURL, Prefix: store.NewID("t"), Now: r.now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = keeper.Close() })
		tickets = keeper
	}
	mode, err := providers.ParseSignup(signup)
	if err != nil {
		t.Fatal(err)
	}
	r.MagicLink, err = providers.NewMagicLink(providers.Options{
		Issuer: "https://login.example.test", Tickets: tickets, Limiter: tickets, Journal: quiet{}, Post: r.post,
		Admission: &providers.Admission{Records: r.db, Journal: quiet{}, Signup: mode, Now: r.now},
		Now:       r.now, Log: slog.New(slog.DiscardHandler), Life: 15 * time.Minute, Limits: providers.DefaultMailLimits,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func opened(t *testing.T, r *rig) *sql.DB {
	t.Helper()
	db, err := sql.Open(t.Context(), sql.Options{
		Path: filepath.Join(t.TempDir(), "handclasp.db"), Now: r.now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

type quiet struct{}

func (quiet) Record(context.Context, store.Event) {}

// post puts a letter into the box, unless it is to be thrown away.
func (r *rig) post(_ context.Context, l providers.Letter) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !l.Discard {
		r.letters = append(r.letters, l)
	}
	return nil
}

// mailed counts the letters so far.
func (r *rig) mailed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.letters)
}

// ask asks from one network and returns the half that stays, and the last letter.
func (r *rig) ask(a providers.Ask) (providers.Asker, providers.Letter) {
	r.t.Helper()
	asker, err := r.Ask(r.from("192.0.2.1"), a)
	if err != nil {
		r.t.Fatalf("ask for %s: %v", a.Email, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.letters) == 0 {
		return asker, providers.Letter{}
	}
	return asker, r.letters[len(r.letters)-1]
}

// from is a request out of a network.
func (r *rig) from(network string) context.Context {
	return sessions.WithOrigin(r.t.Context(), sessions.Origin{Address: network, Network: network})
}
