// Package oauth is the OAuth 2.0 authorization server and OpenID provider: the authorization code, device authorization
// (RFC 8628), refresh, client credentials and magic link grants, proofs of possession (RFC 9449), revocation (RFC 7009),
// introspection (RFC 7662), access tokens (RFC 9068), id tokens and metadata (RFC 8414). It is the only importer of Fosite,
// which gives the frame: parsing, client authentication, dispatch. The token-side steps are ours, because each of them has to
// be one atomic step of the ticket store.
//
// It knows HTTP requests but writes no answers: what comes back is a value or an *Error, and the server turns those into
// statuses and sentences.
package oauth

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/ory/fosite"

	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// The grant types that we serve.
const (
	GrantDevice  = "urn:ietf:params:oauth:grant-type:device_code"
	GrantRefresh = "refresh_token"
	GrantClient  = "client_credentials"
	// GrantMagicLink is our own: an app trades the two halves of a mailed link for tokens.
	GrantMagicLink = "urn:handclasp:params:oauth:grant-type:magic-link"
)

// Tickets is what this room needs of the expiring memory; store.Tickets says what each method promises.
type Tickets interface {
	Open(ctx context.Context, r store.Request, limits ...store.Limit) (store.Verdict, error)
	Poll(ctx context.Context, p store.Poll) (store.Polled, error)
	Rotate(ctx context.Context, r store.Rotation) (store.Grant, error)
	Grant(ctx context.Context, sid, jti string) (store.Grant, error)
	RevokeAccess(ctx context.Context, sid, jti string, ttl time.Duration) error
	RevokeService(ctx context.Context, jti string, ttl time.Duration) error
	Revoked(ctx context.Context, jti string) (bool, error)
	Mark(ctx context.Context, key string, ttl time.Duration) (bool, error)
	Allow(ctx context.Context, limits ...store.Limit) (store.Verdict, error)
	Watch(sid string) (decided <-chan struct{}, stop func())
	Bind(ctx context.Context, userCode, browser, userID string) (store.Request, error)
	PutNote(ctx context.Context, name, body string, ttl time.Duration) error
	Note(ctx context.Context, name string) (string, error)
	TakeNote(ctx context.Context, name string) (string, error)
}

// Clients finds registered clients and resources; ErrNotFound for what is not.
type Clients interface {
	Client(ctx context.Context, id string) (store.Client, error)
	Resource(ctx context.Context, id string) (store.Resource, error)
	// Registration tells of a client that no operator has registered; ErrNotFound for all others.
	Registration(ctx context.Context, clientID string) (store.Registration, error)
	// OwnNames lists the names of the operator's own clients.
	OwnNames(ctx context.Context) ([]string, error)
}

// Links is who proves a mail address.
type Links interface {
	// UseApp uses up a magic link, once ever, and returns the person with what was kept for it. store.ErrNotFound: it is
	// not good, and nobody learns why. store.ErrRefused: the person may not sign in.
	UseApp(ctx context.Context, t store.AppTry) (store.User, store.Link, error)
}

// Sessions is what this room asks of the one who owns every session's beginning and end.
type Sessions interface {
	// Begin lets the person of a browser session have a pending request that this session owns.
	Begin(ctx context.Context, r store.Request, by store.Browser) error
	// BeginWithin is Begin for a session that ends with the browser's.
	BeginWithin(ctx context.Context, r store.Request, by store.Browser) error
	// Redeem confirms the session of a grant that was just handed out; an error means that the grant is gone again.
	Redeem(ctx context.Context, g store.Grant) error
	// BeginNow begins a session for somebody who has just proven who they are to the client itself.
	BeginNow(ctx context.Context, r store.Request, who sessions.Person) (store.Grant, error)
	// RemoveClient ends every session of a client that is disabled, and lets go of it.
	RemoveClient(ctx context.Context, clientID string) (ended int, err error)
	// EndOf ends a session of this client; store.ErrForeign if it belongs to another one.
	EndOf(ctx context.Context, sid, clientID, reason string) error
}

// Options say how the server is to behave. Zero values are not filled in: sessions of any length must be somebody's choice.
type Options struct {
	Issuer   string // https://login.example.test, without a path or a slash at its end
	Keys     *keys.Keys
	Chain    *Chain
	Tickets  Tickets
	Clients  Clients
	Ends     Ends
	Sessions Sessions
	Links    Links
	Journal  sessions.Recorder
	Log      *slog.Logger
	Now      func() time.Time

	CodeLife   time.Duration // device and user codes
	Interval   time.Duration // between polls
	AccessLife time.Duration
	WaitMost   time.Duration // the longest Prefer: wait that is held
	HeldMost   int           // polls held at once by this process; more are answered at once

	LimitScale float64 // multiplies the limits of asking for codes

	// Slack is how much longer than it should a store may take before a request gives it up, where the machine is known to be
	// busy with other things.
	Slack time.Duration

	Registration  RegistrationMode
	Registrations Registrations // needed if clients may come by themselves
	SelfMade      SelfMade
	Documents     Documents // nil if clients are not known by documents
}

// Provider answers the OAuth endpoints. It is safe for any number of goroutines.
type Provider struct {
	Options
	frame   *fosite.Fosite
	clients *registry
	known   *known
	codes   codeSeal
	nonces  nonceSeal
	base    *url.URL      // of Issuer
	held    chan struct{} // a slot for each poll that is being held
	closing chan struct{}
	close   sync.Once

	metadata Document
	lists    statusLists
}

// New composes the provider. The policy stands here in one literal; whoever asks what we allow reads this.
func New(o Options) (*Provider, error) {
	p := &Provider{
		Options: o,
		clients: newRegistry(o.Clients, o.Now),
		known:   newKnown(),
		codes:   codeSeal{o.Keys.Secret("authorization code")},
		nonces:  nonceSeal{o.Keys.Secret("dpop nonce")},
		held:    make(chan struct{}, o.HeldMost),
		closing: make(chan struct{}),
		lists:   statusLists{made: map[int64]statusList{}},
	}
	policy := &fosite.Config{
		AccessTokenLifespan:            o.AccessLife,
		DeviceAndUserCodeLifespan:      o.CodeLife,
		DeviceAuthTokenPollingInterval: o.Interval,
		DeviceVerificationURL:          o.Issuer + "/device",
		AccessTokenIssuer:              o.Issuer,
		TokenURL:                       p.tokenEndpoint(),
		ScopeStrategy:                  fosite.ExactScopeStrategy,
		AudienceMatchingStrategy:       fosite.ExactAudienceMatchingStrategy,
		RefreshTokenScopes:             []string{}, // a refresh token needs no scope
		EnforcePKCE:                    true,
		EnablePKCEPlainChallengeMethod: false,
		SendDebugMessagesToClients:     false,
		MinParameterEntropy:            fosite.MinParameterEntropy,
		ClientSecretsHasher:            secretHasher{},
		ClientAuthenticationStrategy:   p.authenticate,
		// Nothing is fetched from addresses in tokens or metadata; nil would make Fosite fill these in while requests race.
		JWKSFetcherStrategy:    fosite.NewDefaultJWKSFetcherStrategy(),
		DeviceEndpointHandlers: fosite.DeviceEndpointHandlers{deviceEndpoint{p}},
		TokenEndpointHandlers: fosite.TokenEndpointHandlers{
			deviceGrant{grant{p, GrantDevice}},
			codeGrant{deviceGrant{grant{p, GrantCode}}},
			refreshGrant{grant{p, GrantRefresh}},
			clientGrant{grant{p, GrantClient}},
			linkGrant{grant{p, GrantMagicLink}},
		},
		RevocationHandlers: fosite.RevocationHandlers{revocation{p}},
	}
	p.clients.documents = newDocuments(p)
	p.frame = fosite.NewOAuth2Provider(p.clients, policy)

	var err error
	if p.base, err = url.Parse(o.Issuer); err != nil || p.base.Host == "" || p.base.Path != "" {
		return nil, fmt.Errorf("issuer %q: want scheme and host only, without a slash at the end", o.Issuer)
	}
	if p.metadata, err = p.describe(); err != nil {
		return nil, fmt.Errorf("describe the server: %w", err)
	}
	return p, nil
}

// Held is how many polls are being held now.
func (p *Provider) Held() int { return len(p.held) }

// Close answers every held poll at once, so that a shutdown need not wait for them. It may be called more than once.
func (p *Provider) Close() { p.close.Do(func() { close(p.closing) }) }
