package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// PushedAnswer is the answer to a pushed authorization request (RFC 9126 §2.2).
type PushedAnswer struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int64  `json:"expires_in"` // seconds
}

// Push keeps an authorization request that the client itself has sent (RFC 9126), for ten minutes and one use. What is wrong
// with it is told to the client at once. The error is an *Error.
func (p *Provider) Push(ctx context.Context, r *http.Request) (PushedAnswer, error) {
	if err := checkForm(r); err != nil {
		return PushedAnswer{}, translate(r, err)
	}
	c, err := p.authenticate(ctx, r, r.PostForm)
	if err != nil {
		return PushedAnswer{}, translate(r, err)
	}
	if err := p.allowPush(ctx, c.(*client)); err != nil {
		return PushedAnswer{}, err
	}
	if r.PostForm.Has("request_uri") {
		return PushedAnswer{}, refuse(CodeInvalidRequest, "request_uri cannot be pushed")
	}
	form := url.Values{}
	for name, values := range r.PostForm {
		form[name] = values
	}
	form.Set("client_id", c.GetID())
	key, err := p.firstKey(ctx, r, form)
	if err != nil {
		return PushedAnswer{}, translate(r, err)
	}
	form.Set("dpop_jkt", key)
	a, err := p.readAuthorization(ctx, form)
	if err != nil {
		return PushedAnswer{}, translate(r, err)
	}
	id := store.NewID(authorizationPrefix)
	if err := p.keepAuthorization(ctx, id, a, pushedLife); err != nil {
		return PushedAnswer{}, err
	}
	return PushedAnswer{RequestURI: requestURIPrefix + id, ExpiresIn: int64(pushedLife / time.Second)}, nil
}

// allowPush bounds what lies here unopened. A public client cannot prove itself, so anybody could push in its name: it is
// counted by network too, where a web app pushes for all of its people from one address.
func (p *Provider) allowPush(ctx context.Context, c *client) error {
	limits := []store.Limit{
		store.Limit{Key: "push.client:" + store.Digest("limit", c.ID)[:22], Burst: 5000, Every: 120 * time.Millisecond}.Times(p.LimitScale),
	}
	if c.Public {
		network := "push.network:" + sessions.OriginOf(ctx).Network
		limits = append(limits, store.Limit{Key: network, Burst: 50, Every: 12 * time.Second}.Times(p.LimitScale))
	}
	verdict, err := p.Tickets.Allow(ctx, limits...)
	if err != nil {
		return unavailable(err)
	}
	if !verdict.Allowed {
		p.Journal.Record(ctx, store.Event{Type: "limit.push", ClientID: c.ID, Result: sessions.Refused, Detail: verdict.Limit})
		return &Error{Code: CodeTooManyRequests, RetryAfter: verdict.RetryAfter}
	}
	return nil
}

// takePushed uses up a pushed request, for the client that pushed it. No other request_uri is ever followed.
func (p *Provider) takePushed(ctx context.Context, form url.Values) (Authorization, error) {
	id, ok := strings.CutPrefix(form.Get("request_uri"), requestURIPrefix)
	if !ok || len(form["request_uri"]) != 1 {
		return Authorization{}, refuse(CodeInvalidRequestURI, "only requests that were pushed here can be named")
	}
	a, err := p.Waiting(ctx, id)
	if err == nil && a.ClientID == form.Get("client_id") {
		a, err = p.Decide(ctx, id)
	} else if err == nil {
		err = store.ErrNotFound
	}
	if errors.Is(err, store.ErrNotFound) {
		return Authorization{}, refuse(CodeInvalidRequestURI, "the pushed request is unknown, used, or too old")
	}
	return a, err
}
