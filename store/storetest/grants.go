package storetest

import (
	"time"

	"github.com/handclasp/handclasp/store"
)

var grantStories = []story[*rig]{
	{"there is no grant before the redemption and none after its idle end", func(r *rig) {
		q := r.approved()
		_, err := r.Grant(r.ctx, q.SID, "")
		r.fails(err, store.ErrNotFound)
		r.poll(asks(q), store.AnswerGranted)
		_, err = r.Grant(r.ctx, q.SID, "access-1")
		r.ok(err)
		r.pass(30*time.Minute + time.Second)
		_, err = r.Grant(r.ctx, q.SID, "")
		r.fails(err, store.ErrNotFound)
	}},
	{"a revoked access token ends alone, and only for its time", func(r *rig) {
		g := r.granted()
		r.ok(r.RevokeAccess(r.ctx, g.SID, "access-1", 15*time.Minute))
		r.ok(r.Second.RevokeAccess(r.ctx, g.SID, "access-1", 15*time.Minute))
		_, err := r.Second.Grant(r.ctx, g.SID, "access-1")
		r.fails(err, store.ErrNotFound)
		_, err = r.Grant(r.ctx, g.SID, "access-2")
		r.ok(err)
		_, err = r.Grant(r.ctx, g.SID, "")
		r.ok(err)
		r.pass(15*time.Minute + time.Second)
		_, err = r.Grant(r.ctx, g.SID, "access-1")
		r.ok(err)
	}},
	{"a revoked service's token ends alone, and only for its time", func(r *rig) {
		r.revoked("service-1", false)
		r.ok(r.RevokeService(r.ctx, "service-1", 15*time.Minute))
		r.ok(r.Second.RevokeService(r.ctx, "service-1", 15*time.Minute))
		r.revoked("service-1", true)
		r.revoked("service-2", false)
		g := r.granted()
		r.ok(r.RevokeAccess(r.ctx, g.SID, "access-1", 15*time.Minute))
		r.revoked("access-1", false)
		_, err := r.Grant(r.ctx, g.SID, "service-1")
		r.ok(err)
		r.ok(r.Drop(r.ctx, g.SID))
		r.revoked("service-1", true)
		r.pass(15*time.Minute + time.Second)
		r.revoked("service-1", false)
	}},
	{"dropping a session deletes all its tickets, and again is no error", func(r *rig) {
		g := r.granted()
		r.ok(r.PutBrowser(r.ctx, r.cookie(g.SID)))
		waiting := r.bound()
		other := r.bound()
		r.ok(r.Drop(r.ctx, g.SID))
		r.ok(r.Drop(r.ctx, waiting.SID))
		r.ok(r.Second.Drop(r.ctx, g.SID))
		_, err := r.Second.Grant(r.ctx, g.SID, "")
		r.fails(err, store.ErrNotFound)
		_, err = r.Browser(r.ctx, g.SID, "cookie-secret")
		r.fails(err, store.ErrNotFound)
		_, err = r.Rotate(r.ctx, turn(g, 1))
		r.fails(err, store.ErrNotFound)
		r.poll(asks(waiting), store.AnswerUnknown)
		r.stands(g.SID, store.StateGone)
		r.stands(waiting.SID, store.StateGone)
		r.stands(other.SID, store.StatePending)
		_, err = r.Bind(r.ctx, waiting.UserCode, browser, person)
		r.fails(err, store.ErrNotFound)
	}},
	{"an approval that was dropped is redeemed by nobody", func(r *rig) {
		q := r.approved()
		answers := race(20, func(i int) store.Answer {
			if i == 0 {
				if err := r.Drop(r.ctx, q.SID); err != nil {
					r.t.Errorf("drop: %v", err)
				}
				return store.AnswerUnknown
			}
			got, err := r.either(i).Poll(r.ctx, asks(q))
			if err != nil {
				r.t.Errorf("poll: %v", err)
			}
			return got.Answer
		})
		if n := count(answers, func(a store.Answer) bool { return a == store.AnswerGranted }); n > 1 {
			r.t.Fatalf("%d polls were granted", n)
		}
		r.stands(q.SID, store.StateGone)
	}},
	{"pulses tell every state in the order that was asked", func(r *rig) {
		pending, approved, denied, killed := r.opened(), r.approved(), r.bound(), r.opened()
		r.ok(r.Deny(r.ctx, denied.SID, browser, store.ReasonUser))
		r.kill(killed)
		live := r.granted()
		cookie := r.cookie(store.NewID(store.SessionPrefix))
		r.ok(r.PutBrowser(r.ctx, cookie))
		gone := store.NewID(store.SessionPrefix)
		sids := []string{gone, pending.SID, approved.SID, denied.SID, killed.SID, live.SID, cookie.SID}
		want := []store.State{
			store.StateGone, store.StatePending, store.StateApproved, store.StateDenied,
			store.StateKilled, store.StateLive, store.StateLive,
		}
		got, err := r.Second.Pulses(r.ctx, sids...)
		r.ok(err)
		r.same(len(got), len(sids))
		for i, p := range got {
			r.same(p.SID, sids[i])
			r.same(p.State, want[i])
		}
		r.about("the end of a waiting request", got[1].ExpiresAt, pending.ExpiresAt)
		r.about("the last use of a grant", got[5].SeenAt, r.now())
		r.about("the idle end of a grant", got[5].ExpiresAt, r.now().Add(30*time.Minute))
		r.about("the last use of a browser", got[6].SeenAt, cookie.SeenAt)
		r.about("the idle end of a browser", got[6].ExpiresAt, r.now().Add(30*time.Minute))
		got, err = r.Pulses(r.ctx)
		r.ok(err)
		r.same(len(got), 0)
	}},
	{"a redeemed request whose grant is lost says so, not live", func(r *rig) {
		q := r.approved()
		a := r.request()
		a.ExpiresAt = a.CreatedAt.Add(2 * time.Hour)
		_, err := r.Open(r.ctx, a)
		r.ok(err)
		_, err = r.Bind(r.ctx, a.UserCode, browser, person)
		r.ok(err)
		r.ok(r.Approve(r.ctx, approval(a, r.now())))
		r.poll(asks(a), store.AnswerGranted)
		r.pass(31 * time.Minute) // past the grant's idle end, within the request's life
		r.stands(a.SID, store.StateRedeemed)
		r.stands(q.SID, store.StateGone)
	}},
}

// revoked looks at a service's token from both replicas.
func (r *rig) revoked(jti string, want bool) {
	r.t.Helper()
	for _, k := range []store.Tickets{r.Tickets, r.Second} {
		got, err := k.Revoked(r.ctx, jti)
		r.ok(err)
		r.same(got, want)
	}
}
