package server

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/handclasp/handclasp/store"
)

// Limiter counts in the ticket store, so that all replicas count together. While the store does not answer it counts in
// process with a quarter of the burst: limits get smaller then, never none.
type Limiter struct {
	tickets interface {
		Allow(ctx context.Context, limits ...store.Limit) (store.Verdict, error)
	}
	scale float64
	now   func() time.Time
	log   *slog.Logger

	mu    sync.Mutex
	local map[string]time.Time // the theoretical arrival time of each bucket
}

const (
	localMost  = 10_000
	localShare = 4
)

// NewLimiter multiplies every bucket by scale, which is 1 unless the operator says otherwise.
func NewLimiter(tickets interface {
	Allow(ctx context.Context, limits ...store.Limit) (store.Verdict, error)
}, scale float64, now func() time.Time, log *slog.Logger,
) *Limiter {
	return &Limiter{tickets: tickets, scale: scale, now: now, log: log, local: map[string]time.Time{}}
}

// Allow takes one token of each bucket, or none. It answers also when the store does not.
func (l *Limiter) Allow(ctx context.Context, limits ...store.Limit) (store.Verdict, error) {
	scaled := make([]store.Limit, len(limits))
	for i, limit := range limits {
		scaled[i] = limit.Times(l.scale)
	}
	verdict, err := l.tickets.Allow(ctx, scaled...)
	if err == nil {
		return verdict, nil
	}
	l.log.WarnContext(ctx, "count in process, the ticket store does not answer", "error", err)
	return l.allowLocally(scaled), nil
}

func (l *Limiter) allowLocally(limits []store.Limit) store.Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if len(l.local) > localMost {
		maps.DeleteFunc(l.local, func(_ string, full time.Time) bool { return full.Before(now) })
	}
	if len(l.local) > localMost { // so many different ones at once are a flood: nobody new is let in
		return store.Verdict{Limit: "local", RetryAfter: time.Second}
	}
	for _, limit := range limits {
		if wait := l.arrival(limit, now).Sub(now) - time.Duration(max(1, limit.Burst/localShare))*limit.Every; wait > 0 {
			return store.Verdict{Limit: limit.Key, RetryAfter: wait}
		}
	}
	for _, limit := range limits {
		if !limit.Peek {
			l.local[limit.Key] = l.arrival(limit, now)
		}
	}
	return store.Verdict{Allowed: true}
}

// arrival is the bucket's theoretical arrival time if one more token is taken now.
func (l *Limiter) arrival(limit store.Limit, now time.Time) time.Time {
	at := l.local[limit.Key]
	if at.Before(now) {
		at = now
	}
	return at.Add(limit.Every)
}

// limit asks and turns a refusal into its error.
func (s *Server) limit(ctx context.Context, limits ...store.Limit) error {
	verdict, err := s.Limiter.Allow(ctx, limits...)
	if err != nil {
		return unavailable(err)
	}
	if !verdict.Allowed {
		s.Journal.Record(ctx, store.Event{Type: "limit", Result: "refused", Detail: verdict.Limit})
		return tooMany{verdict.RetryAfter}
	}
	return nil
}

// The limits of typing codes. A per-address limit is not enough: a thousand addresses at five tries a minute against ten
// thousand live codes hit one in every fifty windows of ten minutes. So tries are counted by account too, and wrong codes
// all together: those who never got one right in one bucket, and those who did in another, so that no stranger can close
// the door for everybody and no account of one's own opens it. An account's tries are claimed before the look, or a hundred
// guesses at once would all be looked up; the sum is charged afterwards, as a right code must not cost others anything.
const (
	triesPerNetwork  = 5
	triesPerAccount  = 10
	wrongAllTogether = 60
	flowsPerAccount  = 5
)

func codeTry(network string) store.Limit {
	return store.Limit{Key: "code.network:" + network, Burst: triesPerNetwork, Every: 12 * time.Second}
}

func accountTry(userID string) store.Limit {
	return store.Limit{Key: "code.account:" + userID, Burst: triesPerAccount, Every: time.Minute}
}

func wrongCodes(proven, peek bool) store.Limit {
	all := "code.wrong:new"
	if proven {
		all = "code.wrong:proven"
	}
	return store.Limit{Key: all, Burst: wrongAllTogether, Every: time.Second, Peek: peek}
}

func openFlows(userID string, peek bool) store.Limit {
	return store.Limit{Key: "code.flows:" + userID, Burst: flowsPerAccount, Every: 2 * time.Minute, Peek: peek}
}

func letterTry(network string) store.Limit {
	return store.Limit{Key: "letters.network:" + network, Burst: 10, Every: 6 * time.Second}
}
