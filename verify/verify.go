// Package verify is what an API mounts to be used with the access tokens of a Handclasp server (RFC 9068). It knows the
// server by its issuer URL alone, needs no other package of Handclasp, and asks nothing of the server but what it
// publishes: metadata, keys and status lists. No request of an API's clients is told to it.
//
// What it promises:
//
//   - A token is taken from the Authorization header only, exactly one, of at most 8 kB (RFC 6750 §2.1). Tokens in a query
//     or a form are never looked at.
//   - It is signed with RS256 by a key that the issuer publishes now, has the type at+jwt, names this issuer and this
//     audience and nobody else's, is not expired and not from the future, and has an id. The header of a token chooses
//     nothing but which of the issuer's own keys is meant: jwk, jku, x5u and x5c are never used, and a header that is marked
//     critical is refused (RFC 8725 §3).
//   - Keys are fetched when the first token comes, and kept as long as the issuer allows, between a minute and a day. A
//     token of an unknown key makes one fetch, at most every ten seconds. While the issuer is away, the keys that are known
//     are good for a day after they were last fetched; a token that cannot be judged is answered with 503, never let in.
//   - A token that is bound to a key is only good together with a fresh proof of that key (DPoP, RFC 9449), once.
//   - A token that names a status list (draft-ietf-oauth-status-list) is only good while its status there is zero. The list
//     is read at the issuer's own address and nowhere else, is signed by the issuer's keys, and is kept for as long as its
//     ttl says. While it cannot be read, the one that is known is good until its exp, by a clock that may be a minute off;
//     after that the answer is 503.
//   - Refusals are written as RFC 6750 §3, RFC 9449 §7.1 and RFC 9470 §3 have it, and say nothing of the cause, which is
//     in the error for the log. No error holds a token.
//
// What it does not promise: a token that names no status list goes on after its session was ended until it expires, which
// is 15 minutes at most unless the server was told otherwise; one that does goes on for the ttl of the list. An API that
// cannot bear this asks the server at each request (introspection, RFC 7662). Proofs are not asked to hold a nonce of this
// API (RFC 9449 §9); what bounds their age is the clock.
package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Options say whose tokens are good here.
type Options struct {
	// Issuer is the URL of the server, exactly as its tokens and its metadata write it: https, or http on loopback.
	Issuer string
	// Audience is the name of this API, exactly as `handclaspd clients create --audience` was told.
	Audience string

	// DPoP accepts tokens that are bound to a key, with a proof (RFC 9449). Without it they are refused.
	DPoP bool
	// URL is where clients find this API, for the htu of a proof; what follows the host is in front of the path of every
	// request. The scheme and host of Audience if empty. It is never read from a request: a proof that was made for
	// another server must not be good here because somebody wrote that server's name into a Host header.
	URL string
	// Replays remembers which proofs were shown. In this process if nil; servers that share a URL should share one.
	Replays Replays

	HTTPClient *http.Client     // for what the issuer publishes; one with a timeout if nil. Its redirects are not followed
	Now        func() time.Time // time.Now if nil
	Log        *slog.Logger     // hears why the middleware refused (debug) and what cannot be read of the issuer (warn); nothing if nil
}

// Verifier checks requests. It is safe for any number of goroutines, and starts none that outlives a fetch.
type Verifier struct {
	issuer   string
	audience string
	url      *url.URL // nil without DPoP
	replays  Replays
	keys     *keySet
	statuses *statuses
	now      func() time.Time
	log      *slog.Logger
}

// New looks at the options and fetches nothing: an API starts while its issuer is away.
func New(o Options) (*Verifier, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	v := &Verifier{issuer: o.Issuer, audience: o.Audience, now: o.Now, log: o.Log, replays: o.Replays}
	issuer, err := checkIssuer(o.Issuer)
	if err != nil {
		err = fmt.Errorf("issuer %q: %w", o.Issuer, err)
	}
	if o.Audience == "" {
		err = errors.Join(err, errors.New("audience: it is missing, and without it the tokens of every other API would be good here"))
	}
	if o.DPoP {
		var errURL error
		if v.url, errURL = ownURL(o); errURL != nil {
			err = errors.Join(err, fmt.Errorf("url: %w", errURL))
		}
		if v.replays == nil {
			v.replays = NewReplays(mostReplays, o.Now)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("set up the verifier: %w", err)
	}
	fetcher := newFetcher(issuer, o)
	v.keys = newKeySet(fetcher, o)
	v.statuses = newStatuses(fetcher, v.keys, o)
	return v, nil
}

// checkIssuer refuses what cannot be an issuer (RFC 8414 §2), and one whose keys a stranger on the network could replace.
func checkIssuer(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("it is no URL")
	}
	if u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" {
		return nil, errors.New("want an absolute URL without user, query and fragment")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, errors.New("want https; http is for loopback")
	}
	return u, nil
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// ownURL is the base of every htu.
func ownURL(o Options) (*url.URL, error) {
	u, err := url.Parse(cmp.Or(o.URL, o.Audience))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("DPoP needs the address of this API, without user, query and fragment, and the audience is none")
	}
	if o.URL == "" {
		u = &url.URL{Scheme: u.Scheme, Host: u.Host}
	}
	return u, nil
}

// Check reads the token of a request and holds it against what is required. The error is a *Refusal, ready to be
// answered with Answer. A proof is used up by it: call it once a request.
func (v *Verifier) Check(ctx context.Context, r *http.Request, required ...Requirement) (Token, error) {
	scheme, text, err := v.shown(r)
	if err != nil {
		return Token{}, err
	}
	token, err := v.read(ctx, scheme, text)
	if err != nil {
		return Token{}, err
	}
	if err := v.prove(ctx, r, scheme, text, token); err != nil {
		return Token{}, err
	}
	if err := v.require(scheme, token, required); err != nil {
		return Token{}, err
	}
	return token, nil
}
