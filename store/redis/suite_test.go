package redis

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	goredis "github.com/redis/go-redis/v9"

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
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestTickets(t *testing.T) {
	url := redistest.Start(t)
	storetest.Tickets(t, func(t *testing.T) storetest.Keeper {
		clock := storetest.NewClock()
		o := Options{URL: url, Prefix: prefix(), Now: clock.Now}
		return storetest.Keeper{Tickets: open(t, o), Second: open(t, o), Clock: clock}
	})
}

// bare is a client without our rules, for what a test does behind the store's back.
func bare(t testing.TB, url string) goredis.UniversalClient {
	t.Helper()
	options, err := clientOptions(url)
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewUniversalClient(options)
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}
