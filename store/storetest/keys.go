package storetest

import (
	"strings"
	"time"

	"github.com/handclasp/handclasp/store"
)

// Thumbprints of two keys.
var (
	ownKey   = strings.Repeat("own-", 10) + "key"
	otherKey = strings.Repeat("oth-", 10) + "key"
)

func boundTo(key string) func(*store.Request) {
	return func(q *store.Request) { q.Key = key }
}

// approvedFor is an approved request of a flow that is bound to this key.
func (r *rig) approvedFor(key string) store.Request {
	r.t.Helper()
	q := r.opened(boundTo(key))
	_, err := r.Bind(r.ctx, q.UserCode, browser, person)
	r.ok(err)
	r.ok(r.Approve(r.ctx, approval(q, r.now())))
	return q
}

func asksWith(q store.Request, key string) store.Poll {
	p := asks(q)
	p.Key, p.Bind = key, true
	return p
}

// grantedTo is a live grant that is bound to this key.
func (r *rig) grantedTo(key string) store.Grant {
	r.t.Helper()
	g := r.poll(asksWith(r.approvedFor(key), key), store.AnswerGranted).Grant
	r.same(g.Key, key)
	return g
}

var keyStories = []story[*rig]{
	{"a request remembers its key, and keeps it through everything", func(r *rig) {
		q := r.approvedFor(ownKey)
		got, err := r.Second.Request(r.ctx, q.SID, browser)
		r.ok(err)
		r.same([]string{got.Key, got.Secret}, []string{q.Key, q.Secret})
	}},
	{"a flow that is bound to a key is good for nobody else and waits for its owner", func(r *rig) {
		q := r.approvedFor(ownKey)
		for i, key := range []string{"", otherKey, ownKey + "x", store.AnyKey} {
			r.pollAt(r.either(i), asksWith(q, key), store.AnswerWrongKey)
		}
		r.stands(q.SID, store.StateApproved)
		r.same(r.poll(asksWith(q, ownKey), store.AnswerGranted).Grant.Key, ownKey)
		r.poll(asksWith(q, ownKey), store.AnswerUnknown)
	}},
	{"whoever lacks the key moves neither the interval nor the count of fingerprints", func(r *rig) {
		q := r.opened(boundTo(ownKey))
		r.poll(asksWith(q, ownKey), store.AnswerPending)
		for range store.WrongFingerprints + 1 {
			foreign := asksWith(q, otherKey)
			foreign.Fingerprint = "another"
			r.poll(foreign, store.AnswerWrongKey)
		}
		r.pass(q.Interval)
		r.same(r.poll(asksWith(q, ownKey), store.AnswerPending).Interval, q.Interval)
	}},
	{"the secret goes before the key", func(r *rig) {
		p := asksWith(r.approvedFor(ownKey), ownKey)
		for _, secret := range []string{"", "another", "secret " + ownKey, "secret "} {
			p.Secret = secret
			r.poll(p, store.AnswerUnknown)
		}
	}},
	{"a flow that wants some key is redeemed with any, and with none not", func(r *rig) {
		q := r.approvedFor(store.AnyKey)
		r.poll(asksWith(q, ""), store.AnswerWrongKey)
		r.same(r.poll(asksWith(q, otherKey), store.AnswerGranted).Grant.Key, otherKey)
	}},
	{"a flow without a key is redeemed with any and with none", func(r *rig) {
		r.same(r.poll(asks(r.approved()), store.AnswerGranted).Grant.Key, "")
		r.same(r.poll(asksWith(r.approved(), ownKey), store.AnswerGranted).Grant.Key, ownKey)
	}},
	{"a grant whose answer was lost is handed out again, to its key and for a moment", func(r *rig) {
		for _, bound := range []string{ownKey, store.AnyKey} {
			q := r.approvedFor(bound)
			p := asksWith(q, ownKey)
			first := r.poll(p, store.AnswerGranted).Grant
			r.poll(p, store.AnswerUnknown) // not to whoever does not ask for it
			p.Again = true
			r.same(r.pollAt(r.Second, p, store.AnswerGranted).Grant, first)
			for _, change := range []func(*store.Poll){
				func(p *store.Poll) { p.Key = "" },
				func(p *store.Poll) { p.Key = otherKey },
				func(p *store.Poll) { p.Secret = "another" },
				func(p *store.Poll) { p.ClientID = "another" },
				func(p *store.Poll) { p.Fingerprint = "another" },
			} {
				other := p
				change(&other)
				r.poll(other, store.AnswerUnknown)
			}
			r.pass(store.RedeemAgain - 5*time.Second)
			r.same(r.poll(p, store.AnswerGranted).Grant, first)
			r.pass(10 * time.Second)
			r.poll(p, store.AnswerUnknown)
			r.stands(q.SID, store.StateLive)
		}
	}},
	{"a grant that was used is not handed out again, nor one without a key", func(r *rig) {
		q := r.approvedFor(ownKey)
		p := asksWith(q, ownKey)
		p.Again = true
		own := turn(r.poll(p, store.AnswerGranted).Grant, 1)
		own.Key = ownKey
		r.rotates(r.Tickets, own)
		r.poll(p, store.AnswerUnknown)
		free := asksWith(r.approved(), ownKey) // bound by its redemption, not from the first request on
		free.Again = true
		r.poll(free, store.AnswerGranted)
		r.poll(free, store.AnswerUnknown)
		dropped := r.approvedFor(ownKey)
		p = asksWith(dropped, ownKey)
		p.Again = true
		r.poll(p, store.AnswerGranted)
		r.ok(r.Drop(r.ctx, dropped.SID))
		r.poll(p, store.AnswerUnknown)
	}},
	{"of 50 polls of one key for one approval all get the one grant", func(r *rig) {
		q := r.approvedFor(ownKey)
		p := asksWith(q, ownKey)
		p.Again = true
		answers := race(50, func(i int) store.Polled {
			got, err := r.either(i).Poll(r.ctx, p)
			r.ok(err)
			return got
		})
		for _, got := range answers {
			r.same(got, answers[0])
		}
		r.same(answers[0].Answer, store.AnswerGranted)
	}},
	{"a key is shown without binding the grant to it", func(r *rig) {
		p := asksWith(r.approvedFor(ownKey), ownKey)
		p.Bind = false
		r.same(r.poll(p, store.AnswerGranted).Grant.Key, "")
	}},
	{"a grant that is bound to a key rotates with it alone, for as long as it lives", func(r *rig) {
		g := r.grantedTo(ownKey)
		for n := 1; n <= 4; n++ {
			for _, key := range []string{"", otherKey} {
				foreign := turn(g, n)
				foreign.Key = key
				_, err := r.either(n).Rotate(r.ctx, foreign)
				r.fails(err, store.ErrKey)
			}
			own := turn(g, n)
			own.Key = ownKey
			r.same(r.rotates(r.either(n), own).Key, ownKey)
		}
		kept, err := r.Second.Grant(r.ctx, g.SID, "")
		r.ok(err)
		r.same([]any{kept.Key, kept.StatusIndex}, []any{ownKey, g.StatusIndex})
	}},
	{"a spent token of a bound grant ends nothing without the key, and all with it", func(r *rig) {
		g := r.grantedTo(ownKey)
		for n := 1; n <= 2; n++ {
			own := turn(g, n)
			own.Key = ownKey
			r.rotates(r.Tickets, own)
		}
		_, err := r.Rotate(r.ctx, turn(g, 1))
		r.fails(err, store.ErrKey)
		r.stands(g.SID, store.StateLive)
		spent := turn(g, 1)
		spent.Key = ownKey
		_, err = r.Rotate(r.ctx, spent)
		r.fails(err, store.ErrReused)
		_, err = r.Second.Grant(r.ctx, g.SID, "")
		r.fails(err, store.ErrNotFound)
	}},
	{"a grant without a key rotates whatever is shown", func(r *rig) {
		g := r.granted()
		own := turn(g, 1)
		own.Key = ownKey
		r.same(r.rotates(r.Tickets, own).Key, "")
		r.rotates(r.Tickets, turn(g, 2))
	}},
}
