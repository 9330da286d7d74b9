package servertest

import (
	"sync"
	"time"
)

// Clock is the time of a server: the real one, moved by what Advance was told. Timers run as ever, so a poll that is held
// for ten seconds takes ten seconds; what Advance makes old are codes, tokens, links, sessions and limits.
type Clock struct {
	mu     sync.Mutex
	offset time.Duration
	held   time.Time // when it was stopped; zero while it runs
}

// Now is the server's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	if !c.held.IsZero() {
		return c.held.Add(c.offset)
	}
	return time.Now().Add(c.offset)
}

// Advance moves the clock forward, or back.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// Hold stops the clock: only Advance moves it, until Run. It is for stories of seconds, of limits and intervals, which must not
// depend on how long the machine takes to tell them.
func (c *Clock) Hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held.IsZero() {
		c.held = time.Now()
	}
}

// Run lets the clock go on from where it stands.
func (c *Clock) Run() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.held.IsZero() {
		c.offset, c.held = time.Until(c.now()), time.Time{}
	}
}
