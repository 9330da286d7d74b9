package redis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/handclasp/handclasp/store"
)

// Allow takes one token from each bucket, or none; see store.Tickets.
func (s *Store) Allow(ctx context.Context, limits ...store.Limit) (store.Verdict, error) {
	if len(limits) == 0 {
		return store.Verdict{Allowed: true}, nil
	}
	keys, args := s.buckets(limits, 0, 0)
	reply, err := s.run(ctx, stepAllow, keys, args...)
	if err != nil {
		return store.Verdict{}, err
	}
	return verdict(stepAllow, reply, limits)
}

// buckets lays out keys and arguments as buckets.lua wants them, with room for more of each.
func (s *Store) buckets(limits []store.Limit, moreKeys, moreArgs int) (keys []string, args []any) {
	keys = make([]string, 0, len(limits)+moreKeys)
	args = make([]any, 0, 2+2*len(limits)+moreArgs)
	args = append(args, s.clock(), len(limits))
	for _, l := range limits {
		keys = append(keys, s.keys.limit(l.Key))
		every := l.Every.Microseconds()
		most := int64(l.Burst) * every
		if l.Peek {
			every = -every // looked at, and not charged
		}
		args = append(args, most, every)
	}
	return keys, args
}

// Mark answers true to the first caller with this key; see store.Tickets.
func (s *Store) Mark(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	if s.now != nil { // the scripts see another time than Redis has
		return s.mark(ctx, s.keys.mark(key), ttl)
	}
	// One command does what the script does, and costs less: every proof of a client's key is marked. The script would
	// read from the value when the mark ends; to it this one lasts for as long as Redis keeps it.
	err := s.client.SetArgs(ctx, s.keys.mark(key), int64(math.MaxInt64>>11), goredis.SetArgs{Mode: "NX", TTL: ttl}).Err()
	if errors.Is(err, goredis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("redis: mark: %w", err)
	}
	return true, nil
}

func (s *Store) mark(ctx context.Context, key string, ttl time.Duration) (first bool, err error) {
	reply, err := s.run(ctx, stepMark, []string{key}, s.clock(), ttl.Microseconds())
	if err != nil {
		return false, err
	}
	err = reply.ok(stepMark)
	if errors.Is(err, store.ErrExists) {
		return false, nil
	}
	return err == nil, err
}
