package storetest

import (
	"time"

	"github.com/handclasp/handclasp/store"
)

var redeemStories = []story[*rig]{
	{"an approval becomes a grant whose times run from the redemption", func(r *rig) {
		q := r.approved()
		signedIn := r.now()
		r.pass(2 * time.Minute)
		got := r.poll(asks(q), store.AnswerGranted).Grant
		now := r.now()
		r.about("the sign-in", got.AuthTime, signedIn)
		r.about("the beginning", got.CreatedAt, now)
		r.about("the last use", got.RotatedAt, now)
		r.about("the end", got.ExpiresAt, now.Add(2*time.Hour))
		want := store.Grant{
			SID: q.SID, UserID: person, DeviceID: device, ClientID: q.ClientID, Scope: q.Scope, Audience: q.Audience,
			AMR: []string{"mail"}, Fingerprint: q.Fingerprint, Idle: 30 * time.Minute, JTI: "jti-1", Next: "jti-2", StatusIndex: 70000,
			AuthTime: got.AuthTime, CreatedAt: got.CreatedAt, RotatedAt: got.RotatedAt, ExpiresAt: got.ExpiresAt,
		}
		r.same(got, want)
		kept, err := r.Second.Grant(r.ctx, q.SID, "")
		r.ok(err)
		r.same(kept, want)
	}},
	{"of 50 polls for one approval one gets the grant", func(r *rig) {
		q := r.approved()
		answers := race(50, func(i int) store.Answer {
			got, err := r.either(i).Poll(r.ctx, asks(q))
			if err != nil {
				return store.Answer(err.Error())
			}
			return got.Answer
		})
		r.same(count(answers, func(a store.Answer) bool { return a == store.AnswerGranted }), 1)
		r.same(count(answers, func(a store.Answer) bool { return a == store.AnswerUnknown }), 49)
		r.stands(q.SID, store.StateLive)
	}},
	{"a redeemed code is unknown, also to a stranger's fingerprint", func(r *rig) {
		g := r.granted()
		p := store.Poll{SID: g.SID, Secret: "secret", ClientID: tool, Fingerprint: "fingerprint"}
		r.pollAt(r.Second, p, store.AnswerUnknown)
		p.Fingerprint = "stranger"
		for range store.WrongFingerprints {
			r.poll(p, store.AnswerUnknown)
		}
		r.stands(g.SID, store.StateLive)
	}},
	{"the second look of a held poll redeems too", func(r *rig) {
		q := r.approved()
		p := asks(q)
		p.Recheck = true
		r.poll(p, store.AnswerGranted)
		r.poll(p, store.AnswerUnknown)
	}},
	{"a denial that races with polls is never overtaken by a grant", func(r *rig) {
		q := r.bound()
		answers := race(16, func(i int) store.Answer {
			if i == 0 {
				if err := r.Deny(r.ctx, q.SID, browser, store.ReasonUser); err != nil {
					r.t.Errorf("deny: %v", err)
				}
			}
			got, err := r.either(i).Poll(r.ctx, asks(q))
			if err != nil {
				r.t.Errorf("poll: %v", err)
			}
			return got.Answer
		})
		r.same(count(answers, func(a store.Answer) bool { return a == store.AnswerGranted }), 0)
		r.poll(asks(q), store.AnswerDenied)
	}},
}
