package redis

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis/redistest"
)

func wakes(t *testing.T, decided <-chan struct{}, within time.Duration) {
	t.Helper()
	select {
	case <-decided:
	case <-time.After(within):
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
	wakes(t, decided, 3*time.Second)
	later := newApprovedBy(t, other, func(q store.Request) {
		decided, stop := s.Watch(q.SID)
		t.Cleanup(stop)
		t.Cleanup(func() { wakes(t, decided, 3*time.Second) })
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

func TestHangingSubscriptionIsGivenUpAndBegunAnew(t *testing.T) {
	server := redistest.Run(t)
	s := open(t, Options{URL: server.URL()})
	s.watch.quiet = 200 * time.Millisecond
	decided, stop := s.Watch("ses_nobody")
	defer stop()
	server.Pause()
	time.Sleep(time.Second)
	server.Resume()
	wakes(t, decided, 5*time.Second)
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
	wakes(t, hearKill, time.Second)
	if err := s.Drop(t.Context(), dropped.SID); err != nil {
		t.Fatal(err)
	}
	wakes(t, hearDrop, time.Second)
}

func TestManyWhoWaitCostOneConnectionAndOneGoroutine(t *testing.T) {
	url := redistest.Start(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s, err := Open(t.Context(), Options{URL: url, Prefix: prefix()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		_, stop := s.Watch(fmt.Sprintf("ses_%d", i))
		defer stop()
	}
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
	decided, stop := s.Watch("ses_a")
	defer stop()
	if took := time.Since(began); took > time.Second {
		t.Fatalf("watching took %v", took)
	}
	server.Restart()
	wakes(t, decided, 3*time.Second)
}
