package sessions_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis"
	"github.com/handclasp/handclasp/store/redis/redistest"
	"github.com/handclasp/handclasp/store/sql"
)

// clock moves only when a test says so.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// keepers are the ticket stores that every story is told on.
var keepers = []struct {
	name string
	open func(t *testing.T, c *clock, db *sql.DB) store.Tickets
}{
	{"sqlite", func(_ *testing.T, _ *clock, db *sql.DB) store.Tickets { return db }},
	{"redis", func(t *testing.T, c *clock, _ *sql.DB) store.Tickets {
		t.Helper()
		s, err := redis.Open(t.Context(), redis.Options{URL: redistest.Start(t), Prefix: store.NewID("t"), Now: c.now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}},
}

// rig is both memories with two people and a client.
type rig struct {
	t        *testing.T
	ctx      context.Context
	clock    *clock
	records  store.Records
	tickets  store.Tickets
	journal  *journal
	notices  []sessions.Notice
	ada, bob string
	asked    []store.Request
}

func newRig(t *testing.T, open func(*testing.T, *clock, *sql.DB) store.Tickets) *rig {
	t.Helper()
	c := &clock{}
	db, err := sql.Open(t.Context(), sql.Options{Path: filepath.Join(t.TempDir(), "handclasp.db"), Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, ctx: t.Context(), clock: c, records: db, tickets: open(t, c, db), journal: &journal{}}
	r.ada, r.bob = r.user("ada@example.test"), r.user("bob@example.test")
	err = db.CreateClient(r.ctx, store.Client{ID: "tool", Name: "tool", Public: true, Grants: []string{"refresh_token"}, CreatedAt: c.now()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) user(email string) string {
	r.t.Helper()
	u, _, err := r.records.EnsureUser(r.ctx, store.User{ID: store.NewID(store.UserPrefix), Email: email, CreatedAt: r.clock.now()})
	if err != nil {
		r.t.Fatal(err)
	}
	return u.ID
}

func (r *rig) sessions(records sessions.Records, tickets sessions.Tickets) *sessions.Sessions {
	return sessions.New(sessions.Options{
		Records: records, Tickets: tickets, Chain: chain{}, Journal: r.journal, Now: r.clock.now, Log: slog.New(slog.DiscardHandler),
		Notify:     func(_ context.Context, n sessions.Notice) { r.notices = append(r.notices, n) },
		AccessLife: 15 * time.Minute, Idle: 30 * 24 * time.Hour, Absolute: 90 * 24 * time.Hour,
		BrowserIdle: 30 * time.Minute, BrowserAbsolute: 8 * time.Hour,
	})
}

// whole are the sessions of a process that nobody kills.
func (r *rig) whole() *sessions.Sessions { return r.sessions(r.records, r.tickets) }

// chain names tokens plainly.
type chain struct{}

func (chain) First(sid string) (jti, next string) { return "first", "second" }

// journal keeps events for the test to read.
type journal struct {
	mu     sync.Mutex
	events []store.Event
}

func (j *journal) Record(_ context.Context, e store.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
}

func (j *journal) count(kind string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, e := range j.events {
		if e.Type == kind {
			n++
		}
	}
	return n
}

func (r *rig) browser(userID string) store.Browser {
	return store.Browser{SID: "ses_browserof" + userID[4:17], UserID: userID, AMR: []string{"mail"}, AuthTime: r.clock.now()}
}

// ask is a device that asks for a code, which is opened by nobody yet.
func (r *rig) ask(device string) store.Request {
	r.t.Helper()
	now := r.clock.now()
	q := store.Request{
		SID: store.NewID(store.SessionPrefix), Secret: "secret", UserCode: store.NewID("code"), ClientID: "tool",
		Fingerprint: "fingerprint of " + device, Name: device, CreatedAt: now, ExpiresAt: now.Add(10 * time.Minute),
		Interval: 5 * time.Second, State: store.StatePending,
	}
	if _, err := r.tickets.Open(r.ctx, q); err != nil {
		r.t.Fatal(err)
	}
	r.asked = append(r.asked, q)
	return q
}

// phone is what an app asks for that needs no code.
func (r *rig) phone() store.Request {
	q := store.Request{SID: store.NewID(store.SessionPrefix), ClientID: "tool", Fingerprint: "fingerprint of phone", Name: "phone"}
	r.asked = append(r.asked, q)
	return q
}

// open is a person who types the code.
func (r *rig) open(q store.Request, userID string) store.Request {
	r.t.Helper()
	bound, err := r.tickets.Bind(r.ctx, q.UserCode, r.browser(userID).SID, userID)
	if err != nil {
		r.t.Fatal(err)
	}
	return bound
}

// opened is a device whose code this person has typed.
func (r *rig) opened(device, userID string) store.Request {
	r.t.Helper()
	return r.open(r.ask(device), userID)
}

// signIn is a whole login that nothing disturbs.
func (r *rig) signIn(device, userID string) store.Request {
	r.t.Helper()
	q, s := r.opened(device, userID), r.whole()
	if err := s.Begin(r.ctx, q, r.browser(userID)); err != nil {
		r.t.Fatal(err)
	}
	if err := redeem(r, s, r.tickets, q); err != nil {
		r.t.Fatal(err)
	}
	return q
}

// sweepAfterAll lets every code run out and another process sweep, twice, since one round may find what the other freed.
func (r *rig) sweepAfterAll() {
	r.t.Helper()
	r.clock.advance(15 * time.Minute)
	sweeper := sessions.NewSweeper(r.whole())
	for range 2 {
		if err := sweeper.Sweep(r.ctx); err != nil {
			r.t.Fatal(err)
		}
	}
}

// checkBothMemories is what must hold after every accident: a session is live in both memories or in neither, nobody who
// is disabled has one, and a device without one can be taken by anybody.
func (r *rig) checkBothMemories(when string) {
	r.t.Helper()
	for _, q := range r.asked {
		pulses, err := r.tickets.Pulses(r.ctx, q.SID)
		if err != nil {
			r.t.Fatal(err)
		}
		granted := pulses[0].State == store.StateLive
		row, err := r.records.Session(r.ctx, q.SID)
		live := err == nil && row.Live()
		if granted != live {
			r.t.Errorf("%s: session on %s: its grant is there: %v, its record is live: %v", when, q.Name, granted, live)
		}
		if err == nil && row.ConfirmedAt.IsZero() && row.EndedAt.IsZero() {
			r.t.Errorf("%s: session on %s stayed provisional", when, q.Name)
		}
		if live && row.Opener != "" {
			if b, err := r.records.Session(r.ctx, row.Opener); err != nil || b.EndReason == sessions.EndLogout {
				r.t.Errorf("%s: the browser has signed out and its app has not: %v", when, err)
			}
		}
		if live {
			if u, err := r.records.User(r.ctx, row.UserID); err != nil || u.Disabled() {
				r.t.Errorf("%s: a disabled user has a live session: %v", when, err)
			}
		}
	}
	r.checkDevices(when)
}

func (r *rig) checkDevices(when string) {
	r.t.Helper()
	owners := map[string]bool{}
	for _, user := range []string{r.ada, r.bob} {
		rows, err := r.records.LiveSessions(r.ctx, user)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, row := range rows {
			owners[row.Name] = true
		}
	}
	carol := r.user("carol@example.test")
	for _, q := range r.asked {
		if owners[q.Name] {
			continue
		}
		if err := r.whole().Begin(r.ctx, r.opened(q.Name, carol), r.browser(carol)); err != nil {
			r.t.Errorf("%s: the device %s is free, but carol cannot have it: %v", when, q.Name, err)
		}
	}
}
