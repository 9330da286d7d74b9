package redis

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis/redistest"
	"github.com/handclasp/handclasp/store/storetest"
)

func wakes(t *testing.T, decided <-chan struct{}) {
	t.Helper()
	select {
	case <-decided:
	case <-time.After(patience):
		t.Fatal("nobody was woken")
	}
}

func TestWhoWaitsIsWokenWhenTheConnectionIsBack(t *testing.T) {
	server := redistest.Run(t)
	s, other := open(t, Options{URL: server.URL()}), open(t, Options{URL: server.URL()})
	q := newOpened(t, s)
	decided, stop := s.Watch(q.SID)
	defer stop()
	server.Restart()
	recovers(t, other)
	// Whether this decision falls before or after the new subscription, it is heard of.
	if _, err := other.Bind(t.Context(), q.UserCode, "ses_b", "usr_a"); err != nil {
		t.Fatal(err)
	}
	if err := other.Approve(t.Context(), approval(q)); err != nil {
		t.Fatal(err)
	}
	wakes(t, decided)
	later := newApprovedBy(t, other, func(q store.Request) {
		decided, stop := s.Watch(q.SID)
		t.Cleanup(stop)
		t.Cleanup(func() { wakes(t, decided) })
	})
	poll(t, s, later, store.AnswerGranted)
}

// newApprovedBy calls watch before the approval.
func newApprovedBy(t *testing.T, s *Store, watch func(store.Request)) store.Request {
	t.Helper()
	q := newOpened(t, s)
	watch(q)
	if _, err := s.Bind(t.Context(), q.UserCode, "ses_b", "usr_a"); err != nil {
		t.Fatal(err)
	}
	if err := s.Approve(t.Context(), approval(q)); err != nil {
		t.Fatal(err)
	}
	return q
}

// dials counts the connections that a store makes.
type dials struct{ n atomic.Int32 }

func (d *dials) DialHook(next goredis.DialHook) goredis.DialHook {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		d.n.Add(1)
		return next(ctx, network, address)
	}
}

func (*dials) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }

func (*dials) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

func TestHangingSubscriptionIsGivenUpAndBegunAnew(t *testing.T) {
	server := redistest.Run(t)
	s := open(t, Options{URL: server.URL()})
	s.watch.quiet = 200 * time.Millisecond
	var dialled dials
	s.client.AddHook(&dialled)
	decided, stop := s.Watch("ses_nobody")
	defer stop()
	server.Pause()
	for before, end := dialled.n.Load(), time.Now().Add(patience); dialled.n.Load() == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the subscription that hangs was not given up")
		}
	}
	server.Resume()
	wakes(t, decided)
}

func TestKillAndDropWakeWhoWaits(t *testing.T) {
	s := open(t, Options{URL: redistest.Start(t), Prefix: prefix()})
	killed, dropped := newOpened(t, s), newOpened(t, s)
	hearKill, stop := s.Watch(killed.SID)
	defer stop()
	hearDrop, stop := s.Watch(dropped.SID)
	defer stop()
	thief := asks(killed)
	thief.Fingerprint = "stranger"
	for range store.WrongFingerprints {
		if _, err := s.Poll(t.Context(), thief); err != nil {
			t.Fatal(err)
		}
	}
	wakes(t, hearKill)
	if err := s.Drop(t.Context(), dropped.SID); err != nil {
		t.Fatal(err)
	}
	wakes(t, hearDrop)
}

func TestManyWhoWaitCostOneConnectionAndOneGoroutine(t *testing.T) {
	url := redistest.Start(t)
	defer storetest.NoneLeft(t, goleak.IgnoreCurrent())
	s, err := Open(t.Context(), Options{URL: url, Prefix: prefix()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		_, stop := s.Watch(fmt.Sprintf("ses_%d", i))
		defer stop()
	}
	wakes(t, s.watch.up) // watching waits a moment only until the subscription stands
	channels, err := s.client.PubSubNumSub(t.Context(), s.channel).Result()
	if err != nil || channels[s.channel] != 1 {
		t.Errorf("%v subscriptions, %v", channels, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, stop := s.Watch("ses_late") // after the end this is harmless
	stop()
	if len(s.watch.waiting) != 1000 {
		t.Errorf("%d wait", len(s.watch.waiting))
	}
}

func TestDeadRedisHoldsAWatcherUpForAMomentOnly(t *testing.T) {
	server := redistest.Run(t)
	s := open(t, Options{URL: server.URL()})
	server.Kill()
	began := time.Now()
	decided, stop := s.Watch("ses_a") // Redis stays dead until this has come back
	defer stop()
	if took := time.Since(began); took > patience {
		t.Fatalf("watching took %v", took)
	}
	server.Restart()
	wakes(t, decided)
}
