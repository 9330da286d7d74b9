package storetest

import (
	"errors"
	"time"

	"github.com/handclasp/handclasp/store"
)

var decisionStories = []story[*rig]{
	{"only the browser that owns a request decides it", func(r *rig) {
		q := r.bound()
		a := approval(q, r.now())
		a.Browser = "ses_other"
		r.fails(r.Approve(r.ctx, a), store.ErrTaken)
		r.fails(r.Second.Deny(r.ctx, q.SID, "ses_other", store.ReasonUser), store.ErrTaken)
		r.stands(q.SID, store.StatePending)
	}},
	{"a request that nobody opened cannot be decided", func(r *rig) {
		q := r.opened()
		if err := r.Approve(r.ctx, approval(q, r.now())); err == nil {
			r.t.Fatal("an unopened request was approved")
		}
		if err := r.Deny(r.ctx, q.SID, "", store.ReasonUser); err == nil {
			r.t.Fatal("an unopened request was denied by no browser at all")
		}
		a := approval(q, r.now())
		a.Browser = ""
		if err := r.Approve(r.ctx, a); err == nil {
			r.t.Fatal("an unopened request was approved by no browser at all")
		}
		r.stands(q.SID, store.StatePending)
	}},
	{"deciding a request that is not there finds nothing", func(r *rig) {
		q := r.request()
		r.fails(r.Approve(r.ctx, approval(q, r.now())), store.ErrNotFound)
		r.fails(r.Deny(r.ctx, q.SID, browser, store.ReasonUser), store.ErrNotFound)
	}},
	{"approving twice is no error and changes nothing", func(r *rig) {
		q := r.approved()
		again := approval(q, r.now())
		again.JTI, again.Next = "jti-other", "jti-another"
		r.ok(r.Second.Approve(r.ctx, again))
		got := r.poll(asks(q), store.AnswerGranted)
		r.same(got.Grant.JTI, "jti-1")
		r.ok(r.Approve(r.ctx, again))
		r.poll(asks(q), store.AnswerUnknown)
	}},
	{"an approval for another person or device comes too late", func(r *rig) {
		q := r.approved()
		a := approval(q, r.now())
		a.UserID = "usr_other"
		r.fails(r.Approve(r.ctx, a), store.ErrDecided)
		a = approval(q, r.now())
		a.DeviceID = "dev_other"
		r.fails(r.Approve(r.ctx, a), store.ErrDecided)
	}},
	{"denied stays denied", func(r *rig) {
		q := r.bound()
		r.ok(r.Deny(r.ctx, q.SID, browser, store.ReasonConflict))
		r.ok(r.Second.Deny(r.ctx, q.SID, browser, store.ReasonUser))
		r.fails(r.Approve(r.ctx, approval(q, r.now())), store.ErrDecided)
		r.stands(q.SID, store.StateDenied)
		r.same(r.poll(asks(q), store.AnswerDenied).Reason, store.ReasonConflict)
		r.same(r.poll(asks(q), store.AnswerDenied).Reason, store.ReasonConflict)
	}},
	{"what was approved or redeemed cannot be denied", func(r *rig) {
		q := r.approved()
		r.fails(r.Deny(r.ctx, q.SID, browser, store.ReasonUser), store.ErrDecided)
		r.poll(asks(q), store.AnswerGranted)
		r.fails(r.Deny(r.ctx, q.SID, browser, store.ReasonUser), store.ErrDecided)
		r.stands(q.SID, store.StateLive)
	}},
	{"what was killed can be neither approved nor denied", func(r *rig) {
		q := r.bound()
		r.kill(q)
		r.fails(r.Approve(r.ctx, approval(q, r.now())), store.ErrDecided)
		r.fails(r.Deny(r.ctx, q.SID, browser, store.ReasonUser), store.ErrDecided)
		r.stands(q.SID, store.StateKilled)
	}},
	{"an expired request can be neither approved nor denied", func(r *rig) {
		q := r.bound()
		r.pass(10*time.Minute + time.Second)
		r.fails(r.Approve(r.ctx, approval(q, r.now())), store.ErrExpired)
		r.fails(r.Deny(r.ctx, q.SID, browser, store.ReasonUser), store.ErrExpired)
		r.poll(asks(q), store.AnswerExpired)
	}},
	{"approve and deny at once: one of them decides", func(r *rig) {
		for range 8 {
			q := r.bound()
			errs := race(16, func(i int) error {
				if i%4 < 2 {
					return r.either(i).Approve(r.ctx, approval(q, r.now()))
				}
				return r.either(i).Deny(r.ctx, q.SID, browser, store.ReasonUser)
			})
			state := r.state(q.SID)
			if state != store.StateApproved && state != store.StateDenied {
				r.t.Fatalf("after the race the request is %q", state)
			}
			for i, err := range errs {
				approves := i%4 < 2
				if approves == (state == store.StateApproved) {
					r.ok(err)
				} else if !errors.Is(err, store.ErrDecided) {
					r.t.Fatalf("the loser got %v, want %v", err, store.ErrDecided)
				}
			}
		}
	}},
}

// kill sends as many wrong fingerprints as it takes.
func (r *rig) kill(q store.Request) {
	r.t.Helper()
	p := asks(q)
	p.Fingerprint = "stranger"
	for i := 1; i <= store.WrongFingerprints; i++ {
		got := r.poll(p, store.AnswerWrongFingerprint)
		r.same(got.Killed, i == store.WrongFingerprints)
	}
}
