package redis

import (
	"context"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/handclasp/handclasp/store"
)

// Pulses says how the tickets of these sessions stand; see store.Tickets. One round trip; the three tickets of a session
// are read in one command, so that no redemption can pass between them.
func (s *Store) Pulses(ctx context.Context, sids ...string) ([]store.Pulse, error) {
	if len(sids) == 0 {
		return nil, nil
	}
	pipe := s.client.Pipeline()
	clock := pipe.Time(ctx)
	tickets := make([]*goredis.SliceCmd, len(sids))
	for i, sid := range sids {
		if validSID(sid) {
			tickets[i] = pipe.MGet(ctx, s.keys.request(sid), s.keys.grant(sid), s.keys.browser(sid))
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("redis: pulses: %w", err)
	}
	now := clock.Val()
	if s.now != nil {
		now = s.now()
	}
	pulses := make([]store.Pulse, len(sids))
	for i, sid := range sids {
		pulses[i] = store.Pulse{SID: sid, State: store.StateGone}
		if tickets[i] == nil {
			continue
		}
		p, err := pulse(sid, tickets[i].Val(), now)
		if err != nil {
			return nil, err
		}
		pulses[i] = p
	}
	return pulses, nil
}

// pulse looks at what is live first: a redeemed request beside its grant is a live session.
func pulse(sid string, tickets answer, now time.Time) (store.Pulse, error) {
	gone := store.Pulse{SID: sid, State: store.StateGone}
	if raw := tickets.text(1); raw != "" {
		g, err := unpackGrant(sid, raw)
		if end := earlier(g.RotatedAt.Add(g.Idle), g.ExpiresAt); err != nil || now.Before(end) {
			return store.Pulse{SID: sid, State: store.StateLive, SeenAt: g.RotatedAt, ExpiresAt: end}, err
		}
	}
	if raw := tickets.text(2); raw != "" {
		b, err := unpackBrowser(sid, raw)
		if end := earlier(b.SeenAt.Add(b.Idle), b.ExpiresAt); err != nil || now.Before(end) {
			return store.Pulse{SID: sid, State: store.StateLive, SeenAt: b.SeenAt, ExpiresAt: end}, err
		}
	}
	raw := tickets.text(0)
	if raw == "" {
		return gone, nil
	}
	r, err := unpackRequest(sid, raw)
	if err != nil {
		return gone, err
	}
	end := r.ExpiresAt
	if r.State != store.StatePending && r.State != store.StateApproved {
		end = end.Add(store.RequestAfterlife)
	}
	if !now.Before(end) {
		return gone, nil
	}
	return store.Pulse{SID: sid, State: r.State, ExpiresAt: end}, nil
}
