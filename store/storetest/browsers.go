package storetest

import (
	"time"

	"github.com/handclasp/handclasp/store"
)

func (r *rig) cookie(sid string) store.Browser {
	now := r.now()
	return store.Browser{
		SID: sid, Secret: "cookie-secret", UserID: person, AMR: []string{"mail"}, AuthTime: now, CreatedAt: now, SeenAt: now,
		ExpiresAt: now.Add(8 * time.Hour), Idle: 30 * time.Minute, Address: "192.0.2.7",
	}
}

func (r *rig) signedIn() store.Browser {
	r.t.Helper()
	b := r.cookie(store.NewID(store.SessionPrefix))
	r.ok(r.PutBrowser(r.ctx, b))
	return b
}

var browserStories = []story[*rig]{
	{"a browser session is kept whole", func(r *rig) {
		b := r.signedIn()
		got, err := r.Second.Browser(r.ctx, b.SID, b.Secret)
		r.ok(err)
		r.same(got, b)
	}},
	{"a browser session opens to its secret alone", func(r *rig) {
		b := r.signedIn()
		for _, secret := range []string{"guess", "", "cookie-secre", "cookie-secret "} {
			_, err := r.Browser(r.ctx, b.SID, secret)
			r.fails(err, store.ErrNotFound)
		}
		_, err := r.Browser(r.ctx, store.NewID(store.SessionPrefix), b.Secret)
		r.fails(err, store.ErrNotFound)
	}},
	{"use slides the idle end on every replica", func(r *rig) {
		b := r.signedIn()
		for i := range 5 {
			r.pass(20 * time.Minute)
			got, err := r.either(i).Browser(r.ctx, b.SID, b.Secret)
			r.ok(err)
			r.about("the last use", got.SeenAt, r.now())
			r.same(got.ExpiresAt, b.ExpiresAt)
		}
		r.pass(30*time.Minute + time.Second)
		_, err := r.Browser(r.ctx, b.SID, b.Secret)
		r.fails(err, store.ErrNotFound)
	}},
	{"a wrong secret does not keep a browser session alive", func(r *rig) {
		b := r.signedIn()
		r.pass(20 * time.Minute)
		_, err := r.Browser(r.ctx, b.SID, "guess")
		r.fails(err, store.ErrNotFound)
		r.pass(11 * time.Minute)
		_, err = r.Browser(r.ctx, b.SID, b.Secret)
		r.fails(err, store.ErrNotFound)
	}},
	{"no use carries a browser session past its absolute end", func(r *rig) {
		b := r.signedIn()
		for range 23 {
			r.pass(20 * time.Minute)
			_, err := r.Browser(r.ctx, b.SID, b.Secret)
			r.ok(err)
		}
		r.pass(20*time.Minute + time.Second)
		_, err := r.Browser(r.ctx, b.SID, b.Secret)
		r.fails(err, store.ErrNotFound)
		r.stands(b.SID, store.StateGone)
	}},
}
