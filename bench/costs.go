package main

import (
	"context"
	"fmt"
	"time"
)

// costs measures the CPU of requests. All kinds take turns, round after round, so that whatever else the machine does
// falls on all of them alike; each round compares a kind with its base of that same round.
func (b bench) costs(ctx context.Context) (section, error) {
	s := section{
		Title: "CPU of a request",
		Notes: fmt.Sprintf("CPU of the server and of Redis together, in milliseconds, medians of %d rounds in which all kinds take turns, "+
			"%d clients with kept connections. The bare handlers are net/http with one Redis GET, and with bytes made before; "+
			"the signatures are made with the server's own key, on all cores at once. Refreshes rotate; polls are each code's first; "+
			"a code that is redeemed ends the session that the app had in that browser before. "+
			"Goals in milliseconds were set where a signature of libcrypto takes %.3f ms; in brackets what they are at the pace of this run.",
			b.size.rounds, clients, paceMaker),
	}
	l, err := b.workshop(ctx)
	defer l.close()
	if err != nil {
		return s, err
	}
	kinds := l.kinds(ctx)
	for round := range b.size.rounds + 1 {
		for _, k := range kinds {
			if err := l.take(ctx, k, round > 0); err != nil { // the first round warms up
				return s, fmt.Errorf("%s, %s: %w", k.what, k.setting, err)
			}
		}
		say("costs: round %d of %d", round, b.size.rounds)
	}
	pace := median(l.signature.total) / paceMaker
	for _, k := range kinds {
		s.Rows = append(s.Rows, k.row(pace))
	}
	return s, nil
}

// kind is one kind of work whose cost is measured.
type kind struct {
	what, setting string
	n             int               // how often in a round
	ready         func()            // waits until it can begin; may be nil
	do            load              // a request to address; or
	work          func(n int) error // work in this process
	address       string
	pids          []int
	base          *kind // what it is compared with
	goal          goal

	total, redis, trips []float64 // one of each round, for each request
}

// paceMaker is what a signature of libcrypto takes, in milliseconds, on the machine for which the goals were set. The same
// cores give more or less from day to day, by what their neighbours do, and then all of a row moves with the signature.
const paceMaker = 0.205

// goal bounds either the ratio to the base or what comes on top of it.
type goal struct{ ratio, more float64 }

// sample is the state of all clocks.
type sample struct {
	cpu, redis time.Duration
	reads      float64
}

// take measures one round of a kind.
func (w *workshop) take(ctx context.Context, k *kind, counts bool) error {
	work := func() error { return k.work(k.n) }
	if k.do != nil {
		all, err := newCrew(k.address)
		if err != nil {
			return err
		}
		defer all.leave()
		work = func() error { return all.do(k.n, k.do) }
	}
	if k.ready != nil {
		k.ready()
	}
	before, err := w.sample(ctx, k)
	if err != nil {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	after, err := w.sample(ctx, k)
	if err != nil || !counts {
		return err
	}
	each := func(d time.Duration) float64 { return milliseconds(d) / float64(k.n) }
	k.total = append(k.total, each(after.cpu-before.cpu+after.redis-before.redis))
	k.redis = append(k.redis, each(after.redis-before.redis))
	k.trips = append(k.trips, (after.reads-before.reads)/float64(k.n))
	return nil
}

func (w *workshop) sample(ctx context.Context, k *kind) (sample, error) {
	var s sample
	var err error
	if s.reads, err = w.redis.reads(ctx); err != nil {
		return s, err
	}
	if s.redis, err = cpuOf(w.redis.pid()); err != nil {
		return s, err
	}
	for _, pid := range k.pids {
		cpu, err := cpuOf(pid)
		if err != nil {
			return s, err
		}
		s.cpu += cpu
	}
	return s, nil
}

// row compares a kind with its base, round by round. Pace is how many times longer than for the goals all things take.
func (k *kind) row(pace float64) row {
	r := row{What: k.what, Setting: k.setting}
	base, more, ratio := none, none, none
	if k.base != nil {
		var differences, ratios []float64
		for i, total := range k.total {
			differences = append(differences, total-k.base.total[i])
			ratios = append(ratios, total/k.base.total[i])
		}
		base, more, ratio = median(k.base.total), median(differences), median(ratios)
	}
	r.Figures = []figure{
		{"CPU", median(k.total), "ms"},
		{"of it Redis", median(k.redis), "ms"},
		{"round trips", median(k.trips), ""},
		{"beside", base, "ms"},
		{"more", more, "ms"},
		{"ratio", ratio, ""},
	}
	switch {
	case k.goal.ratio > 0:
		r.Goal = fmt.Sprintf("at most %.0fx", k.goal.ratio)
		r.Verdict = atMost(ratio, k.goal.ratio, "")
	case k.goal.more > 0:
		r.Goal = fmt.Sprintf("at most %.2f ms more (%.3f)", k.goal.more, k.goal.more*pace)
		r.Verdict = atMost(more, k.goal.more*pace, "ms")
	}
	return r
}
