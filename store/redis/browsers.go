package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/handclasp/handclasp/store"
)

// slideStep is how much use of a browser session passes before it is written down.
const slideStep = time.Minute

// PutBrowser keeps a browser session.
func (s *Store) PutBrowser(ctx context.Context, b store.Browser) error {
	if !validSID(b.SID) || b.Secret == "" || b.SeenAt.IsZero() || b.Idle <= 0 {
		return fmt.Errorf("redis: put browser: %q has no session id, secret or life", b.SID)
	}
	p := pack().times(b.SeenAt, b.ExpiresAt).spans(b.Idle).texts(b.Secret)
	p.times(b.AuthTime, b.CreatedAt).texts(b.UserID, b.Address).lists(b.AMR)
	if p.err != nil {
		return p.err
	}
	end := earlier(b.SeenAt.Add(b.Idle), b.ExpiresAt)
	return s.put(ctx, s.keys.browser(b.SID), end, p.b)
}

// put keeps a packed ticket until its end.
func (s *Store) put(ctx context.Context, key string, end time.Time, packed []byte) error {
	reply, err := s.run(ctx, stepPut, []string{key}, s.clock(), micros(end), packed)
	if err != nil {
		return err
	}
	return reply.ok(stepPut)
}

func unpackBrowser(sid, raw string) (store.Browser, error) {
	u := &unpacker{s: raw}
	b := store.Browser{SID: sid}
	b.SeenAt, b.ExpiresAt, b.Idle, b.Secret = u.time(), u.time(), u.span(), u.text()
	b.AuthTime, b.CreatedAt = u.time(), u.time()
	b.UserID, b.Address, b.AMR = u.text(), u.text(), u.list()
	return b, u.err()
}

// Browser returns a live browser session whose secret fits; see store.Tickets.
func (s *Store) Browser(ctx context.Context, sid, secret string) (store.Browser, error) {
	if !validSID(sid) {
		return store.Browser{}, store.ErrNotFound
	}
	reply, err := s.run(ctx, stepBrowser, []string{s.keys.browser(sid)}, s.clock(), secret)
	if err != nil {
		return store.Browser{}, err
	}
	if err := reply.ok(stepBrowser); err != nil {
		return store.Browser{}, err
	}
	return unpackBrowser(sid, reply.text(1))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
