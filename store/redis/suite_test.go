package redis

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handclasp/handclasp/store/redis/redistest"
	"github.com/handclasp/handclasp/store/storetest"
)

var prefixes atomic.Int64

// prefix keeps the tests that share a server apart.
func prefix() string { return fmt.Sprintf("t%d", prefixes.Add(1)) }

func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestTickets(t *testing.T) {
	url := redistest.Start(t)
	storetest.Tickets(t, func(t *testing.T) storetest.Keeper {
		var skew atomic.Int64
		o := Options{URL: url, Prefix: prefix(), Offset: func() time.Duration { return time.Duration(skew.Load()) }}
		return storetest.Keeper{
			Tickets: open(t, o),
			Second:  open(t, o),
			Advance: func(d time.Duration) { skew.Add(int64(d)) },
		}
	})
}
