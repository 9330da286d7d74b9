package storetest

import (
	"fmt"
	"time"

	"github.com/handclasp/handclasp/store"
)

// turn presents the nth refresh token of a grant: jti-n, which jti-(n+1) and jti-(n+2) follow.
func turn(g store.Grant, n int) store.Rotation {
	jti := func(n int) string { return fmt.Sprintf("jti-%d", n) }
	return store.Rotation{SID: g.SID, JTI: jti(n), Next: jti(n + 1), AfterNext: jti(n + 2), ClientID: g.ClientID}
}

func (r *rig) rotates(k store.Tickets, t store.Rotation) store.Grant {
	r.t.Helper()
	got, err := k.Rotate(r.ctx, t)
	r.ok(err)
	r.same(got.JTI, t.Next)
	return got
}

var rotateStories = []story[*rig]{
	{"the current token rotates and everything moves on by one", func(r *rig) {
		g := r.granted()
		r.pass(10 * time.Minute)
		got := r.rotates(r.Tickets, turn(g, 1))
		r.about("the last use", got.RotatedAt, r.now())
		want := g
		want.Previous, want.JTI, want.Next, want.RotatedAt = "jti-1", "jti-2", "jti-3", got.RotatedAt
		r.same(got, want)
		kept, err := r.Second.Grant(r.ctx, g.SID, "")
		r.ok(err)
		r.same(kept, want)
	}},
	{"a long chain of rotations stays one chain on two replicas", func(r *rig) {
		g := r.granted()
		for n := 1; n <= 12; n++ {
			r.rotates(r.either(n), turn(g, n))
			r.pass(20 * time.Second)
		}
	}},
	{"of 20 refreshes with one token all get the same successor", func(r *rig) {
		g := r.granted()
		successors := race(20, func(i int) string {
			got, err := r.either(i).Rotate(r.ctx, turn(g, 1))
			if err != nil {
				return err.Error()
			}
			return got.JTI
		})
		for _, s := range successors {
			r.same(s, "jti-2")
		}
		r.rotates(r.Second, turn(g, 2))
	}},
	{"the token before gets the same successor again within its grace", func(r *rig) {
		g := r.granted()
		first := r.rotates(r.Tickets, turn(g, 1))
		r.pass(store.RefreshGrace - 10*time.Second)
		r.same(r.rotates(r.Second, turn(g, 1)), first)
		r.same(r.rotates(r.Tickets, turn(g, 1)), first)
		r.rotates(r.Tickets, turn(g, 2))
	}},
	{"a retry does not extend the grace", func(r *rig) {
		g := r.granted()
		r.rotates(r.Tickets, turn(g, 1))
		r.pass(store.RefreshGrace - 10*time.Second)
		r.rotates(r.Tickets, turn(g, 1))
		r.pass(20 * time.Second)
		_, err := r.Rotate(r.ctx, turn(g, 1))
		r.fails(err, store.ErrReused)
	}},
	{"the next token presented early moves the grant forward", func(r *rig) {
		g := r.granted()
		got := r.rotates(r.Tickets, turn(g, 2)) // the store lost the rotation of jti-1
		r.same([]string{got.Previous, got.JTI, got.Next}, []string{"jti-2", "jti-3", "jti-4"})
		r.rotates(r.Second, turn(g, 2))
		r.rotates(r.Second, turn(g, 3))
	}},
	{"a foreign client moves nothing", func(r *rig) {
		g := r.granted()
		for n := range 4 {
			foreign := turn(g, n)
			foreign.ClientID = "another"
			_, err := r.Rotate(r.ctx, foreign)
			r.fails(err, store.ErrForeign)
		}
		r.unmoved(g)
	}},
	{"a wrong fingerprint moves nothing, the right one and none pass", func(r *rig) {
		g := r.granted()
		wrong := turn(g, 1)
		wrong.Fingerprint = "stranger"
		_, err := r.Rotate(r.ctx, wrong)
		r.fails(err, store.ErrForeign)
		r.unmoved(g)
		right := turn(g, 1)
		right.Fingerprint = g.Fingerprint
		r.rotates(r.Tickets, right)
		r.rotates(r.Tickets, turn(g, 2))
	}},
	{"a grant without a fingerprint takes any", func(r *rig) {
		q := r.opened(func(q *store.Request) { q.Fingerprint = "" })
		_, err := r.Bind(r.ctx, q.UserCode, browser, person)
		r.ok(err)
		r.ok(r.Approve(r.ctx, approval(q, r.now())))
		asked := asks(q)
		asked.Fingerprint = "later"
		g := r.poll(asked, store.AnswerGranted).Grant
		later := turn(g, 1)
		later.Fingerprint = "later"
		r.rotates(r.Tickets, later)
		r.rotates(r.Second, turn(g, 2))
	}},
	{"scope may narrow and never widen", func(r *rig) {
		g := r.granted()
		wide := turn(g, 1)
		wide.Scope = []string{"account:read", "admin"}
		_, err := r.Rotate(r.ctx, wide)
		r.fails(err, store.ErrScope)
		r.unmoved(g)
		for n, scope := range [][]string{{"deploy:write"}, {"deploy:write", "account:read"}, nil} {
			narrow := turn(g, n+1)
			narrow.Scope = scope
			r.same(r.rotates(r.Tickets, narrow).Scope, g.Scope)
		}
	}},
	{"a part of a granted scope's name is not granted", func(r *rig) {
		g := r.granted()
		part := turn(g, 1)
		part.Scope = []string{"deploy"}
		_, err := r.Rotate(r.ctx, part)
		r.fails(err, store.ErrScope)
		part = turn(g, 1)
		part.Audience = "https://api.example"
		_, err = r.Rotate(r.ctx, part)
		r.fails(err, store.ErrTarget)
		r.unmoved(g)
	}},
	{"an audience must have been granted", func(r *rig) {
		g := r.granted()
		foreign := turn(g, 1)
		foreign.Audience = "https://bank.example.test"
		_, err := r.Rotate(r.ctx, foreign)
		r.fails(err, store.ErrTarget)
		r.unmoved(g)
		second := turn(g, 1)
		second.Audience = "https://id.example.test"
		r.same(r.rotates(r.Tickets, second).Audience, g.Audience)
	}},
	{"use extends the idle life, never past the absolute end", func(r *rig) {
		g := r.granted()
		for n := 1; n <= 5; n++ {
			r.pass(20 * time.Minute)
			r.same(r.rotates(r.either(n), turn(g, n)).ExpiresAt, g.ExpiresAt)
		}
		p, err := r.Pulses(r.ctx, g.SID)
		r.ok(err)
		r.about("the end", p[0].ExpiresAt, g.ExpiresAt)
		r.pass(20*time.Minute + time.Second)
		_, err = r.Rotate(r.ctx, turn(g, 6))
		r.fails(err, store.ErrNotFound)
		r.stands(g.SID, store.StateGone)
	}},
	{"a grant that is not used ends, and a retry did not keep it", func(r *rig) {
		g := r.granted()
		r.rotates(r.Tickets, turn(g, 1))
		r.pass(time.Minute)
		r.rotates(r.Tickets, turn(g, 1))
		r.pass(29*time.Minute + time.Second)
		_, err := r.Rotate(r.ctx, turn(g, 2))
		r.fails(err, store.ErrNotFound)
		_, err = r.Rotate(r.ctx, turn(g, 1)) // of what has ended, nothing is reuse
		r.fails(err, store.ErrNotFound)
	}},
}

// unmoved checks that a refusal changed nothing of the grant.
func (r *rig) unmoved(g store.Grant) {
	r.t.Helper()
	got, err := r.Second.Grant(r.ctx, g.SID, "")
	r.ok(err)
	r.same(got, g)
}

// reused checks that a spent token ended the grant in the same step.
func (r *rig) reused(g store.Grant, n int) {
	r.t.Helper()
	_, err := r.Rotate(r.ctx, turn(g, n))
	r.fails(err, store.ErrReused)
	_, err = r.Second.Grant(r.ctx, g.SID, "")
	r.fails(err, store.ErrNotFound)
	for k := range n + 4 {
		_, err = r.Rotate(r.ctx, turn(g, k))
		r.fails(err, store.ErrNotFound)
	}
}

var reuseStories = []story[*rig]{
	{"the token before is spent once its successor was used", func(r *rig) {
		g := r.granted()
		r.rotates(r.Tickets, turn(g, 1))
		r.rotates(r.Tickets, turn(g, 2))
		r.reused(g, 1)
	}},
	{"the token before is spent after its grace", func(r *rig) {
		g := r.granted()
		r.rotates(r.Tickets, turn(g, 1))
		r.pass(store.RefreshGrace + time.Second)
		r.reused(g, 1)
	}},
	{"a token that never was ends the grant", func(r *rig) { r.reused(r.granted(), 7) }},
	{"a grant without a token before is not refreshed by an empty one", func(r *rig) {
		g := r.granted()
		empty := turn(g, 1)
		empty.JTI = ""
		if _, err := r.Rotate(r.ctx, empty); err == nil {
			r.t.Fatal("an empty token was rotated")
		}
	}},
	{"reuse and rotation at once: whoever is last, no spent token lives", func(r *rig) {
		g := r.granted()
		r.rotates(r.Tickets, turn(g, 1))
		r.rotates(r.Tickets, turn(g, 2))
		race(20, func(i int) error {
			n := 3
			if i%2 == 1 {
				n = 1
			}
			_, err := r.either(i/2).Rotate(r.ctx, turn(g, n))
			return err
		})
		_, err := r.Grant(r.ctx, g.SID, "")
		r.fails(err, store.ErrNotFound)
	}},
}
