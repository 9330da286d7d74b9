package storetest

import (
	"time"

	"github.com/handclasp/handclasp/store"
)

func (r *rig) allowed(want bool, limits ...store.Limit) store.Verdict {
	r.t.Helper()
	v, err := r.Allow(r.ctx, limits...)
	r.ok(err)
	if v.Allowed != want {
		r.t.Fatalf("allowed is %v, want %v (%+v)", v.Allowed, want, v)
	}
	return v
}

var limitStories = []story[*rig]{
	{"a bucket holds its burst and refills one by one", func(r *rig) {
		l := store.Limit{Key: "signin:192.0.2.7", Burst: 3, Every: time.Minute}
		for range 3 {
			r.same(r.allowed(true, l), store.Verdict{Allowed: true})
		}
		v := r.allowed(false, l)
		r.same(v.Limit, l.Key)
		if v.RetryAfter <= 50*time.Second || v.RetryAfter > time.Minute {
			r.t.Fatalf("try again after %v, want about a minute", v.RetryAfter)
		}
		r.pass(v.RetryAfter)
		r.allowed(true, l)
		r.allowed(false, l)
		r.pass(time.Hour)
		for range 3 {
			r.allowed(true, l)
		}
		r.allowed(false, l)
	}},
	{"a refusal costs nothing", func(r *rig) {
		l := store.Limit{Key: "signin:192.0.2.7", Burst: 1, Every: time.Minute}
		r.allowed(true, l)
		for range 10 {
			r.allowed(false, l)
		}
		r.pass(time.Minute + time.Second)
		r.allowed(true, l)
	}},
	{"one empty bucket keeps the others full", func(r *rig) {
		narrow := store.Limit{Key: "mail:ana", Burst: 1, Every: time.Hour}
		wide := store.Limit{Key: "mail:all", Burst: 3, Every: time.Hour}
		r.allowed(true, wide, narrow)
		for range 5 {
			r.same(r.allowed(false, wide, narrow).Limit, narrow.Key)
		}
		r.allowed(true, wide)
		r.allowed(true, wide)
		r.same(r.allowed(false, wide, narrow).Limit, wide.Key)
	}},
	{"a bucket that is peeked at refuses when it is empty and loses nothing", func(r *rig) {
		l := store.Limit{Key: "code.wrong:new", Burst: 2, Every: time.Minute}
		peek := l
		peek.Peek = true
		for range 10 {
			r.allowed(true, peek)
		}
		r.allowed(true, l)
		r.allowed(true, l)
		v := r.allowed(false, peek)
		r.same(v.Limit, l.Key)
		if v.RetryAfter <= 50*time.Second || v.RetryAfter > time.Minute {
			r.t.Fatalf("try again after %v, want about a minute", v.RetryAfter)
		}
		other := store.Limit{Key: "code.network:192.0.2.7", Burst: 1, Every: time.Hour}
		r.allowed(false, other, peek)
		r.allowed(true, other)
	}},
	{"buckets with different keys do not touch each other", func(r *rig) {
		r.allowed(true, store.Limit{Key: "a", Burst: 1, Every: time.Hour})
		r.allowed(true, store.Limit{Key: "b", Burst: 1, Every: time.Hour})
		r.allowed(false, store.Limit{Key: "a", Burst: 1, Every: time.Hour})
	}},
	{"no limits allow everything", func(r *rig) { r.allowed(true) }},
	{"limits hold under parallel load on two replicas", func(r *rig) {
		a := store.Limit{Key: "a", Burst: 10, Every: time.Hour}
		b := store.Limit{Key: "b", Burst: 25, Every: time.Hour}
		passed := race(60, func(i int) bool {
			v, err := r.either(i).Allow(r.ctx, a, b)
			if err != nil {
				r.t.Errorf("allow: %v", err)
			}
			return v.Allowed
		})
		r.same(count(passed, func(p bool) bool { return p }), 10)
		passed = race(60, func(i int) bool {
			v, err := r.either(i).Allow(r.ctx, b)
			return err == nil && v.Allowed
		})
		r.same(count(passed, func(p bool) bool { return p }), 15)
	}},
	{"live requests are capped under parallel load", func(r *rig) {
		l := store.Limit{Key: "device.address:192.0.2.7", Burst: 5, Every: time.Hour}
		passed := race(30, func(i int) bool {
			v, err := r.either(i).Open(r.ctx, r.request(), l)
			if err != nil {
				r.t.Errorf("open: %v", err)
			}
			return v.Allowed
		})
		r.same(count(passed, func(p bool) bool { return p }), 5)
	}},
	{"a mark is given to the first of 32 and again after its time", func(r *rig) {
		marked := func() int {
			firsts := race(32, func(i int) bool {
				first, err := r.either(i).Mark(r.ctx, "mailed:dev_1", time.Minute)
				if err != nil {
					r.t.Errorf("mark: %v", err)
				}
				return first
			})
			return count(firsts, func(f bool) bool { return f })
		}
		r.same(marked(), 1)
		r.same(marked(), 0)
		r.pass(time.Minute + time.Second)
		r.same(marked(), 1)
		first, err := r.Mark(r.ctx, "mailed:dev_2", time.Minute)
		r.ok(err)
		r.same(first, true)
	}},
}
