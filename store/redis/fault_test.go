package redis

import (
	"context"
	"errors"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis/redistest"
)

// every is each promise of store.Tickets, asked about q.
func every(s *Store, q store.Request) map[string]func(context.Context) error {
	only := func(_ any, err error) error { return err }
	b := store.Browser{SID: q.SID, Secret: "b", SeenAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour), Idle: time.Hour}
	l := store.Link{ID: "asker", Device: "d", Mail: "m", ExpiresAt: time.Now().Add(time.Hour)}
	return map[string]func(context.Context) error{
		"open":        func(ctx context.Context) error { return only(s.Open(ctx, newRequest())) },
		"poll":        func(ctx context.Context) error { return only(s.Poll(ctx, asks(q))) },
		"bind":        func(ctx context.Context) error { return only(s.Bind(ctx, q.UserCode, "ses_b", "usr_a")) },
		"request":     func(ctx context.Context) error { return only(s.Request(ctx, q.SID, "ses_b")) },
		"approve":     func(ctx context.Context) error { return s.Approve(ctx, approval(q)) },
		"deny":        func(ctx context.Context) error { return s.Deny(ctx, q.SID, "ses_b", store.ReasonUser) },
		"rotate":      func(ctx context.Context) error { return only(s.Rotate(ctx, turn(q, 1))) },
		"grant":       func(ctx context.Context) error { return only(s.Grant(ctx, q.SID, "access")) },
		"revoke":      func(ctx context.Context) error { return s.RevokeAccess(ctx, q.SID, "access", time.Minute) },
		"drop":        func(ctx context.Context) error { return s.Drop(ctx, q.SID) },
		"pulses":      func(ctx context.Context) error { return only(s.Pulses(ctx, q.SID)) },
		"put browser": func(ctx context.Context) error { return s.PutBrowser(ctx, b) },
		"browser":     func(ctx context.Context) error { return only(s.Browser(ctx, q.SID, "b")) },
		"put link":    func(ctx context.Context) error { return s.PutLink(ctx, l) },
		"link":        func(ctx context.Context) error { return only(s.Link(ctx, "asker", "m")) },
		"link of":     func(ctx context.Context) error { return only(s.LinkOf(ctx, "asker", "d")) },
		"take link":   func(ctx context.Context) error { return only(s.TakeLink(ctx, store.LinkTry{ID: "asker", Device: "d"})) },
		"allow":       func(ctx context.Context) error { return only(s.Allow(ctx, bucket)) },
		"mark":        func(ctx context.Context) error { return only(s.Mark(ctx, "m", time.Minute)) },
		"put note":    func(ctx context.Context) error { return s.PutNote(ctx, "n", "text", time.Minute) },
		"note":        func(ctx context.Context) error { return only(s.Note(ctx, "n")) },
		"take note":   func(ctx context.Context) error { return only(s.TakeNote(ctx, "n")) },
		"ping":        s.Ping,
		"epoch":       func(ctx context.Context) error { return only(s.Epoch(ctx)) },
		"advice":      func(ctx context.Context) error { return only(s.Advice(ctx)) },
	}
}

var bucket = store.Limit{Key: "a", Burst: 1, Every: time.Hour}

// unclear fails unless err says that the keeper could not answer.
func unclear(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: answered, though Redis cannot", what)
	}
	for word, refusal := range refusals {
		if errors.Is(err, refusal) {
			t.Errorf("%s: said %q of what it could not know", what, word)
		}
	}
}

// recovers waits until the store answers again, which takes it a second at most once Redis does: after many failed
// dials the client asks once a second only.
func recovers(t *testing.T, s *Store) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for err := s.Ping(t.Context()); err != nil; err = s.Ping(t.Context()) {
		if time.Now().After(deadline) {
			t.Fatalf("Redis is back, the store is not: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestDeadRedisIsAnErrorAndNothingIsLostWhenItIsBack(t *testing.T) {
	server := redistest.Run(t)
	s := open(t, Options{URL: server.URL()})
	approved, live := newApproved(t, s), newGrant(t, s)
	if _, err := s.Rotate(t.Context(), turn(live, 1)); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	for what, ask := range every(s, approved) {
		unclear(t, what, ask(within(t, 2*time.Second)))
	}
	server.Restart()
	recovers(t, s)
	if g := poll(t, s, approved, store.AnswerGranted).Grant; g.JTI != "jti-1" {
		t.Fatalf("the approval came back as %+v", g)
	}
	g, err := s.Rotate(t.Context(), turn(live, 1)) // whose answer was lost, say
	if err != nil || g.JTI != "jti-2" {
		t.Fatalf("a retry after the restart: %v, %v", g.JTI, err)
	}
}

func TestRedisThatDiesUnderLoadGrantsNothingTwice(t *testing.T) {
	server := redistest.Run(t)
	s := open(t, Options{URL: server.URL()})
	var waiting []store.Request
	for range 100 {
		waiting = append(waiting, newApproved(t, s))
	}
	granted := make(chan string, 4*len(waiting))
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for _, q := range waiting {
				got, err := s.Poll(t.Context(), asks(q))
				if err == nil && got.Answer == store.AnswerGranted {
					granted <- q.SID
				}
			}
		}()
	}
	time.Sleep(3 * time.Millisecond)
	server.Restart()
	for range 4 {
		<-done
	}
	recovers(t, s)
	for _, q := range waiting {
		got, err := s.Poll(t.Context(), asks(q))
		if err != nil {
			t.Fatal(err)
		}
		if got.Answer == store.AnswerGranted {
			granted <- q.SID
		}
	}
	close(granted)
	once := map[string]bool{}
	for sid := range granted {
		if once[sid] {
			t.Fatalf("%s was granted twice", sid)
		}
		once[sid] = true
	}
	if len(once) == 0 {
		t.Fatal("nothing was granted at all")
	}
}

func TestHangingRedisCostsNoMoreThanTheCallersTime(t *testing.T) {
	server := redistest.Run(t)
	s, patient := open(t, Options{URL: server.URL()}), open(t, Options{URL: server.URL()})
	// The store's own limits are far off, so that whoever does not keep to the caller's is told from a slow machine.
	limits := patient.client.(*goredis.Client).Options()
	limits.ReadTimeout, limits.WriteTimeout = 2*patience, 2*patience
	q := newApproved(t, s)
	if err := patient.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Pause()
	for what, ask := range every(patient, q) {
		if what == "drop" || what == "poll" {
			continue // what is sent now is carried out when Redis goes on; these two would spend the approval
		}
		began := time.Now()
		unclear(t, what, ask(within(t, 100*time.Millisecond)))
		if took := time.Since(began); took > patience {
			t.Errorf("%s: took %v of a time of 100ms", what, took)
		}
	}
	unclear(t, "no deadline", s.Ping(t.Context())) // which hangs as long as Redis does, but for a limit of the store's own
	if limits := s.client.(*goredis.Client).Options(); limits.ReadTimeout > 2*time.Second || limits.WriteTimeout > 2*time.Second {
		t.Errorf("without a deadline of the caller's it takes %v and %v", limits.ReadTimeout, limits.WriteTimeout)
	}
	server.Resume()
	recovers(t, s)
	poll(t, s, q, store.AnswerGranted)
}

func TestFullRedisIsAnErrorAndSpendsNothing(t *testing.T) {
	s := open(t, Options{URL: redistest.Run(t).URL()})
	approved, live, doomed := newApproved(t, s), newGrant(t, s), newGrant(t, s)
	limit(t, s, "1mb") // it has more than that already
	changes := every(s, approved)
	for _, what := range []string{"open", "poll", "revoke", "put browser", "put link", "allow", "mark", "ping"} {
		unclear(t, what, changes[what](t.Context()))
	}
	_, err := s.Rotate(t.Context(), turn(live, 1))
	unclear(t, "rotate", err)
	if err := s.Drop(t.Context(), doomed.SID); err != nil {
		t.Fatalf("logging out must work with a full Redis: %v", err)
	}
	limit(t, s, "64mb")
	poll(t, s, approved, store.AnswerGranted)
	if g, err := s.Rotate(t.Context(), turn(live, 1)); err != nil || g.Previous != "jti-1" {
		t.Fatalf("the rotation that failed has moved something: %+v, %v", g, err)
	}
	if _, err := s.Grant(t.Context(), doomed.SID, ""); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("the dropped grant: %v", err)
	}
}

func limit(t *testing.T, s *Store, memory string) {
	t.Helper()
	if err := s.client.ConfigSet(t.Context(), "maxmemory", memory).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestReplicaIsAnErrorAndItsPromotionANewEpoch(t *testing.T) {
	server := redistest.Run(t)
	s := open(t, Options{URL: server.URL()})
	live := newGrant(t, s)
	first := epoch(t, s)
	if again := epoch(t, s); again != first {
		t.Fatalf("the epoch moved from %s to %s by itself", first, again)
	}
	if err := s.client.SlaveOf(t.Context(), "127.0.0.1", "1").Err(); err != nil {
		t.Fatal(err)
	}
	_, err := s.Rotate(t.Context(), turn(live, 1))
	unclear(t, "rotate", err)
	unclear(t, "ping", s.Ping(t.Context()))
	if err := s.client.SlaveOf(t.Context(), "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	second := epoch(t, s)
	if second == first {
		t.Fatal("a promotion did not begin a new epoch")
	}
	server.Restart()
	recovers(t, s)
	if epoch(t, s) == second {
		t.Fatal("a restart did not begin a new epoch")
	}
}

func TestEmptiedRedisSignsOutAndLetsNobodyIn(t *testing.T) {
	server := redistest.Run(t)
	s := open(t, Options{URL: server.URL()})
	approved, live := newApproved(t, s), newGrant(t, s)
	if err := s.client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.client.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	poll(t, s, approved, store.AnswerUnknown)
	if _, err := s.Rotate(t.Context(), turn(live, 1)); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("a refresh: %v", err)
	}
	if err := s.Approve(t.Context(), approval(approved)); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("an approval: %v", err)
	}
	p, err := s.Pulses(t.Context(), live.SID, approved.SID)
	if err != nil || p[0].State != store.StateGone || p[1].State != store.StateGone {
		t.Fatalf("pulses: %+v, %v", p, err)
	}
}

func epoch(t *testing.T, s *Store) string {
	t.Helper()
	name, err := s.Epoch(t.Context())
	if err != nil || len(name) < 80 {
		t.Fatalf("epoch %q: %v", name, err)
	}
	return name
}

// trips counts the round trips of a store.
type trips struct{ n int }

func (c *trips) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (c *trips) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error { c.n++; return next(ctx, cmd) }
}

func (c *trips) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error { c.n++; return next(ctx, cmds) }
}

func TestEveryStepIsOneRoundTrip(t *testing.T) {
	s := open(t, Options{URL: redistest.Start(t), Prefix: prefix()})
	var count trips
	s.client.AddHook(&count)
	q := newGrant(t, s)
	calls := every(s, q)
	for range 2 { // the second time Redis knows the scripts
		for what, ask := range calls {
			count.n = 0
			_ = ask(t.Context()) // its answer is another test's
			want := 1
			if what == "bind" && count.n == 2 {
				want = 2 // the user code, then the request
			}
			if count.n > want+1 {
				t.Errorf("%s: %d round trips", what, count.n)
			}
		}
	}
	for what, ask := range calls {
		count.n = 0
		_ = ask(t.Context())
		if count.n != 1 && (what != "bind" || count.n != 2) {
			t.Errorf("%s: %d round trips", what, count.n)
		}
	}
}
