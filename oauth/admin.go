package oauth

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/handclasp/handclasp/store"
)

// The scopes of the admin API. They are a client's own and never a person's: only somebody who can write to the data gives
// them, to a client that proves itself and acts for itself. No registration over the network, no consent and no approval can.
const (
	ScopeAdminRead  = "admin:read"
	ScopeAdminWrite = "admin:write"
	ScopeAdminKeys  = "admin:keys"
)

var adminScopes = []store.Scope{
	{Name: ScopeAdminRead, Words: "See clients, resources, users, sessions, events and keys"},
	{Name: ScopeAdminWrite, Words: "Change clients, resources, users and sessions"},
	{Name: ScopeAdminKeys, Words: "Rotate and retire signing keys and roots"},
}

// OfAdmin reports whether a scope is one of the admin API, and so no client's or resource's own. Other names that begin with
// admin: are anybody's.
func OfAdmin(scope string) bool { return AdminWords(scope) != "" }

// AdminWords says what a scope of the admin API allows; empty if there is no such scope.
func AdminWords(scope string) string {
	for _, s := range adminScopes {
		if s.Name == scope {
			return s.Words
		}
	}
	return ""
}

// VerifyAdmin reads the access token of a request to the admin API as Verify does, and returns the client that asks: the token is
// a service's, for this audience, not revoked, and holds the scope; the client is enabled now, and may still do what the token
// says. It is looked up each time, so that whoever is shut out is out at once.
func (p *Provider) VerifyAdmin(ctx context.Context, r *http.Request, scope string) (store.Client, error) {
	t, err := p.present(r, p.Issuer)
	if err != nil {
		return store.Client{}, err
	}
	if !t.service() {
		return store.Client{}, &Error{Code: CodeInvalidToken, Scheme: t.scheme, Hint: "the token is a person's, and this is for services"}
	}
	shown, err := p.proveAccess(r, t.scheme, t.token, t.Claims)
	if err != nil {
		return store.Client{}, err
	}
	c, err := p.actsNow(ctx, t)
	if err != nil {
		return store.Client{}, err
	}
	if err := p.useProof(ctx, shown); err != nil {
		return store.Client{}, underDPoP(err)
	}
	if !t.Has(scope) || !slices.Contains(c.Admin, scope) {
		return store.Client{}, &Error{Code: CodeInsufficientScope, Scheme: t.scheme, Scope: scope}
	}
	return c, nil
}

// actsNow asks the stores whether a service's token is good still, and for its client as it is.
func (p *Provider) actsNow(ctx context.Context, t incoming) (store.Client, error) {
	c, err := p.Clients.Client(ctx, t.ClientID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !acts(c) {
		return store.Client{}, &Error{Code: CodeInvalidToken, Scheme: t.scheme, Hint: "the client may not ask for tokens of its own any more"}
	}
	if err != nil {
		return store.Client{}, unavailable(err)
	}
	revoked, err := p.Tickets.Revoked(ctx, t.ID)
	if err != nil {
		return store.Client{}, unavailable(err)
	}
	if revoked {
		return store.Client{}, &Error{Code: CodeInvalidToken, Scheme: t.scheme, Hint: "the token was revoked"}
	}
	return c, nil
}

// acts reports whether a client may act for itself now.
func acts(c store.Client) bool {
	return c.DisabledAt.IsZero() && !c.Public && slices.Contains(c.Grants, GrantClient)
}

// checkAdmin refuses scopes of the admin API that the client was not given, or at an audience that is not ours.
func (c *client) checkAdmin(scope []string, audience, issuer string) error {
	for _, name := range scope {
		if OfAdmin(name) && (audience != issuer || !slices.Contains(c.Admin, name)) {
			return refuse(CodeInvalidScope, "the scope "+quoted(name)+" of the admin API was not given to the client, or is asked for another audience")
		}
	}
	return nil
}
