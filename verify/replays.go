package verify

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Replays remembers which proofs were shown.
type Replays interface {
	// First reports whether an id is shown for the first time, and remembers it until a time shortly ahead. Of any number
	// of calls with one id before that time, one hears true: whoever implements it claims the id in one step. An error
	// means that it cannot be said; the request is then answered with 503.
	First(ctx context.Context, id string, until time.Time) (bool, error)
}

// mostReplays bounds the memory of a process to about 30 MB. A proof is remembered for two minutes at most, so these are
// 1,600 requests a second.
const mostReplays = 200_000

var errFull = errors.New("more proofs were shown than can be remembered")

// NewReplays remembers in this process, at most so many proofs at a time. Beyond that nothing is forgotten and nothing
// is let in: First fails. The time is time.Now if now is nil.
func NewReplays(most int, now func() time.Time) Replays {
	if now == nil {
		now = time.Now
	}
	return &memory{most: most, now: now, until: map[string]time.Time{}}
}

type memory struct {
	most int
	now  func() time.Time

	mu    sync.Mutex
	until map[string]time.Time
	swept time.Time
}

// First is Replays.
func (m *memory) First(_ context.Context, id string, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if known, ok := m.until[id]; ok && now.Before(known) {
		return false, nil
	}
	m.sweep(now)
	if len(m.until) >= m.most {
		return false, errFull
	}
	m.until[id] = until
	return true, nil
}

// sweep forgets what has run out, at most once a second: it looks at everything.
func (m *memory) sweep(now time.Time) {
	if now.Sub(m.swept) < time.Second {
		return
	}
	every := 10 * time.Second
	if len(m.until) < m.most && now.Sub(m.swept) < every {
		return
	}
	m.swept = now
	for id, until := range m.until {
		if !now.Before(until) {
			delete(m.until, id)
		}
	}
}
