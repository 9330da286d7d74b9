package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/handclasp/handclasp/outside"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

const (
	documentLeast = 5 * time.Minute // that a document is kept, whatever it says
	documentUsual = time.Hour       // if it says nothing
	documentLong  = 24 * time.Hour  // the longest
	// documentStale is how much longer a client goes on whose document cannot be had: its site may be down.
	documentStale = 24 * time.Hour
	// documentAgain is how long a document is not asked for again that could not be had.
	documentAgain = time.Minute
	// documentWait is how long a request waits for a newer document of a client that we know. A site that takes longer is
	// read all the same, for the next one.
	documentWait  = 300 * time.Millisecond
	documentsMost = 1000 // failures remembered at once
)

// Documents fetches what clients say of themselves at the address that is their id (draft-ietf-oauth-client-id-metadata-document).
type Documents interface {
	Get(ctx context.Context, address string) (outside.Document, error)
}

// documents finds clients whose id is the address of a document. Each is kept as a record when it is first asked for, so that
// everything else finds it as it finds any client, also while the document's site is away.
type documents struct {
	p *Provider

	mu     sync.Mutex
	asking map[string]*asked  // what is being fetched, so that many requests make one
	failed map[string]failure // what is not asked for again
}

// asked is one fetch and those who wait for it.
type asked struct {
	done chan struct{}
	err  error
}

// failure is a fetch that was in vain, and until when that is the answer.
type failure struct {
	*asked
	until time.Time
}

func newDocuments(p *Provider) *documents {
	return &documents{p: p, asking: map[string]*asked{}, failed: map[string]failure{}}
}

var errDocument = &Error{Code: CodeInvalidClient, Hint: "what the client says of itself cannot be had, or is not what it has to be"}

// names reports whether an id is the address of a document, and documents are looked at here.
func (d *documents) names(id string) bool {
	return d.p.Documents != nil && strings.HasPrefix(id, "https://") && store.ValidClientID(id) && outside.Check(id) == nil
}

// refresh has the document fetched if there is no record of the client, or an old one. kept may be the zero registration. An
// error is an *Error; none is returned while an old record is good enough.
func (d *documents) refresh(ctx context.Context, id string, kept store.Registration) error {
	now := d.p.Now()
	if now.Before(kept.FreshUntil) {
		return nil
	}
	known := !kept.FreshUntil.IsZero() && now.Before(kept.FreshUntil.Add(documentStale))
	if known {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, documentWait)
		defer cancel()
	}
	err := d.fetchOnce(ctx, id)
	if known && !errors.Is(err, outside.ErrRefused) { // refused: its site is not down, it is off the list or leads inside
		return nil
	}
	return err
}

// fetchOnce fetches, or waits for who does already. The fetch is nobody's in particular: it goes on when its first asker leaves.
func (d *documents) fetchOnce(ctx context.Context, id string) error {
	d.mu.Lock()
	one := d.standing(id)
	d.mu.Unlock()
	if one == nil {
		if err := d.allowed(ctx, hostOf(id)); err != nil {
			return err
		}
		one = d.begin(ctx, id)
	}
	select {
	case <-one.done:
		return one.err
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

// standing is the fetch that answers for an id: the one that goes on, or was in vain a moment ago; nil if there is none. d.mu is
// held.
func (d *documents) standing(id string) *asked {
	if one, waits := d.asking[id]; waits {
		return one
	}
	if last := d.failed[id]; d.p.Now().Before(last.until) {
		return last.asked
	}
	return nil
}

// begin begins a fetch, unless somebody has meanwhile.
func (d *documents) begin(ctx context.Context, id string) *asked {
	d.mu.Lock()
	defer d.mu.Unlock()
	if one := d.standing(id); one != nil {
		return one
	}
	one := &asked{done: make(chan struct{})}
	d.asking[id] = one
	go d.fetch(context.WithoutCancel(ctx), id, one)
	return one
}

// allowed keeps us from being somebody's hammer.
func (d *documents) allowed(ctx context.Context, host string) error {
	scale := d.p.LimitScale
	verdict, err := d.p.Tickets.Allow(ctx,
		store.Limit{Key: "document.network:" + sessions.OriginOf(ctx).Network, Burst: 10, Every: time.Minute}.Times(scale),
		store.Limit{Key: "document.site:" + host, Burst: 20, Every: 10 * time.Second}.Times(scale),
		store.Limit{Key: "document.all", Burst: 100, Every: 10 * time.Second}.Times(scale))
	if err != nil {
		return unavailable(err)
	}
	if !verdict.Allowed {
		d.p.Journal.Record(ctx, store.Event{Type: "limit.document", Result: sessions.Refused, Detail: verdict.Limit})
		return &Error{Code: CodeTooManyRequests, RetryAfter: verdict.RetryAfter}
	}
	return nil
}

func (d *documents) fetch(ctx context.Context, id string, one *asked) {
	ctx, cancel := d.p.finish(ctx)
	defer cancel()
	one.err = d.guarded(ctx, id)
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.asking, id)
	delete(d.failed, id)
	var refusal *Error
	if errors.As(one.err, &refusal) && refusal.Code == CodeInvalidClient { // a store that was away says itself when to come again
		if len(d.failed) >= documentsMost {
			clear(d.failed)
		}
		d.failed[id] = failure{one, d.p.Now().Add(documentAgain)}
	}
	close(one.done)
}

// guarded is keep where nobody else would catch a panic, which would end the process.
func (d *documents) guarded(ctx context.Context, id string) (err error) {
	defer func() {
		if what := recover(); what != nil {
			err = &Error{Code: CodeServerError, Cause: fmt.Errorf("panic while reading a document: %v", what)}
		}
	}()
	return d.keep(ctx, id)
}

// keep fetches a document and keeps what it says. Whoever had it fetched may have looked at the record before another fetch was
// through, here or on another replica, so it is looked at once more.
func (d *documents) keep(ctx context.Context, id string) error {
	if kept, err := d.p.Clients.Registration(ctx, id); err == nil && d.p.Now().Before(kept.FreshUntil) {
		return nil
	}
	document, err := d.p.Documents.Get(ctx, id)
	if err != nil { // for the log alone: where an address leads is nobody's business
		d.p.Log.InfoContext(ctx, "a client's document cannot be had", "client", id, "error", err)
		return &Error{Code: errDocument.Code, Hint: errDocument.Hint, Cause: err}
	}
	c, refusal := d.read(ctx, id, document.Body)
	if refusal != nil {
		d.p.Log.InfoContext(ctx, "a client's document is not taken", "client", id, "error", refusal)
		return refusal
	}
	now := d.p.Now().Truncate(time.Millisecond)
	c.CreatedAt, c.UpdatedAt = now, now
	err = d.p.Registrations.PutDocument(ctx, c, now.Add(lifeOf(document.Age)), d.p.SelfMade.Most)
	switch {
	case errors.Is(err, store.ErrFull):
		return &Error{Code: CodeUnavailable, Hint: "as many clients have come by themselves as may", RetryAfter: time.Hour}
	case errors.Is(err, store.ErrExists):
		return errDocument
	case err != nil:
		return unavailable(err)
	}
	d.p.clients.forget(id)
	return nil
}

func lifeOf(age time.Duration) time.Duration {
	if age == 0 {
		return documentUsual
	}
	return min(max(age, documentLeast), documentLong)
}

// read checks a document. Whoever can write to that address speaks for the client, and for nobody else: it must name
// itself, it has no secret to share with us, and browsers go to its own host or to the person's machine.
func (d *documents) read(ctx context.Context, id string, body []byte) (store.Client, *Error) {
	var secrets map[string]json.RawMessage
	s, err := readSaid(body)
	if err != nil {
		return store.Client{}, err
	}
	if json.Unmarshal(body, &secrets) != nil || s.ClientID != id {
		return store.Client{}, refuse(CodeInvalidClient, "the client's document does not name its own address as client_id")
	}
	method := s.Method
	switch {
	case secrets["client_secret"] != nil, secrets["client_secret_expires_at"] != nil:
		return store.Client{}, refuse(CodeInvalidClient, "the client's document holds a secret, which everybody can read")
	case method == "":
		method = MethodNone
	case method != MethodNone && method != MethodPrivateKey:
		return store.Client{}, refuse(CodeInvalidClient, "the client's document may say none or private_key_jwt as token_endpoint_auth_method")
	}
	c, err := d.p.selfMade(ctx, s, method)
	if err != nil {
		return c, &Error{Code: CodeInvalidClient, Hint: "the client's document: " + err.Hint, Cause: err}
	}
	for _, address := range append(append([]string{}, c.RedirectURIs...), c.LogoutRedirectURIs...) {
		if u, err := url.Parse(address); err != nil || u.Scheme == "https" && u.Host != hostOf(id) {
			return c, refuse(CodeInvalidClient, "the client's document sends people to another host than its own")
		}
	}
	c.ID, c.Name = id, cmp.Or(c.Name, hostOf(id))
	return c, nil
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
