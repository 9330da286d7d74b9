package main

import (
	"context"
	"math"
	"time"
)

// The goals of the start and of memory, in milliseconds and megabytes.
const (
	goalStart     = 60
	goalResident  = 45
	goalAnonymous = 16
)

// starts measures the time from the start of the process to its first answer, once the key exists, and what it holds
// in memory when it has nothing to do.
func (b bench) starts(ctx context.Context) (section, error) {
	s := section{
		Title: "Start and idle memory",
		Notes: "From the start of the process to its first answer, the key being there. Memory some seconds after that answer, the first sweep included.",
	}
	r, err := b.redis(ctx)
	if err != nil {
		return s, err
	}
	defer r.stop()
	for _, with := range []struct{ name, redis string }{{"sqlite", ""}, {"redis", r.address}} {
		row, err := b.startsOf(ctx, settings{data: "start-" + with.name, redis: with.redis, signer: "auto"})
		if err != nil {
			return s, err
		}
		row.Setting = with.name
		s.Rows = append(s.Rows, row)
	}
	return s, nil
}

func (b bench) startsOf(ctx context.Context, with settings) (row, error) {
	var taken []float64
	var held, anonymous float64
	for i := range b.size.starts + 1 {
		up, err := b.serve(ctx, with)
		if err != nil {
			return row{}, err
		}
		if i > 0 { // the first one made the key
			taken = append(taken, milliseconds(up.first))
		}
		if i == b.size.starts {
			held, anonymous, err = b.atRest(up)
		}
		up.stop()
		if err != nil {
			return row{}, err
		}
	}
	first := median(taken)
	return row{
		What: "start, then idle",
		Figures: []figure{
			{"first answer, median", first, "ms"},
			{"slowest", quantile(taken, 1), "ms"},
			{"resident", held, "MB"},
			{"anonymous", anonymous, "MB"},
		},
		Goal:    "60 ms, 45 MB, 16 MB",
		Verdict: all(atMost(first, goalStart, "ms"), fitting(held, anonymous)),
	}, nil
}

// atRest lets a server come to rest and returns what it holds in memory, in megabytes.
func (b bench) atRest(s *server) (held, anonymous float64, err error) {
	time.Sleep(b.size.rest)
	return resident(s.pid())
}

// fitting is the verdict on a server's memory.
func fitting(held, anonymous float64) string {
	return all(atMost(held, goalResident, "MB"), atMost(anonymous, goalAnonymous, "MB anonymous"))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// none is a figure that does not apply.
var none = math.NaN()
