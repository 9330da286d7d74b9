package oauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ory/fosite"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// deviceGrant is the token side of RFC 8628 §3.4. One ticket step decides each poll.
type deviceGrant struct{ grant }

// HandleTokenEndpointRequest decides a poll, holds it if the client prefers that, and redeems an approval.
func (d deviceGrant) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	c, form, x := clientOf(r), r.GetRequestForm(), exchangeOf(r)
	if !c.may(GrantDevice) {
		return refuse(CodeUnauthorizedClient, "the client is not registered for the device grant")
	}
	if form.Get("device_code") == "" {
		return refuse(CodeInvalidRequest, "device_code is missing")
	}
	sid, secret, ok := parseDeviceCode(form.Get("device_code"))
	if !ok {
		return errGrant
	}
	fingerprint, err := sentFingerprint(r)
	if err != nil {
		return err
	}
	if err := d.ready(ctx, c, x, form.Get("resource")); err != nil {
		return err
	}
	polled, err := d.poll(ctx, x, store.Poll{
		SID: sid, Secret: secret, ClientID: c.ID, Fingerprint: fingerprint, Key: x.key(), Bind: x.binds(c), Again: true,
	})
	if err != nil {
		return err
	}
	if polled.Answer == store.AnswerWrongKey {
		d.p.reportKey(ctx, sid, c.ID)
	}
	if err := d.decide(ctx, polled); err != nil {
		return err
	}
	return d.redeem(ctx, c, x, form.Get("resource"), polled.Grant)
}

// ready refuses what can be refused before anything is spent. The proof is used up last.
func (d deviceGrant) ready(ctx context.Context, c *client, x *exchange, resource string) error {
	if _, err := audiences(c, resource); err != nil {
		return err
	}
	if err := c.checkBound(resource, x.proof != nil); err != nil {
		return err
	}
	return d.p.useProof(ctx, x.proof)
}

// poll asks once, and if the answer is "pending" and the client has patience, once more when something was decided.
func (d deviceGrant) poll(ctx context.Context, x *exchange, poll store.Poll) (store.Polled, error) {
	hold, release := d.p.slot(x.wait)
	defer release()
	var decided <-chan struct{}
	if hold {
		// The watch begins before the first look, so that no decision can fall between the two.
		var stop func()
		decided, stop = d.p.Tickets.Watch(poll.SID)
		defer stop()
	}
	polled, err := d.look(ctx, poll)
	if err != nil || !hold || polled.Answer != store.AnswerPending {
		if hold && polled.Answer != store.AnswerSlowDown {
			x.waited = Waited(x.wait) // decided already: a wait is the most that the client would bear (RFC 7240 §4.3)
		}
		return polled, err
	}
	return d.holdUntil(ctx, x, poll, decided)
}

// holdUntil waits for the decision. A wake that turns out to be for nothing goes on waiting.
func (d deviceGrant) holdUntil(ctx context.Context, x *exchange, poll store.Poll, decided <-chan struct{}) (store.Polled, error) {
	pending := store.Polled{Answer: store.AnswerPending}
	patience := time.NewTimer(x.wait)
	defer patience.Stop()
	poll.Recheck = true
	for {
		select {
		case <-ctx.Done():
			return pending, refuse(CodeAuthorizationPending, "") // nobody is there to hear it
		case <-d.p.closing:
			return pending, nil
		case <-patience.C:
			x.waited = Waited(x.wait)
			return d.look(ctx, poll)
		case <-decided:
			polled, err := d.look(ctx, poll)
			if err != nil || polled.Answer != store.AnswerPending {
				x.waited = Waited(x.wait)
				return polled, err
			}
		}
	}
}

// look is one step, in the time of one step, however long the wait around it is.
func (d deviceGrant) look(ctx context.Context, poll store.Poll) (store.Polled, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.p.stepTime())
		defer cancel()
	}
	polled, err := d.p.Tickets.Poll(ctx, poll)
	if err != nil {
		return polled, unavailable(err)
	}
	return polled, nil
}

// slot takes a place among the held polls, if the client wants one and one is free.
func (p *Provider) slot(wait time.Duration) (bool, func()) {
	if wait <= 0 {
		return false, func() {}
	}
	select {
	case p.held <- struct{}{}:
		return true, func() { <-p.held }
	default:
		return false, func() {}
	}
}

// decide turns every answer but "granted" into its error.
func (d deviceGrant) decide(ctx context.Context, polled store.Polled) error {
	switch polled.Answer {
	case store.AnswerGranted:
		return nil
	case store.AnswerPending:
		return errPending
	case store.AnswerSlowDown:
		return errSlowDown
	case store.AnswerExpired:
		return errExpired
	case store.AnswerDenied:
		return &Error{Code: CodeAccessDenied, Reason: polled.Reason}
	case store.AnswerWrongFingerprint:
		d.reportFingerprint(ctx, polled)
		return errGrant
	case store.AnswerWrongKey:
		return errKey
	case store.AnswerUnknown:
		return errGrant
	default:
		return &Error{Code: CodeServerError, Cause: fmt.Errorf("the ticket store answered %q to a poll", polled.Answer)}
	}
}

func (d deviceGrant) reportFingerprint(ctx context.Context, polled store.Polled) {
	event := store.Event{
		Type: "device.fingerprint_mismatch", SessionID: polled.Request.SID,
		ClientID: polled.Request.ClientID, Result: sessions.Refused,
	}
	if polled.Killed {
		event.Detail = "the code was killed"
	}
	d.p.Journal.Record(ctx, event)
}

// redeem confirms the session and says what the access token will hold. From here on the client's going away changes
// nothing: the approval is spent, and half a redemption would leave a session without an owner.
func (d deviceGrant) redeem(ctx context.Context, c *client, x *exchange, resource string, g store.Grant) error {
	ctx, cancel := d.p.finish(ctx)
	defer cancel()
	err := d.p.Sessions.Redeem(ctx, g)
	if errors.Is(err, store.ErrRefused) {
		return errDenied
	}
	if err != nil {
		return unavailable(err)
	}
	x.grant, x.scope = g, g.Scope
	if err := d.address(ctx, c, x, resource); err != nil {
		return err
	}
	if c.may(GrantRefresh) {
		x.refresh = d.p.Chain.first(g.SID, g.JTI)
	}
	return nil
}

// stepTime is how long a store may take to answer one question; finishTime how long a change in several steps may take
// that must not be broken off because its client has gone.
const (
	stepTime   = 2 * time.Second
	finishTime = 5 * time.Second
)

func (p *Provider) stepTime() time.Duration { return stepTime + p.Slack }

func (p *Provider) finish(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), finishTime+p.Slack)
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
