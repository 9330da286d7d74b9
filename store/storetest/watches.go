package storetest

import (
	"time"

	"github.com/handclasp/handclasp/store"
)

func (r *rig) wakes(decided <-chan struct{}) {
	r.t.Helper()
	select {
	case <-decided:
	case <-time.After(time.Minute):
		r.t.Fatal("the decision woke nobody")
	}
}

var watchStories = []story[*rig]{
	{"an approval wakes who waits on this and on the other replica", func(r *rig) {
		q := r.bound()
		here, stopHere := r.Watch(q.SID)
		defer stopHere()
		there, stopThere := r.Second.Watch(q.SID)
		defer stopThere()
		r.poll(asks(q), store.AnswerPending)
		r.ok(r.Approve(r.ctx, approval(q, r.now())))
		r.wakes(here)
		r.wakes(there)
		p := asks(q)
		p.Recheck = true
		r.pollAt(r.Second, p, store.AnswerGranted)
	}},
	{"a denial wakes who waits on the other replica", func(r *rig) {
		q := r.bound()
		there, stop := r.Second.Watch(q.SID)
		defer stop()
		r.ok(r.Deny(r.ctx, q.SID, browser, store.ReasonUser))
		r.wakes(there)
	}},
	{"a decision wakes nobody who waits for another", func(r *rig) {
		q, other := r.bound(), r.bound()
		decided, stop := r.Watch(q.SID)
		defer stop()
		undecided, stopOther := r.Second.Watch(other.SID)
		defer stopOther()
		r.ok(r.Approve(r.ctx, approval(q, r.now())))
		r.wakes(decided)
		select {
		case <-undecided:
			r.t.Fatal("somebody else's decision woke this one")
		case <-time.After(100 * time.Millisecond):
		}
	}},
	{"no decision is missed by who watches first and looks second", func(r *rig) {
		for range 20 {
			q := r.bound()
			errs := race(2, func(i int) error {
				if i == 0 {
					return r.Approve(r.ctx, approval(q, r.now()))
				}
				decided, stop := r.Second.Watch(q.SID)
				defer stop()
				got, err := r.Second.Request(r.ctx, q.SID, browser)
				if err == nil && got.State == store.StatePending {
					r.wakes(decided)
				}
				return err
			})
			r.ok(errs[0])
			r.ok(errs[1])
		}
	}},
	{"200 who wait are all woken, each by their own decision", func(r *rig) {
		var waiting []store.Request
		var woken []<-chan struct{}
		for range 200 {
			q := r.bound()
			decided, stop := r.Second.Watch(q.SID)
			defer stop()
			waiting, woken = append(waiting, q), append(woken, decided)
		}
		for _, q := range waiting {
			r.ok(r.Approve(r.ctx, approval(q, r.now())))
		}
		for _, decided := range woken {
			r.wakes(decided)
		}
	}},
	{"stopping twice and stopping late harms nobody", func(r *rig) {
		q := r.bound()
		decided, stop := r.Watch(q.SID)
		r.ok(r.Approve(r.ctx, approval(q, r.now())))
		r.wakes(decided)
		stop()
		stop()
		_, again := r.Watch(q.SID)
		again()
	}},
	{"sweeping deletes nothing that lives", func(r *rig) {
		q, g, b, l := r.opened(), r.granted(), r.signedIn(), r.mailed()
		limit := store.Limit{Key: "a", Burst: 1, Every: time.Hour}
		r.allowed(true, limit)
		_, err := r.Mark(r.ctx, "mark", time.Hour)
		r.ok(err)
		r.pass(time.Minute)
		r.ok(r.Sweep(r.ctx))
		r.ok(r.Second.Sweep(r.ctx))
		r.poll(asks(q), store.AnswerPending)
		r.rotates(r.Tickets, turn(g, 1))
		_, err = r.Browser(r.ctx, b.SID, b.Secret)
		r.ok(err)
		_, err = r.TakeLink(r.ctx, byMail(l))
		r.ok(err)
		r.allowed(false, limit)
		first, err := r.Mark(r.ctx, "mark", time.Hour)
		r.ok(err)
		r.same(first, false)
		r.ok(r.Ping(r.ctx))
	}},
}
