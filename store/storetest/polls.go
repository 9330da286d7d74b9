package storetest

import (
	"time"

	"github.com/handclasp/handclasp/store"
)

var pollStories = []story[*rig]{
	{"the first poll is never slowed and hears the interval", func(r *rig) {
		q := r.opened()
		r.same(r.poll(asks(q), store.AnswerPending).Interval, 5*time.Second)
	}},
	{"a client that waits its interval is served on any replica", func(r *rig) {
		q := r.opened()
		for i := range 6 {
			r.same(r.pollAt(r.either(i), asks(q), store.AnswerPending).Interval, 5*time.Second)
			r.pass(5 * time.Second)
		}
	}},
	{"half a second too early is no offence, a second is", func(r *rig) {
		q := r.opened()
		r.poll(asks(q), store.AnswerPending)
		r.pass(4600 * time.Millisecond)
		r.poll(asks(q), store.AnswerPending)
		r.pass(4 * time.Second)
		r.same(r.poll(asks(q), store.AnswerSlowDown).Interval, 10*time.Second)
	}},
	{"one repeat of a poll gets the same answer and moves nothing", func(r *rig) {
		q := r.opened()
		r.poll(asks(q), store.AnswerPending)
		r.same(r.pollAt(r.Second, asks(q), store.AnswerPending).Interval, 5*time.Second)
		r.same(r.poll(asks(q), store.AnswerSlowDown).Interval, 10*time.Second)
		r.same(r.pollAt(r.Second, asks(q), store.AnswerSlowDown).Interval, 10*time.Second)
		r.same(r.poll(asks(q), store.AnswerSlowDown).Interval, 15*time.Second)
	}},
	{"a repeat does not count as a poll of its own", func(r *rig) {
		q := r.opened()
		r.poll(asks(q), store.AnswerPending)
		r.pass(800 * time.Millisecond)
		r.poll(asks(q), store.AnswerPending)
		r.pass(3800 * time.Millisecond) // 4.6 s after the poll, 3.8 s after its repeat
		r.poll(asks(q), store.AnswerPending)
	}},
	{"a repeat after more than a second is a poll before its time", func(r *rig) {
		q := r.opened()
		r.poll(asks(q), store.AnswerPending)
		r.pass(1200 * time.Millisecond)
		r.poll(asks(q), store.AnswerSlowDown)
	}},
	{"a slowed poll does not move the last accepted one", func(r *rig) {
		q := r.opened()
		r.poll(asks(q), store.AnswerPending)
		r.pass(3 * time.Second)
		r.poll(asks(q), store.AnswerSlowDown) // ten seconds from the first poll on, not from this one
		r.pass(6700 * time.Millisecond)
		r.same(r.poll(asks(q), store.AnswerPending).Interval, 10*time.Second)
		r.pass(8 * time.Second) // the raised interval stays raised
		r.same(r.poll(asks(q), store.AnswerSlowDown).Interval, 15*time.Second)
	}},
	{"the interval grows to a minute and no further", func(r *rig) {
		q := r.opened()
		r.poll(asks(q), store.AnswerPending)
		for want := 10 * time.Second; want <= store.SlowDownMost; want += store.SlowDownStep {
			r.pass(1100 * time.Millisecond)
			r.same(r.poll(asks(q), store.AnswerSlowDown).Interval, want)
		}
		r.pass(1100 * time.Millisecond)
		r.same(r.poll(asks(q), store.AnswerSlowDown).Interval, store.SlowDownMost)
		r.pass(time.Minute)
		r.same(r.poll(asks(q), store.AnswerPending).Interval, store.SlowDownMost)
	}},
	{"the second look of a held poll is never too early and counts for nothing", func(r *rig) {
		q := r.opened()
		r.poll(asks(q), store.AnswerPending)
		again := asks(q)
		again.Recheck = true
		for range 5 {
			r.same(r.poll(again, store.AnswerPending).Interval, 5*time.Second)
		}
		r.pass(4600 * time.Millisecond)
		r.poll(again, store.AnswerPending)
		r.poll(asks(q), store.AnswerPending)
	}},
	{"a poll in a hurry still gets what was approved", func(r *rig) {
		q := r.bound()
		for range 3 {
			_, err := r.Poll(r.ctx, asks(q))
			r.ok(err)
		}
		r.ok(r.Approve(r.ctx, approval(q, r.now())))
		r.poll(asks(q), store.AnswerGranted)
	}},
	{"an unknown code, a wrong secret and a foreign client hear the same", func(r *rig) {
		q := r.approved()
		for _, p := range []store.Poll{
			{SID: store.NewID(store.SessionPrefix), Secret: q.Secret, ClientID: q.ClientID, Fingerprint: q.Fingerprint},
			{SID: q.SID, Secret: "guess", ClientID: q.ClientID, Fingerprint: q.Fingerprint},
			{SID: q.SID, Secret: q.Secret, ClientID: "another", Fingerprint: q.Fingerprint},
			{SID: q.SID, Secret: "guess", ClientID: q.ClientID, Fingerprint: "stranger"},
		} {
			r.same(r.poll(p, store.AnswerUnknown), store.Polled{Answer: store.AnswerUnknown})
		}
		r.poll(asks(q), store.AnswerGranted)
	}},
	{"a wrong fingerprint does not spend the code, the third kills it", func(r *rig) {
		q := r.approved()
		p := asks(q)
		for _, wrong := range []string{"stranger", "", "another"} {
			p.Fingerprint = wrong
			got := r.poll(p, store.AnswerWrongFingerprint)
			r.same(got.Killed, wrong == "another")
			r.same(got.Request.SID, q.SID)
			r.same(got.Request.ClientID, q.ClientID)
			r.same(got.Request.Address, q.Address)
			r.same(got.Request.Name, q.Name)
		}
		r.stands(q.SID, store.StateKilled)
		r.same(r.pollAt(r.Second, asks(q), store.AnswerDenied).Reason, store.ReasonFingerprint)
	}},
	{"two wrong fingerprints leave the honest client its approval", func(r *rig) {
		q := r.approved()
		p := asks(q)
		p.Fingerprint = "stranger"
		r.poll(p, store.AnswerWrongFingerprint)
		r.pollAt(r.Second, p, store.AnswerWrongFingerprint)
		r.poll(asks(q), store.AnswerGranted)
	}},
	{"of ten wrong fingerprints at once exactly one kills", func(r *rig) {
		q := r.opened()
		p := asks(q)
		p.Fingerprint = "stranger"
		killed := race(10, func(i int) bool {
			got, err := r.either(i).Poll(r.ctx, p)
			return err == nil && got.Killed
		})
		r.same(count(killed, func(k bool) bool { return k }), 1)
		r.stands(q.SID, store.StateKilled)
	}},
	{"a wrong fingerprint does not turn denied into killed", func(r *rig) {
		q := r.bound()
		r.ok(r.Deny(r.ctx, q.SID, browser, store.ReasonUser))
		p := asks(q)
		p.Fingerprint = "stranger"
		for range store.WrongFingerprints + 1 {
			r.poll(p, store.AnswerWrongFingerprint)
		}
		r.same(r.poll(asks(q), store.AnswerDenied).Reason, store.ReasonUser)
	}},
	{"a request without a fingerprint accepts any", func(r *rig) {
		q := r.opened(func(q *store.Request) { q.Fingerprint = "" })
		p := asks(q)
		p.Fingerprint = "whatever"
		r.poll(p, store.AnswerPending)
		p.Fingerprint = ""
		r.poll(p, store.AnswerPending)
	}},
	{"an expired code says expired, whether approved or not", func(r *rig) {
		pending, approved := r.opened(), r.approved()
		r.pass(10*time.Minute + time.Second)
		r.poll(asks(pending), store.AnswerExpired)
		r.pollAt(r.Second, asks(approved), store.AnswerExpired)
		r.stands(approved.SID, store.StateGone)
	}},
}
