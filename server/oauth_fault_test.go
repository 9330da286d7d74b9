package server_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis/redistest"
)

// withRedis starts a server with a Redis of its own, which may be killed.
func withRedis(t *testing.T) (*servertest.Server, *redistest.Server) {
	t.Helper()
	t.Parallel()
	redis := redistest.Run(t)
	return servertest.Start(t, servertest.Options{Redis: redis.URL(), LimitScale: 1000}), redis
}

// restart starts Redis again and waits until the server has found it: after very many failed connections the client of Redis
// rests for a second before it looks whether its server is back.
func restart(t *testing.T, s *servertest.Server, redis *redistest.Server) {
	t.Helper()
	redis.Restart()
	for end := time.Now().Add(30 * time.Second); s.Tickets.Ping(t.Context()) != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the server does not find its Redis")
		}
	}
}

// inTime is when a client that asked for something must have heard that a part of the server is away, on a machine that is busy.
// That no store is given more than two seconds, however busy, is for TestAPreferenceBuysNoStoreMoreTime to say.
const inTime = 10 * time.Second

// mustBeAway fails unless the server says in time that a part of it is away, and when to come again.
func mustBeAway(t *testing.T, what string, call func() servertest.Reply) {
	t.Helper()
	began := time.Now()
	reply := call()
	if took := time.Since(began); took > inTime {
		t.Errorf("%s: answered after %s", what, took)
	}
	mustSay(t, reply, http.StatusServiceUnavailable, oauth.CodeUnavailable)
	if reply.Header.Get("Retry-After") == "" {
		t.Errorf("%s: no word when to come again", what)
	}
}

func mustBeAwayPage(t *testing.T, what string, open func() *servertest.Page) {
	t.Helper()
	began := time.Now()
	page := open()
	if took := time.Since(began); page.Status != http.StatusServiceUnavailable || page.Header.Get("Retry-After") == "" || took > inTime {
		t.Errorf("%s: %d after %s: %s", what, page.Status, took, page.Text())
	}
}

func TestRedisKilledAtEachStep(t *testing.T) {
	s, redis := withRedis(t)
	mara, d := apiPerson(t, s, "mara"), s.Terminal(t)
	me := func(token string) func() servertest.Reply {
		return func() servertest.Reply { return d.Call(http.MethodGet, "/v1/me", token) }
	}

	redis.Kill()
	mustBeAway(t, "ask", d.TryAsk)
	restart(t, s, redis)
	asked := d.Ask()

	redis.Kill()
	mustBeAway(t, "poll", func() servertest.Reply { return d.Poll(asked) })
	mustBeAway(t, "wait", func() servertest.Reply { return d.Wait(asked, 5) })
	restart(t, s, redis)
	mustSay(t, d.Poll(asked), http.StatusBadRequest, oauth.CodeAuthorizationPending)

	action, form := mara.Open("/device").Form("Continue", "user_code", asked.UserCode)
	redis.Kill()
	mustBeAwayPage(t, "open the code", func() *servertest.Page { return mara.Post(action, form) })
	restart(t, s, redis)
	action, form = mara.Post(action, form).Form("Approve")
	redis.Kill()
	mustBeAwayPage(t, "approve", func() *servertest.Page { return mara.Post(action, form) })
	restart(t, s, redis)
	s.Clock.Advance(6 * time.Second)
	mustSay(t, d.Poll(asked), http.StatusBadRequest, oauth.CodeAuthorizationPending) // nothing is half approved
	mara.Post(action, form)

	redis.Kill()
	mustBeAway(t, "fetch", func() servertest.Reply { return d.Poll(asked) })
	restart(t, s, redis)
	tokens := d.Poll(asked).Tokens(t)

	redis.Kill()
	mustBeAway(t, "refresh", func() servertest.Reply { return d.Refresh(tokens.RefreshToken) })
	mustBeAway(t, "look", me(tokens.AccessToken))
	mustBeAwayPage(t, "account", func() *servertest.Page { return mara.Open("/account") })
	restart(t, s, redis)
	tokens = d.Refresh(tokens.RefreshToken).Tokens(t)
	if reply := me(tokens.AccessToken)(); reply.Status != http.StatusOK {
		t.Fatalf("afterwards: %d %s", reply.Status, reply.Body)
	}

	redis.Kill()
	mustBeAway(t, "revoke the access token", func() servertest.Reply { return d.Revoke(tokens.AccessToken) })
	mustBeAway(t, "revoke the refresh token", func() servertest.Reply { return d.Revoke(tokens.RefreshToken) })
	restart(t, s, redis)
	for range 2 { // the retry finishes the work
		if reply := d.Revoke(tokens.RefreshToken); reply.Status != http.StatusOK {
			t.Fatalf("revoke: %d %s", reply.Status, reply.Body)
		}
	}
	mustSay(t, me(tokens.AccessToken)(), http.StatusUnauthorized, oauth.CodeInvalidToken)
	mustSay(t, d.Refresh(tokens.RefreshToken), http.StatusBadRequest, oauth.CodeInvalidGrant)
	d.LogIn(mara)
}

func TestRevocationThatFailedIsFinishedByTheSweeper(t *testing.T) {
	s, redis := withRedis(t)
	d := s.Terminal(t)
	tokens := d.LogIn(apiPerson(t, s, "mara"))
	redis.Kill()
	mustBeAway(t, "revoke", func() servertest.Reply { return d.Revoke(tokens.RefreshToken) })
	restart(t, s, redis)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustSay(t, d.Refresh(tokens.RefreshToken), http.StatusBadRequest, oauth.CodeInvalidGrant)
}

// brittle are records that can be away.
type brittle struct {
	store.Records
	away *atomic.Bool
}

func (b brittle) Session(ctx context.Context, sid string) (store.Session, error) {
	if b.away.Load() {
		return store.Session{}, errors.New("the records are away")
	}
	return b.Records.Session(ctx, sid)
}

func (b brittle) EndSession(ctx context.Context, sid, reason string, at time.Time) (store.Ended, error) {
	if b.away.Load() {
		return store.Ended{}, errors.New("the records are away")
	}
	return b.Records.EndSession(ctx, sid, reason, at)
}

func TestRevocationEndsTheGrantWithoutTheRecords(t *testing.T) {
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{
		LimitScale: 1000, Records: func(r store.Records) store.Records { return brittle{r, new(atomic.Bool)} },
	}, func(t *testing.T, s *servertest.Server) {
		away := s.Records.(brittle).away
		apiClient(t, s, "other-tool", s.Issuer)
		d, other := s.Terminal(t), s.Terminal(t)
		other.ClientID = "other-tool"
		tokens := d.LogIn(apiPerson(t, s, "mara"))
		away.Store(true)
		mustSay(t, other.Revoke(tokens.RefreshToken), http.StatusBadRequest, oauth.CodeUnauthorizedClient)
		mustBeAway(t, "revoke", func() servertest.Reply { return d.Revoke(tokens.RefreshToken) })
		mustSay(t, d.Call(http.MethodGet, "/v1/me", tokens.AccessToken), http.StatusUnauthorized, oauth.CodeInvalidToken)
		mustSay(t, d.Refresh(tokens.RefreshToken), http.StatusBadRequest, oauth.CodeInvalidGrant)
		mustBeAway(t, "revoke again", func() servertest.Reply { return d.Revoke(tokens.RefreshToken) }) // the intent is not written
		away.Store(false)
		if reply := d.Revoke(tokens.RefreshToken); reply.Status != http.StatusOK {
			t.Errorf("revoke, at last: %d %s", reply.Status, reply.Body)
		}
	})
}

func TestReuseIsAnEventAlsoWithoutTheRecords(t *testing.T) {
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{
		LimitScale: 1000, Records: func(r store.Records) store.Records { return brittle{r, new(atomic.Bool)} },
	}, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		first := d.LogIn(apiPerson(t, s, "mara"))
		second := d.Refresh(first.RefreshToken).Tokens(t)
		third := d.Refresh(second.RefreshToken).Tokens(t)
		s.Records.(brittle).away.Store(true)
		mustSay(t, d.Refresh(first.RefreshToken), http.StatusBadRequest, oauth.CodeInvalidGrant)
		mustSay(t, d.Refresh(third.RefreshToken), http.StatusBadRequest, oauth.CodeInvalidGrant)
		mustSay(t, d.Call(http.MethodGet, "/v1/me", third.AccessToken), http.StatusUnauthorized, oauth.CodeInvalidToken)
		events := s.Recorded(t, "session.end")
		if len(events) != 1 || events[0].Detail != sessions.EndReuse || events[0].SessionID != apiSession(t, first.AccessToken) {
			t.Errorf("the events are %+v", events)
		}
	})
}

// counting are tickets that tell how many polls they have answered.
type counting struct {
	store.Tickets
	polls *atomic.Int32
}

func (c counting) Poll(ctx context.Context, p store.Poll) (store.Polled, error) {
	defer c.polls.Add(1)
	return c.Tickets.Poll(ctx, p)
}

func TestHeldPollOutlivesARestartOfRedis(t *testing.T) {
	t.Parallel()
	redis, polls := redistest.Run(t), new(atomic.Int32)
	s := servertest.Start(t, servertest.Options{
		Redis: redis.URL(), LimitScale: 1000, Tickets: func(tickets store.Tickets) store.Tickets { return counting{tickets, polls} },
	})
	mara, d := apiPerson(t, s, "mara"), s.Terminal(t)
	asked := d.Ask()
	question := mara.EnterCode(asked.UserCode)
	reply := make(chan servertest.Reply, 1)
	// It waits for so long that Redis is back before it is over, however long that takes.
	go func() { reply <- d.Wait(asked, 30) }()
	for polls.Load() == 0 { // the first look is over
		time.Sleep(time.Millisecond)
	}
	redis.Kill()
	restart(t, s, redis)
	question.Press("Approve")
	if got := <-reply; got.Status != http.StatusOK {
		t.Errorf("the held poll hears %d %s", got.Status, got.Body)
	}
}

func TestRedisThatHangs(t *testing.T) {
	s, redis := withRedis(t)
	mara, d := apiPerson(t, s, "mara"), s.Terminal(t)
	tokens, asked := d.LogIn(mara), s.Terminal(t).Ask()
	redis.Pause()
	var calls sync.WaitGroup
	for what, call := range map[string]func() servertest.Reply{
		"poll":    func() servertest.Reply { return d.Poll(asked) },
		"refresh": func() servertest.Reply { return d.Refresh(tokens.RefreshToken) },
		"look":    func() servertest.Reply { return d.Call(http.MethodGet, "/v1/sessions", tokens.AccessToken) },
		"ask":     d.TryAsk,
	} {
		calls.Go(func() { mustBeAway(t, what, call) })
	}
	mustBeAwayPage(t, "account", func() *servertest.Page { return mara.Open("/account") })
	calls.Wait()
	redis.Resume()
	if reply := d.Refresh(tokens.RefreshToken); reply.Status != http.StatusOK {
		t.Errorf("a refresh whose answer was lost, again: %d %s", reply.Status, reply.Body)
	}
	d.LogIn(mara)
}

func TestRedisThatForgetsLetsNobodyIn(t *testing.T) {
	s, redis := withRedis(t)
	mara, noor, d, waiting := apiPerson(t, s, "mara"), apiPerson(t, s, "noor"), s.Terminal(t), s.Terminal(t)
	tokens := d.LogIn(mara)
	approved, pending := waiting.Ask(), waiting.Ask()
	mara.Approve(approved.UserCode)

	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(redis.URL(), "redis://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var ok [5]byte
	if _, err := conn.Write([]byte("FLUSHALL\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(ok[:]); err != nil || string(ok[:3]) != "+OK" {
		t.Fatalf("%s %v", ok, err)
	}

	mustSay(t, d.Refresh(tokens.RefreshToken), http.StatusBadRequest, oauth.CodeInvalidGrant)
	mustSay(t, d.Call(http.MethodGet, "/v1/me", tokens.AccessToken), http.StatusUnauthorized, oauth.CodeInvalidToken)
	mustSay(t, waiting.Poll(approved), http.StatusBadRequest, oauth.CodeInvalidGrant)
	mustSay(t, waiting.Poll(pending), http.StatusBadRequest, oauth.CodeInvalidGrant)
	for _, b := range []*servertest.Browser{mara, noor} {
		if page := b.Open("/account"); page.URL.Path != "/signin" {
			t.Errorf("somebody is still signed in: %s", page.URL.Path)
		}
	}
	d.LogIn(apiPerson(t, s, "noor")) // the device's session was lost, so the device is free
	waiting.LogIn(apiPerson(t, s, "mara"))
	s.Clock.Advance(12 * time.Minute)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustHaveNoHalfSessions(t, s, "mara", "noor")
}

// mustHaveNoHalfSessions fails if a live row has no ticket, or a ticket no live row.
func mustHaveNoHalfSessions(t *testing.T, s *servertest.Server, names ...string) {
	t.Helper()
	for _, name := range names {
		user, err := s.Records.UserByEmail(t.Context(), name+"@example.test")
		if err != nil {
			t.Fatal(err)
		}
		rows, err := s.Records.LiveSessions(t.Context(), user.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			pulses, err := s.Tickets.Pulses(t.Context(), row.ID)
			if err != nil {
				t.Fatal(err)
			}
			if row.Kind == store.KindDevice && pulses[0].State != store.StateLive {
				t.Errorf("%s has a live session whose ticket is %s", name, pulses[0].State)
			}
		}
	}
}

// onceUp asks as a client does that is told to come again.
func onceUp(ask func() servertest.Reply) servertest.Reply {
	reply := ask()
	for end := time.Now().Add(30 * time.Second); reply.Status == http.StatusServiceUnavailable && time.Now().Before(end); reply = ask() {
		time.Sleep(100 * time.Millisecond)
	}
	return reply
}

// TestRedisKilledWhileManyLogIn kills at moments that nobody has chosen.
func TestRedisKilledWhileManyLogIn(t *testing.T) {
	s, redis := withRedis(t)
	names := []string{"mara", "noor", "odd", "pia", "quinn", "rosa"}
	for round, name := range names {
		const crowd = 10
		person := apiPerson(t, s, name)
		terminals, asked := make([]*servertest.Terminal, crowd), make([]servertest.Asked, crowd)
		for i := range crowd {
			terminals[i] = s.Terminal(t)
			asked[i] = terminals[i].Ask()
			person.Approve(asked[i].UserCode)
		}
		first, start := make([]servertest.Reply, crowd), make(chan struct{})
		var fetching sync.WaitGroup
		for i := range crowd {
			fetching.Go(func() {
				<-start
				first[i] = terminals[i].Poll(asked[i])
			})
		}
		close(start)
		time.Sleep(time.Duration(round) * 400 * time.Microsecond)
		redis.Kill()
		fetching.Wait()
		restart(t, s, redis)
		for i, reply := range first {
			if reply.Status != http.StatusOK {
				mustSay(t, reply, http.StatusServiceUnavailable, oauth.CodeUnavailable)
				if reply = onceUp(func() servertest.Reply { return terminals[i].Poll(asked[i]) }); reply.Status != http.StatusOK {
					// Redeemed, and the answer was lost between Redis and us: that costs a new approval.
					mustSay(t, reply, http.StatusBadRequest, oauth.CodeInvalidGrant)
					continue
				}
			}
			token := reply.Tokens(t).RefreshToken
			if reply = onceUp(func() servertest.Reply { return terminals[i].Refresh(token) }); reply.Status != http.StatusOK {
				t.Errorf("tokens that were given do not refresh: %d %s", reply.Status, reply.Body)
			}
		}
	}
	s.Clock.Advance(12 * time.Minute)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustHaveNoHalfSessions(t, s, names...)
}
