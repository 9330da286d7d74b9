// Package redis keeps tickets in Redis: device requests, grants, browser sessions, links and counters.
//
// Every method is one Lua script and one round trip (Bind is two: the user code lies in another slot than its request).
// The time that decides is Redis's own. What belongs to one session lies under one hash tag, {ses_…}; limits and user
// codes, which a script must see together, lie under the tag {door}. Redis 6.0 or newer is needed.
package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/handclasp/handclasp/store"
)

// Options says which Redis, and how.
type Options struct {
	URL    string           // redis://[user:password@]host:port[/db], or rediss:// for TLS
	Prefix string           // in front of every key; "hc" if empty
	Log    *slog.Logger     // hears of what is unsafe about this Redis; may be nil
	Now    func() time.Time // stands in for Redis's own time, which decides if it is nil
}

// Store is a keeper of tickets. It is safe for concurrent use.
type Store struct {
	client  goredis.UniversalClient
	keys    keys
	channel string
	log     *slog.Logger
	now     func() time.Time
	watch   *watch
}

var _ store.Tickets = (*Store)(nil)

// Open connects to Redis and asks it whether it can write. What it finds unsafe (see Advice) it logs as a warning.
// The error never holds the password.
func Open(ctx context.Context, o Options) (*Store, error) {
	prefix := o.Prefix
	if prefix == "" {
		prefix = "hc"
	}
	if strings.ContainsAny(prefix, "{}") {
		return nil, errors.New("open redis: the prefix may not contain braces")
	}
	options, err := clientOptions(o.URL)
	if err != nil {
		return nil, fmt.Errorf("open redis: %w", err)
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	goredis.SetLogger(chatter{log})
	client := goredis.NewUniversalClient(options)
	s := &Store{
		client: client, keys: keys(prefix), channel: prefix + ":decided", log: log, now: o.Now,
		watch: newWatch(client, prefix+":decided"),
	}
	if err := s.greet(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open redis at %s: %w", strings.Join(options.Addrs, ", "), err), s.Close())
	}
	return s, nil
}

func (s *Store) greet(ctx context.Context) error {
	if err := s.Ping(ctx); err != nil {
		return err
	}
	advice, err := s.Advice(ctx)
	if err != nil {
		return err
	}
	for _, line := range advice {
		s.log.WarnContext(ctx, line)
	}
	return nil
}

// Close ends every watch and every connection.
func (s *Store) Close() error {
	s.watch.close()
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("close redis: %w", err)
	}
	return nil
}

// Ping writes a key: a Redis that is out of memory or a replica answers PING, but keeps nothing.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.client.Set(ctx, s.keys.ping(), 1, time.Minute).Err(); err != nil {
		return fmt.Errorf("redis: ping: %w", err)
	}
	return nil
}

// Sweep has nothing to do: whatever is kept here carries its end with it.
func (s *Store) Sweep(context.Context) error { return nil }

// clock is the time that the scripts take for now, in microseconds; 0 is Redis's own. See now.lua.
func (s *Store) clock() int64 {
	if s.now == nil {
		return 0
	}
	return micros(s.now())
}

// chatter takes what the client library would print to stderr. It has one logger for all clients of a process; every
// failure that it speaks of also reaches a caller of ours as an error.
type chatter struct{ log *slog.Logger }

func (c chatter) Printf(ctx context.Context, format string, args ...any) {
	c.log.DebugContext(ctx, "redis client", "message", fmt.Sprintf(format, args...))
}

// clientOptions fixes everything but the address: a stuck Redis must cost less than the two seconds that a caller of
// ours has, and the buffers are small because there are many connections and our answers are short.
func clientOptions(url string) (*goredis.UniversalOptions, error) {
	parsed, err := goredis.ParseURL(url)
	if err != nil || parsed.Network != "tcp" || strings.Contains(url, "?") {
		// The cause would quote the URL, password and all.
		return nil, errors.New("the URL must be redis://[user:password@]host:port[/db], or rediss:// for TLS")
	}
	return &goredis.UniversalOptions{
		Addrs: []string{parsed.Addr}, Username: parsed.Username, Password: parsed.Password, DB: parsed.DB,
		TLSConfig:             parsed.TLSConfig,
		DialTimeout:           time.Second,
		DialerRetries:         1,
		ReadTimeout:           1500 * time.Millisecond,
		WriteTimeout:          1500 * time.Millisecond,
		PoolTimeout:           time.Second,
		PoolSize:              max(16, 10*runtime.GOMAXPROCS(0)),
		ReadBufferSize:        4096,
		WriteBufferSize:       4096,
		ContextTimeoutEnabled: true,
		MaxRetries:            -1, // a repeat can change the answer: step.repeat says where it does not
		Protocol:              2,
		DisableIdentity:       true,
		MaintNotificationsConfig: &maintnotifications.Config{
			Mode: maintnotifications.ModeDisabled,
		},
	}, nil
}
