package sql

import (
	"context"
	"errors"
	"time"

	"github.com/handclasp/handclasp/store"
)

// errEmpty: a bucket had no token left. It rolls back what was taken from the others, and never leaves this package.
var errEmpty = errors.New("a bucket is empty")

// Allow implements store.Tickets.
func (d *DB) Allow(ctx context.Context, limits ...store.Limit) (store.Verdict, error) {
	if len(limits) == 0 {
		return store.Verdict{Allowed: true}, nil
	}
	return verdict(answer(ctx, d.soft, func(ctx context.Context, tx *runner) (store.Verdict, error) {
		return charge(ctx, tx, d.now(), limits)
	}))
}

// verdict makes a refusal, which had to roll back, an answer again.
func verdict(v store.Verdict, err error) (store.Verdict, error) {
	if err != nil && !errors.Is(err, errEmpty) {
		return store.Verdict{}, err
	}
	return v, nil
}

// charge takes a token from each bucket. If one is empty the verdict names it, the error is errEmpty, and the caller
// rolls back.
//
// A bucket is one number, the time at which it is full again: max(that, now) + Every is its new value, refused if that
// lies more than Burst * Every ahead. Microseconds, because a bucket may be faster than a thousand a second.
func charge(ctx context.Context, tx *runner, now time.Time, limits []store.Limit) (store.Verdict, error) {
	for _, l := range limits {
		if l.Burst < 1 {
			return store.Verdict{Limit: l.Key, RetryAfter: l.Every}, errEmpty
		}
		wait, err := take(ctx, tx, now, l)
		if err != nil {
			return store.Verdict{}, err
		}
		if wait > 0 {
			return store.Verdict{Limit: l.Key, RetryAfter: wait}, errEmpty
		}
	}
	return store.Verdict{Allowed: true}, nil
}

// take takes one token, or only looks at the bucket, and returns how long it is until there is one: zero if there was.
func take(ctx context.Context, tx *runner, now time.Time, l store.Limit) (time.Duration, error) {
	at, every := now.UnixMicro(), l.Every.Microseconds()
	room := at + int64(l.Burst)*every
	if !l.Peek {
		n, err := tx.exec(ctx, `INSERT INTO buckets (name, full_us) VALUES ($1, $2 + $3)
			ON CONFLICT (name) DO UPDATE SET full_us = CASE WHEN buckets.full_us > $2 THEN buckets.full_us ELSE $2 END + $3
			WHERE CASE WHEN buckets.full_us > $2 THEN buckets.full_us ELSE $2 END + $3 <= $4`, l.Key, at, every, room)
		if err != nil || n > 0 {
			return 0, err
		}
	}
	full := at
	err := tx.one(ctx, `SELECT full_us FROM buckets WHERE name = $1`, []any{l.Key}, &full)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	return max(0, time.Duration(max(full, at)+every-room)*time.Microsecond), nil
}

// Mark implements store.Tickets. It is a hard write: what is marked as done must not be done again.
func (d *DB) Mark(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	first, err := answer(ctx, d.hard, func(ctx context.Context, tx *runner) (bool, error) {
		now := d.now()
		n, err := tx.exec(ctx, `INSERT INTO marks (name, expires_at) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET expires_at = excluded.expires_at WHERE marks.expires_at <= $3`,
			key, ms(now.Add(ttl)), ms(now))
		return n > 0, err
	})
	return first && err == nil, err
}
