package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis"
	"github.com/handclasp/handclasp/store/sql"
)

// goalSession is what a live session may take of Redis, in bytes.
const goalSession = 1000

// live fills the stores with live sessions and looks at what a server holds then, and how fast it starts. The sessions
// are written through the stores' own packages, by the same steps in the same order as a login, without the pages.
func (b bench) live(ctx context.Context) (section, error) {
	s := section{
		Title: "With live sessions",
		Notes: "Sessions written by the steps of a login through the stores' own packages, as many as there was time for. Bytes of Redis: what it holds more for each session " +
			"right after the login, its request included, and after the requests have run out. Memory of the server after a load of logins and some seconds of rest.",
	}
	for _, keeper := range []string{"sqlite", "redis"} {
		row, err := b.liveOn(ctx, keeper)
		if err != nil {
			return s, fmt.Errorf("%s: %w", keeper, err)
		}
		s.Rows = append(s.Rows, row)
	}
	return s, nil
}

func (b bench) liveOn(ctx context.Context, keeper string) (row, error) {
	address, err := freeAddress() // the issuer's, which stays the same over a restart
	if err != nil {
		return row{}, err
	}
	with := settings{data: "live-" + keeper, signer: "auto", address: address}
	var count int
	fresh, later := none, none
	if keeper == "redis" {
		r, err := b.redis(ctx)
		if err != nil {
			return row{}, err
		}
		defer r.stop()
		with.redis = r.address
		if count, fresh, later, err = b.fillRedis(ctx, with, r); err != nil {
			return row{}, err
		}
	} else if count, err = b.fill(ctx, with, nil); err != nil {
		return row{}, err
	}
	up, err := b.serve(ctx, with)
	if err != nil {
		return row{}, err
	}
	defer up.stop()
	people, err := settle(ctx, up, 4)
	defer people.leave()
	if err != nil {
		return row{}, err
	}
	if _, err := people.logins(ctx, 40, 40); err != nil {
		return row{}, err
	}
	held, anonymous, err := b.atRest(up)
	r := row{
		What: fmt.Sprintf("%d live sessions", count), Setting: keeper,
		Figures: []figure{
			{"first answer", milliseconds(up.first), "ms"},
			{"resident", held, "MB"},
			{"anonymous", anonymous, "MB"},
			{"Redis at the login", fresh, "B"},
			{"Redis later", later, "B"},
		},
	}
	if keeper == "redis" {
		r.Goal, r.Verdict = "under 1000 B", atMost(later, goalSession, "B")
	}
	return r, err
}

// fillRedis returns how much Redis holds for a session right after the login, and when the requests are gone.
func (b bench) fillRedis(ctx context.Context, with settings, r *redisServer) (count int, fresh, later float64, err error) {
	keeper, err := redis.Open(ctx, redis.Options{URL: "redis://" + r.address})
	if err != nil {
		return 0, 0, 0, err
	}
	defer keeper.Close() //nolint:errcheck // everything was answered
	before, err := r.memory(ctx)
	if err != nil {
		return 0, 0, 0, err
	}
	if count, err = b.fill(ctx, with, keeper); err != nil {
		return 0, 0, 0, err
	}
	full, err := r.memory(ctx)
	if err != nil {
		return 0, 0, 0, err
	}
	// Twenty minutes pass: Redis itself would now forget the requests and the codes that lead to them.
	for _, pattern := range []string{"*:req", "*:code:*"} {
		if err := r.forget(ctx, pattern); err != nil {
			return 0, 0, 0, err
		}
	}
	after, err := r.memory(ctx)
	n := float64(count)
	return count, (full - before) / n, (after - before) / n, err
}

// forget deletes what has a name like that.
func (r *redisServer) forget(ctx context.Context, pattern string) error {
	keys := r.look.Scan(ctx, 0, pattern, 1000).Iterator()
	var some []string
	for keys.Next(ctx) {
		if some = append(some, keys.Val()); len(some) == 1000 {
			if err := r.look.Del(ctx, some...).Err(); err != nil {
				return err
			}
			some = some[:0]
		}
	}
	if err := keys.Err(); err != nil || len(some) == 0 {
		return err
	}
	return r.look.Del(ctx, some...).Err()
}

// fill writes as many live sessions as it has time for into the data folder that a server is about to use, and their tickets into tickets, or
// beside them if that is nil.
func (b bench) fill(ctx context.Context, with settings, tickets store.Tickets) (int, error) {
	first, err := b.serve(ctx, with) // makes the folder, the schema and the client
	if err != nil {
		return 0, err
	}
	first.stop()
	db, err := sql.Open(ctx, sql.Options{Path: filepath.Join(first.data, "handclasp.db")})
	if err != nil {
		return 0, err
	}
	defer db.Close() //nolint:errcheck // every write was answered
	if tickets == nil {
		tickets = db
	}
	f := filler{records: db, tickets: tickets, issuer: first.issuer, now: time.Now()}
	if err := f.invite(ctx); err != nil {
		return 0, err
	}
	return parallelFor(b.size.most, 64, b.size.live, func(_, i int) error {
		if i%20_000 == 0 {
			say("live: %d sessions on %s", i, with.data)
		}
		return f.login(ctx, i)
	})
}
