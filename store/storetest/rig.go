package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/handclasp/handclasp/store"
)

// rig is the stage of the ticket stories: one keeper, its second replica, and steps that fail the story on any surprise.
type rig struct {
	Keeper
	t   *testing.T
	ctx context.Context
}

func newRig(t *testing.T, k Keeper) *rig { return &rig{Keeper: k, t: t, ctx: within(t)} }

func (r *rig) now() time.Time { return r.Now() }

func (r *rig) pass(d time.Duration) { r.Advance(d) }

// either alternates between the two replicas.
func (r *rig) either(i int) store.Tickets {
	if i%2 == 0 {
		return r.Tickets
	}
	return r.Second
}

func (r *rig) ok(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("unexpected error: %v", err)
	}
}

func (r *rig) fails(err, want error) {
	r.t.Helper()
	if !errors.Is(err, want) {
		r.t.Fatalf("got error %v, want %v", err, want)
	}
}

func (r *rig) same(got, want any) {
	r.t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		r.t.Fatalf("difference (-want +got):\n%s", diff)
	}
}

// about checks a time that the keeper chose itself.
func (r *rig) about(what string, got, want time.Time) {
	r.t.Helper()
	if d := got.Sub(want).Abs(); d > 5*time.Second {
		r.t.Fatalf("%s is %v, want about %v", what, got, want)
	}
}

// The parties of the stories. Hashes are plain words here: no keeper looks inside them.
const (
	tool    = "tool"
	browser = "ses_browser"
	person  = "usr_person"
	device  = "dev_terminal"
)

// request is what an honest client asks for.
func (r *rig) request() store.Request {
	now := r.now()
	return store.Request{
		SID: store.NewID(store.SessionPrefix), Secret: "secret", UserCode: store.NewID("code-"), ClientID: tool,
		Scope: []string{"account:read", "deploy:write"}, Audience: []string{"https://api.example.test", "https://id.example.test"},
		Fingerprint: "fingerprint", Name: "Ana's laptop", Platform: "linux/amd64", Address: "192.0.2.7",
		CreatedAt: now, ExpiresAt: now.Add(10 * time.Minute), Interval: 5 * time.Second,
	}
}

// opened keeps a request, changed by each of change first.
func (r *rig) opened(change ...func(*store.Request)) store.Request {
	r.t.Helper()
	q := r.request()
	for _, c := range change {
		c(&q)
	}
	v, err := r.Open(r.ctx, q)
	r.ok(err)
	if !v.Allowed {
		r.t.Fatalf("a request without limits was refused: %+v", v)
	}
	return q
}

// bound is a request that the person's browser has opened.
func (r *rig) bound() store.Request {
	r.t.Helper()
	q := r.opened()
	_, err := r.Bind(r.ctx, q.UserCode, browser, person)
	r.ok(err)
	return q
}

func approval(q store.Request, now time.Time) store.Approval {
	return store.Approval{
		SID: q.SID, Browser: browser, UserID: person, DeviceID: device, AuthTime: now, AMR: []string{"mail"},
		JTI: "jti-1", Next: "jti-2", Idle: 30 * time.Minute, Absolute: 2 * time.Hour, StatusIndex: 70000,
	}
}

// approved is a request that waits to be redeemed.
func (r *rig) approved() store.Request {
	r.t.Helper()
	q := r.bound()
	r.ok(r.Approve(r.ctx, approval(q, r.now())))
	return q
}

// asks is the poll of the honest client.
func asks(q store.Request) store.Poll {
	return store.Poll{SID: q.SID, Secret: q.Secret, ClientID: q.ClientID, Fingerprint: q.Fingerprint}
}

func (r *rig) poll(p store.Poll, want store.Answer) store.Polled {
	r.t.Helper()
	return r.pollAt(r.Tickets, p, want)
}

func (r *rig) pollAt(k store.Tickets, p store.Poll, want store.Answer) store.Polled {
	r.t.Helper()
	got, err := k.Poll(r.ctx, p)
	r.ok(err)
	if got.Answer != want {
		r.t.Fatalf("the poll was answered %q, want %q (%+v)", got.Answer, want, got)
	}
	return got
}

// granted is a live grant, just redeemed: its refresh token is jti-1 and jti-2 follows.
func (r *rig) granted() store.Grant {
	r.t.Helper()
	return r.poll(asks(r.approved()), store.AnswerGranted).Grant
}

func (r *rig) state(sid string) store.State {
	r.t.Helper()
	p, err := r.Pulses(r.ctx, sid)
	r.ok(err)
	if len(p) != 1 || p[0].SID != sid {
		r.t.Fatalf("the pulse of %s came back as %+v", sid, p)
	}
	return p[0].State
}

func (r *rig) stands(sid string, want store.State) {
	r.t.Helper()
	if got := r.state(sid); got != want {
		r.t.Fatalf("the session's tickets are %q, want %q", got, want)
	}
}
