package servertest

import (
	"testing"

	"github.com/handclasp/handclasp/store/redis/redistest"
)

// Everywhere tells a story on a server of its own for each keeper of tickets: SQLite, and a Redis that all tests of the
// package share. The stories run in parallel.
func Everywhere(t *testing.T, o Options, story func(t *testing.T, s *Server)) {
	t.Helper()
	for _, keeper := range []struct{ name, redis string }{{"sqlite", ""}, {"redis", redistest.Start(t)}} {
		t.Run(keeper.name, func(t *testing.T) {
			t.Parallel()
			own := o
			own.Redis = keeper.redis
			story(t, Start(t, own))
		})
	}
}
