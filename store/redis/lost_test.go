package redis

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis/redistest"
)

// thief stands between a store and its Redis. Once told to, it takes the next answer away and hangs up: what was asked
// has been done, and nobody knows.
type thief struct {
	net.Listener
	behind string
	steal  atomic.Bool
}

func newThief(t *testing.T, url string) *thief {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	th := &thief{Listener: l, behind: strings.TrimPrefix(url, "redis://")}
	t.Cleanup(func() { _ = l.Close() })
	go th.serve()
	return th
}

// steals takes the next answer, which is that to a step: the connection stands already.
func (th *thief) steals(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	th.steal.Store(true)
}

func (th *thief) serve() {
	for {
		front, err := th.Accept()
		if err != nil {
			return
		}
		back, err := net.Dial("tcp", th.behind)
		if err != nil {
			_ = front.Close()
			return
		}
		go th.carry(back, front, func() bool { return false })
		go th.carry(front, back, func() bool { return th.steal.CompareAndSwap(true, false) })
	}
}

func (th *thief) carry(to, from net.Conn, taken func() bool) {
	defer func() { _, _ = to.Close(), from.Close() }()
	b := make([]byte, 1<<16)
	for {
		n, err := from.Read(b)
		if err != nil || taken() {
			return
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

func TestLostAnswerIsAnErrorWhereARepeatWouldSayOtherwise(t *testing.T) {
	url, name := redistest.Run(t).URL(), prefix()
	direct := open(t, Options{URL: url, Prefix: name})
	for _, ask := range every(direct, newRequest()) {
		_ = ask(t.Context()) // now Redis knows the scripts, and the thief does not take the answer that it does not
	}
	if err := direct.client.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	th := newThief(t, url)
	s := open(t, Options{URL: "redis://" + th.Addr().String(), Prefix: name})
	l := store.Link{ID: "asker", Device: "d", Mail: "m", ExpiresAt: newRequest().ExpiresAt}
	if err := s.PutLink(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	q := newApproved(t, s)
	for what, ask := range map[string]func() error{
		"open": func() error { _, err := s.Open(t.Context(), newRequest()); return err },
		"poll": func() error { _, err := s.Poll(t.Context(), asks(q)); return err },
		"take link": func() error {
			_, err := s.TakeLink(t.Context(), store.LinkTry{ID: "asker", Device: "d", Mail: "m"})
			return err
		},
		"allow": func() error { _, err := s.Allow(t.Context(), bucket); return err },
		"mark":  func() error { _, err := s.Mark(t.Context(), "m", bucket.Every); return err },
	} {
		th.steals(t, s)
		unclear(t, what, ask())
	}
	if p, err := direct.Pulses(t.Context(), q.SID); err != nil || p[0].State != store.StateLive {
		t.Fatalf("the poll was never carried out, so this proves nothing: %+v, %v", p, err)
	}
}

func TestLostAnswerIsAskedForAgainWhereARepeatSaysTheSame(t *testing.T) {
	url, name := redistest.Start(t), prefix()
	th := newThief(t, url)
	s := open(t, Options{URL: "redis://" + th.Addr().String(), Prefix: name})
	q := newOpened(t, s)
	if _, err := s.Bind(t.Context(), q.UserCode, "ses_b", "usr_a"); err != nil {
		t.Fatal(err)
	}
	lose := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		th.steals(t, s)
	}
	th.steals(t, s)
	lose("approve", s.Approve(t.Context(), approval(q)))
	th.steal.Store(false)
	poll(t, s, q, store.AnswerGranted)
	th.steals(t, s)
	g, err := s.Rotate(t.Context(), turn(q, 1))
	lose("rotate", err)
	if g.JTI != "jti-2" || g.Previous != "jti-1" {
		t.Errorf("the repeat moved the grant to %+v", g)
	}
	_, err = s.Grant(t.Context(), q.SID, "")
	lose("grant", err)
	lose("drop", s.Drop(t.Context(), q.SID))
	th.steal.Store(false)
}
