package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// Client is a client as the desk shows one. Hashes of secrets are nobody's business.
type Client struct {
	ID                 string          `json:"id"`
	Secret             string          `json:"secret,omitempty"` // once, when it was made
	Name               string          `json:"name"`
	Public             bool            `json:"public"`
	RequireFingerprint bool            `json:"require_fingerprint"`
	Grants             []string        `json:"grants"`
	RedirectURIs       []string        `json:"redirect_uris"`
	Scopes             []store.Scope   `json:"scopes"`
	Audiences          []string        `json:"audiences"`
	JWKS               json.RawMessage `json:"jwks,omitempty"`
	LogoutURI          string          `json:"logout_uri,omitempty"`
	LogoutRedirectURIs []string        `json:"logout_redirect_uris,omitempty"`
	BuiltIn            bool            `json:"built_in"`
	Origin             string          `json:"origin"` // operator, registered, document or built_in
	CreatedAt          time.Time       `json:"created_at"`
	UpdatedAt          time.Time       `json:"updated_at"`
	DisabledAt         time.Time       `json:"disabled_at,omitzero"`
}

// known is a client, and how it came here.
type known struct {
	store.Client
	origin store.Origin
}

func clientOf(c known) Client {
	scopes := []store.Scope{}
	for _, s := range c.Scopes {
		scopes = append(scopes, store.Scope{Name: s.Name, Words: cmp.Or(s.Words, oauth.WordsOf(s.Name))})
	}
	for _, name := range c.Admin {
		scopes = append(scopes, store.Scope{Name: name, Words: oauth.AdminWords(name)})
	}
	origin := cmp.Or(string(c.origin), Operator)
	if c.BuiltIn {
		origin = "built_in"
	}
	return Client{
		ID: c.ID, Name: c.Name, Public: c.Public, RequireFingerprint: c.RequireFingerprint,
		Grants: list(c.Grants), RedirectURIs: list(c.RedirectURIs), Scopes: scopes, Audiences: list(c.Audiences),
		JWKS: json.RawMessage(c.JWKS), LogoutURI: c.LogoutURI, LogoutRedirectURIs: c.LogoutRedirectURIs, BuiltIn: c.BuiltIn,
		Origin: origin, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(), DisabledAt: c.DisabledAt.UTC(),
	}
}

func withSecret(c known, secret string) Client {
	shown := clientOf(c)
	shown.Secret = secret
	return shown
}

// list is an array in JSON also when it is empty.
func list(items []string) []string { return append([]string{}, items...) }

// Version changes with whatever is shown of a client or a resource, but for a secret that is shown once.
func Version(shown any) string {
	if c, ok := shown.(Client); ok {
		c.Secret = ""
		shown = c
	}
	text, err := json.Marshal(shown)
	if err != nil {
		panic(err) // plain texts, and a key set that was read before it was kept
	}
	return store.Digest("admin version", string(text))[:22]
}

// ClientQuery chooses clients; what is empty does not choose.
type ClientQuery struct {
	Paging
	State store.Standing
}

// Clients implements Desk.
func (l *Local) Clients(ctx context.Context, q ClientQuery) (Page[Client], error) {
	limit, errLimit := q.limit()
	after, errPlace := q.place("clients")
	if err := invalid(errLimit, errPlace, checkStanding(q.State)); err != nil {
		return Page[Client]{}, err
	}
	clients, err := l.o.Records.ListClients(ctx, store.ClientQuery{Standing: q.State, After: after, Limit: limit})
	if err != nil {
		return Page[Client]{}, fmt.Errorf("list clients: %w", err)
	}
	origins := map[string]store.Origin{}
	if len(clients) > 0 {
		if origins, err = l.o.Records.Origins(ctx, clients[0].ID, clients[len(clients)-1].ID); err != nil {
			return Page[Client]{}, fmt.Errorf("list clients: %w", err)
		}
	}
	show := func(c store.Client) Client { return clientOf(known{c, origins[c.ID]}) }
	return paged(clients, limit, "clients", show, func(c store.Client) string { return c.ID }), nil
}

// Client implements Desk.
func (l *Local) Client(ctx context.Context, id string) (Client, error) {
	c, err := l.client(ctx, id)
	if err != nil {
		return Client{}, err
	}
	return clientOf(c), nil
}

func (l *Local) client(ctx context.Context, id string) (known, error) {
	if !store.ValidClientID(id) {
		return known{}, store.ErrNotFound
	}
	c, err := l.o.Records.Client(ctx, id)
	if err != nil {
		return known{}, fmt.Errorf("find client: %w", err)
	}
	origins, err := l.o.Records.Origins(ctx, id, id)
	if err != nil {
		return known{}, fmt.Errorf("find client: %w", err)
	}
	return known{c, origins[id]}, nil
}

// CreateClient implements Desk.
func (l *Local) CreateClient(ctx context.Context, f ClientForm) (Client, error) {
	now := l.now()
	c := store.Client{ID: f.ID, CreatedAt: now, UpdatedAt: now}
	if c.ID == "" {
		c.ID = l.newID(store.ClientPrefix)
	}
	f, err := l.worded(ctx, f, []string{l.o.Issuer})
	if err != nil {
		return Client{}, err
	}
	err = errors.Join(f.checkNewID(), f.apply(&c), f.complete(&c, l.o.Issuer))
	if err == nil {
		err = checkWhole(c, l.o.Issuer)
	}
	if err := invalid(err); err != nil {
		return Client{}, err
	}
	if err := l.mayTouch(ctx, c); err != nil {
		return Client{}, err
	}
	secret := l.secretFor(&c)
	err = l.o.Records.CreateClient(ctx, c)
	if errors.Is(err, store.ErrExists) {
		return Client{}, &Refusal{Reason: ReasonExists, Text: "there is a client " + c.ID + " already", By: c.ID}
	}
	if err != nil {
		return Client{}, fmt.Errorf("register client: %w", err)
	}
	l.record(ctx, store.Event{Type: "client.create", Target: c.ID, ClientID: c.ID})
	return withSecret(known{Client: c}, secret), nil
}

// mayTouch keeps clients with rights of the admin API out of its own reach: whoever could give such a client a secret or a key
// would have its rights.
func (l *Local) mayTouch(ctx context.Context, c store.Client) error {
	if l.asker.Remote && len(c.Admin) > 0 {
		e := store.Event{Type: "admin.refused", Target: c.ID, ClientID: c.ID, Result: sessions.Refused, Detail: ReasonOnlyAtData}
		l.o.Journal.Record(l.as(ctx), e)
		return refuse(ReasonOnlyAtData, "a client with scopes of the admin API is made and changed in the data folder only")
	}
	return nil
}

// secretFor gives a secret to a client that has to prove itself and has nothing to do it with.
func (l *Local) secretFor(c *store.Client) string {
	if c.Public || c.JWKS != "" || len(c.SecretHashes) > 0 {
		return ""
	}
	secret := l.newSecret()
	c.SecretHashes = []string{oauth.HashSecret(secret)}
	return secret
}

// ChangeClient implements Desk. Who is given rights of the admin API proves itself anew: what was good before may be known to
// whoever could change this client until now.
func (l *Local) ChangeClient(ctx context.Context, id string, f ClientForm, match string) (Client, error) {
	secret := ""
	c, err := l.alter(ctx, id, match, func(c *store.Client) error {
		if f.ID != "" || len(f.said()) == 0 {
			return invalid(errors.New("nothing to change was given"))
		}
		f, err := l.worded(ctx, f, c.Audiences)
		if err != nil {
			return err
		}
		hadAdmin := len(c.Admin) > 0
		if err := invalid(f.apply(c), checkWhole(*c, l.o.Issuer)); err != nil {
			return err
		}
		if c.Public || len(c.Admin) > 0 && !hadAdmin {
			c.SecretHashes = nil
			if f.JWKS == nil {
				c.JWKS = ""
			}
		}
		secret = l.secretFor(c)
		return nil
	})
	if err != nil {
		return Client{}, err
	}
	l.record(ctx, store.Event{Type: "client.update", Target: id, ClientID: id, Detail: strings.Join(f.said(), " ")})
	return withSecret(c, secret), nil
}

// alter changes a client as it stands, and looks again if somebody was faster, unless the caller wants one version of it.
func (l *Local) alter(ctx context.Context, id, match string, edit func(*store.Client) error) (known, error) {
	for range mostTries {
		was, err := l.client(ctx, id)
		if err != nil {
			return was, err
		}
		if match != "" && match != Version(clientOf(was)) {
			return was, refuse(ReasonChanged, id+" is not any more what was looked at")
		}
		if err := l.mayTouch(ctx, was.Client); err != nil {
			return was, err
		}
		c := was
		if err := edit(&c.Client); err != nil {
			return was, err
		}
		if err := l.mayTouch(ctx, c.Client); err != nil {
			return was, err
		}
		c.UpdatedAt = l.now()
		err = l.o.Records.ReplaceClient(ctx, was.Client, c.Client)
		if errors.Is(err, store.ErrChanged) {
			continue
		}
		if err != nil {
			return was, fmt.Errorf("change client: %w", err)
		}
		return c, nil
	}
	return known{}, refuse(ReasonChanged, id+" is being changed by others all the time")
}

// mostTries bounds how often a change looks again.
const mostTries = 100

// GiveSecret implements Desk. A request that is repeated under one seed finds its secret there.
func (l *Local) GiveSecret(ctx context.Context, id string) (Client, error) {
	secret, there := l.newSecret(), false
	hash := oauth.HashSecret(secret)
	c, err := l.alter(ctx, id, "", func(c *store.Client) error {
		if c.Public {
			return refuse(ReasonPublic, id+" is public and has no secret")
		}
		if there = slices.Contains(c.SecretHashes, hash); !there {
			c.SecretHashes = append([]string{hash}, c.SecretHashes...)
			c.SecretHashes = c.SecretHashes[:min(len(c.SecretHashes), store.SecretsMost)]
		}
		return nil
	})
	if err != nil {
		return Client{}, err
	}
	if !there {
		l.record(ctx, store.Event{Type: "client.secret", Target: id, ClientID: id})
	}
	return withSecret(c, secret), nil
}

// WithdrawSecrets implements Desk.
func (l *Local) WithdrawSecrets(ctx context.Context, id string) (Client, error) {
	c, err := l.alter(ctx, id, "", func(c *store.Client) error {
		if c.Public {
			return refuse(ReasonPublic, id+" is public and has no secret")
		}
		c.SecretHashes = c.SecretHashes[:min(1, len(c.SecretHashes))]
		return nil
	})
	if err != nil {
		return Client{}, err
	}
	l.record(ctx, store.Event{Type: "client.withdraw", Target: id, ClientID: id})
	return clientOf(c), nil
}

// DisableClient implements Desk. It keeps new sessions from beginning and then ends those that there are: after a failure
// halfway the same request finishes the work.
func (l *Local) DisableClient(ctx context.Context, id string) (Client, error) {
	c, _, err := l.shut(ctx, id, func(store.Client) error { return nil })
	if err != nil {
		return Client{}, err
	}
	l.record(ctx, store.Event{Type: "client.disable", Target: id, ClientID: id})
	return clientOf(c), nil
}

// EnableClient implements Desk. What was ended stays ended.
func (l *Local) EnableClient(ctx context.Context, id string) (Client, error) {
	c, err := l.alter(ctx, id, "", func(c *store.Client) error {
		c.DisabledAt = time.Time{}
		return nil
	})
	if err != nil {
		return Client{}, err
	}
	l.record(ctx, store.Event{Type: "client.enable", Target: id, ClientID: id})
	return clientOf(c), nil
}

// shut disables a client unless something keeps us from it, and ends its sessions.
func (l *Local) shut(ctx context.Context, id string, may func(store.Client) error) (known, int, error) {
	c, err := l.alter(ctx, id, "", func(c *store.Client) error {
		if c.DisabledAt.IsZero() {
			c.DisabledAt = l.now()
		}
		return may(*c)
	})
	if err != nil {
		return c, 0, err
	}
	ended, err := l.o.Sessions.EndClient(l.as(ctx), id)
	if err != nil {
		return c, ended, &Unfinished{id + " can begin no sessions any more, but not all of them are ended", err}
	}
	return c, ended, nil
}

// DeleteClient implements Desk. Only when the client is shut it is let go: after a failure halfway the same request finishes
// the work.
func (l *Local) DeleteClient(ctx context.Context, id string) (int, error) {
	_, ended, err := l.shut(ctx, id, func(c store.Client) error {
		if c.BuiltIn {
			return refuse(ReasonBuiltIn, id+" is built in and stays")
		}
		return nil
	})
	if err != nil {
		return ended, err
	}
	if err := l.o.Records.DeleteClient(ctx, id); err != nil {
		return ended, fmt.Errorf("delete client: %w", err)
	}
	l.record(ctx, store.Event{Type: "client.delete", Target: id, ClientID: id})
	return ended, nil
}
