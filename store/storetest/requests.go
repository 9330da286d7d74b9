package storetest

import (
	"time"

	"github.com/handclasp/handclasp/store"
)

var requestStories = []story[*rig]{
	{"a new request is kept whole and is pending", func(r *rig) {
		q := r.opened()
		got, err := r.Bind(r.ctx, q.UserCode, browser, person)
		r.ok(err)
		q.State, q.Browser, q.UserID = store.StatePending, browser, person
		r.same(got, q)
		got, err = r.Second.Request(r.ctx, q.SID, browser)
		r.ok(err)
		r.same(got, q)
	}},
	{"a user code of a live request is not given out twice", func(r *rig) {
		q := r.opened()
		again := r.request()
		again.UserCode = q.UserCode
		_, err := r.Second.Open(r.ctx, again)
		r.fails(err, store.ErrExists)
		r.stands(again.SID, store.StateGone)
		r.stands(q.SID, store.StatePending)
	}},
	{"a user code of an expired request may be given out again", func(r *rig) {
		q := r.opened()
		r.pass(10*time.Minute + time.Second)
		again := r.opened(func(n *store.Request) { n.UserCode = q.UserCode })
		got, err := r.Bind(r.ctx, q.UserCode, browser, person)
		r.ok(err)
		r.same(got.SID, again.SID)
		r.poll(asks(q), store.AnswerExpired)
	}},
	{"of 32 requests for one user code one is kept", func(r *rig) {
		code := store.NewID("code-")
		errs := race(32, func(i int) error {
			q := r.request()
			q.UserCode = code
			_, err := r.either(i).Open(r.ctx, q)
			return err
		})
		r.same(count(errs, won), 1)
		for _, err := range errs {
			if err != nil {
				r.fails(err, store.ErrExists)
			}
		}
	}},
	{"a request that a limit refuses is not kept", func(r *rig) {
		limit := store.Limit{Key: "device.address:192.0.2.7", Burst: 1, Every: time.Minute}
		v, err := r.Open(r.ctx, r.request(), limit)
		r.ok(err)
		r.same(v, store.Verdict{Allowed: true})
		q := r.request()
		v, err = r.Second.Open(r.ctx, q, limit)
		r.ok(err)
		if v.Allowed || v.Limit != limit.Key || v.RetryAfter <= 0 || v.RetryAfter > time.Minute {
			r.t.Fatalf("the second request got %+v", v)
		}
		r.poll(asks(q), store.AnswerUnknown)
		_, err = r.Bind(r.ctx, q.UserCode, browser, person)
		r.fails(err, store.ErrNotFound)
	}},
	{"the first browser that opens a code owns it", func(r *rig) {
		q := r.bound()
		got, err := r.Second.Bind(r.ctx, q.UserCode, "ses_other", "usr_other")
		r.fails(err, store.ErrTaken)
		r.same(got.SID, q.SID)
		r.same(got.Browser, browser)
		_, err = r.Request(r.ctx, q.SID, "ses_other")
		r.fails(err, store.ErrNotFound)
		got, err = r.Bind(r.ctx, q.UserCode, browser, person)
		r.ok(err)
		r.same(got.UserID, person)
	}},
	{"of 32 browsers that open a code one owns it", func(r *rig) {
		q := r.opened()
		errs := race(32, func(i int) error {
			_, err := r.either(i).Bind(r.ctx, q.UserCode, store.NewID(store.SessionPrefix), store.NewID(store.UserPrefix))
			return err
		})
		r.same(count(errs, won), 1)
		for _, err := range errs {
			if err != nil {
				r.fails(err, store.ErrTaken)
			}
		}
	}},
	{"the owner gets the request again in any state", func(r *rig) {
		q := r.bound()
		r.ok(r.Deny(r.ctx, q.SID, browser, store.ReasonUser))
		got, err := r.Bind(r.ctx, q.UserCode, browser, person)
		r.ok(err)
		r.same(got.State, store.StateDenied)
		r.same(got.Reason, store.ReasonUser)
		q = r.approved()
		r.poll(asks(q), store.AnswerGranted)
		got, err = r.Request(r.ctx, q.SID, browser)
		r.ok(err)
		r.same(got.State, store.StateRedeemed)
		r.same(got.DeviceID, device)
	}},
	{"an unknown or expired code opens nothing", func(r *rig) {
		_, err := r.Bind(r.ctx, "code-nobody-has", browser, person)
		r.fails(err, store.ErrNotFound)
		q := r.opened()
		r.pass(10*time.Minute + time.Second)
		_, err = r.Bind(r.ctx, q.UserCode, browser, person)
		r.fails(err, store.ErrNotFound)
	}},
	{"an expired request says so to its owner and to its client, then is gone", func(r *rig) {
		q := r.bound()
		r.pass(10*time.Minute + time.Second)
		got, err := r.Request(r.ctx, q.SID, browser)
		r.ok(err)
		r.same(got.State, store.StateExpired)
		r.stands(q.SID, store.StateGone)
		r.ok(r.Sweep(r.ctx))
		r.poll(asks(q), store.AnswerExpired)
		r.pass(store.RequestAfterlife)
		r.poll(asks(q), store.AnswerUnknown)
		_, err = r.Request(r.ctx, q.SID, browser)
		r.fails(err, store.ErrNotFound)
	}},
}
