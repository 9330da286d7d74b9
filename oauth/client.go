package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/ory/fosite"

	"github.com/handclasp/handclasp/store"
)

// client shows a registered client to Fosite.
type client struct {
	store.Client
	keys      []jose.JSONWebKey // that it may prove itself with
	resources []store.Resource  // the registered ones among its audiences
	self      bool              // no operator has registered it
}

func (c *client) GetID() string                      { return c.ID }
func (c *client) GetHashedSecret() []byte            { return nil } // compared by us, see authenticate
func (c *client) GetRedirectURIs() []string          { return c.RedirectURIs }
func (c *client) GetGrantTypes() fosite.Arguments    { return c.Grants }
func (c *client) GetResponseTypes() fosite.Arguments { return nil }
func (c *client) GetScopes() fosite.Arguments        { return c.allowed() }
func (c *client) IsPublic() bool                     { return c.Public }
func (c *client) GetAudience() fosite.Arguments      { return c.Audiences }
func (c *client) may(grantType string) bool          { return c.GetGrantTypes().Has(grantType) }
func clientOf(r interface{ GetClient() fosite.Client }) *client {
	c, _ := r.GetClient().(*client)
	return c
}

// How long a registered client is remembered in process: so long a change needs to be felt everywhere.
const (
	clientMemory = 5 * time.Second
	clientsMost  = 1000
)

// registry finds clients, and remembers them for a few seconds so that no store stands on the path of a poll. Unknown
// ids are not remembered: they are refused at the cost of a look-up, which the limits bound.
type registry struct {
	from Clients
	now  func() time.Time

	mu      sync.RWMutex
	known   map[string]remembered
	changes int // how often a client was forgotten: what was read before one is not remembered after it

	documents *documents
}

type remembered struct {
	client *client
	until  time.Time
}

func newRegistry(from Clients, now func() time.Time) *registry {
	return &registry{from: from, now: now, known: map[string]remembered{}}
}

// GetClient returns an enabled client, or fosite.ErrInvalidClient for one that is unknown or disabled.
func (g *registry) GetClient(ctx context.Context, id string) (fosite.Client, error) {
	c, err := g.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (g *registry) find(ctx context.Context, id string) (*client, error) {
	now := g.now()
	g.mu.RLock()
	r, ok := g.known[id]
	before := g.changes
	g.mu.RUnlock()
	if ok && now.Before(r.until) {
		return r.client, nil
	}
	if g.documents.names(id) {
		if err := g.freshen(ctx, id); err != nil {
			return nil, err
		}
	}
	record, err := g.from.Client(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !record.DisabledAt.IsZero() {
		return nil, refuse(CodeInvalidClient, "the client is not registered here")
	}
	if err != nil {
		return nil, unavailable(err)
	}
	resources, err := resourcesOf(ctx, g.from, record)
	if err != nil {
		return nil, err
	}
	kept, err := g.from.Registration(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, unavailable(err)
	}
	if kept.Origin == store.OriginDocument && !g.documents.names(id) { // they are looked at no more
		return nil, refuse(CodeInvalidClient, "the client is not registered here")
	}
	c := &client{record, keysOf(record.JWKS), resources, err == nil}
	if c.self {
		c.narrow()
	}
	g.remember(c, now.Add(clientMemory), before)
	return c, nil
}

// remember keeps a client that was read when so many had been forgotten. If one more has been since, this may be how it was before.
func (g *registry) remember(c *client, until time.Time, changes int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.changes != changes {
		return
	}
	if len(g.known) >= clientsMost {
		clear(g.known)
	}
	g.known[c.ID] = remembered{c, until}
}

// freshen has the document of a client fetched whose id is its address, unless an operator has registered that id.
func (g *registry) freshen(ctx context.Context, id string) error {
	kept, err := g.from.Registration(ctx, id)
	if err == nil {
		return g.documents.refresh(ctx, id, kept)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return unavailable(err)
	}
	if _, err := g.from.Client(ctx, id); !errors.Is(err, store.ErrNotFound) {
		return nil // there is one, or the next look says what is wrong
	}
	return g.documents.refresh(ctx, id, store.Registration{})
}

// forget lets a change be felt at once in this process.
func (g *registry) forget(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.known, id)
	g.changes++
}

// ClientAssertionJWTValid and SetClientAssertionJWT complete fosite.ClientManager. Nothing reaches them: authenticate
// checks assertions itself, and marks them as used in one step where these are two.
func (g *registry) ClientAssertionJWTValid(context.Context, string) error {
	return fosite.ErrInvalidClient
}

// SetClientAssertionJWT refuses, like ClientAssertionJWTValid.
func (g *registry) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return fosite.ErrInvalidClient
}

var _ fosite.Storage = (*registry)(nil)

// authenticate is the client authentication of every endpoint (RFC 6749 §2.3): one way a request. HTTP Basic with an
// empty secret serves a public client, since widely used libraries try that first.
func (p *Provider) authenticate(ctx context.Context, r *http.Request, form url.Values) (fosite.Client, error) {
	if c, ok := provenIn(ctx); ok {
		return c, nil
	}
	if asserts(form) {
		c, err := p.authenticateByKey(ctx, r, form)
		if err != nil {
			return nil, err
		}
		return c, nil
	}
	id, secret, err := presented(r, form)
	if err != nil {
		return nil, err
	}
	c, err := p.clients.find(ctx, id)
	if err != nil {
		return nil, err
	}
	if c.Public {
		if secret != "" {
			return nil, refuse(CodeInvalidClient, "a public client has no secret")
		}
		return c, nil
	}
	if !secretFits(c.SecretHashes, secret) {
		return nil, refuse(CodeInvalidClient, "the client's secret is missing or wrong")
	}
	return c, nil
}

// presented returns who the client says it is, and with what secret.
func presented(r *http.Request, form url.Values) (id, secret string, err error) {
	user, password, basic := r.BasicAuth()
	if !basic {
		if form.Get("client_id") == "" {
			return "", "", refuse(CodeInvalidClient, "client_id is missing")
		}
		return checkedID(form.Get("client_id"), form.Get("client_secret"))
	}
	id, errID := url.QueryUnescape(user) // RFC 6749 §2.3.1
	secret, errSecret := url.QueryUnescape(password)
	if errID != nil || errSecret != nil {
		return "", "", refuse(CodeInvalidRequest, "the Authorization header cannot be read")
	}
	if form.Has("client_secret") {
		return "", "", refuse(CodeInvalidRequest, "use one way of client authentication")
	}
	if form.Has("client_id") && form.Get("client_id") != id {
		return "", "", refuse(CodeInvalidRequest, "client_id differs from the Authorization header")
	}
	return checkedID(id, secret)
}

// checkedID keeps what cannot be a client's id away from stores and logs.
func checkedID(id, secret string) (string, string, error) {
	if !store.ValidClientID(id) {
		return "", "", refuse(CodeInvalidClient, "the client is not registered here")
	}
	return id, secret, nil
}

// HashSecret is the form in which a generated client secret is kept. 256 random bits need no slow hash, and a slow one
// would be a lever for strangers.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func secretFits(hashes []string, secret string) bool {
	got, fits := []byte(HashSecret(secret)), 0
	for _, want := range hashes {
		fits |= subtle.ConstantTimeCompare(got, []byte(want))
	}
	return fits == 1
}

// secretHasher keeps Fosite's default, bcrypt, out of the way. Nothing reaches it while authenticate is in place.
type secretHasher struct{}

func (secretHasher) Compare(_ context.Context, hash, data []byte) error {
	if !secretFits([]string{string(hash)}, string(data)) {
		return fosite.ErrInvalidClient
	}
	return nil
}

func (secretHasher) Hash(_ context.Context, data []byte) ([]byte, error) {
	return []byte(HashSecret(string(data))), nil
}
