package servertest

import (
	"sync/atomic"
	"time"
)

// Clock is the time of a server: the real one, moved by what Advance was told. Timers run as ever, so a poll that is held
// for ten seconds takes ten seconds; what Advance makes old are codes, tokens, links, sessions and limits.
type Clock struct{ offset atomic.Int64 }

// Now is the server's time.
func (c *Clock) Now() time.Time { return time.Now().Add(c.Offset()) }

// Offset is how far the server's clock is ahead of the real one.
func (c *Clock) Offset() time.Duration { return time.Duration(c.offset.Load()) }

// Advance moves the clock forward, or back.
func (c *Clock) Advance(d time.Duration) { c.offset.Add(int64(d)) }
