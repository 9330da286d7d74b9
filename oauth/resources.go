package oauth

import (
	"context"
	"errors"
	"slices"

	"github.com/handclasp/handclasp/store"
)

// What a registered resource (RFC 8707) adds to a client that names it among its audiences: its scopes, which belong to it
// alone. The rule (RFC 8707 §2.2):
//
//   - A request that names a resource may ask for that resource's scopes and for those that belong to no resource: the
//     common ones, and what the client brings itself. A scope of another resource is invalid_scope.
//   - A request that names none may ask for the scopes of every resource that the client may use: one login for several
//     APIs. A service, whose token comes at once and is for its default audience, may not.
//   - An access token is for one audience and holds no scope of another one's, whatever the login was allowed. Which, the
//     answer's scope says.

// resourcesOf returns the registered ones among a client's audiences. An audience that is not registered is the client's own.
func resourcesOf(ctx context.Context, from Clients, c store.Client) ([]store.Resource, error) {
	var found []store.Resource
	for _, id := range c.Audiences {
		r, err := from.Resource(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, unavailable(err)
		}
		found = append(found, r)
	}
	return found, nil
}

// allowed names every scope that the client may ask for.
func (c *client) allowed() []string {
	names := scopeNames(c.Client)
	for _, r := range c.resources {
		for _, s := range r.Scopes {
			names = append(names, s.Name)
		}
	}
	return names
}

// holds reports whether a token for this audience may have the scope: it belongs to that resource or to none.
func (c *client) holds(scope, audience string) bool {
	if OfAdmin(scope) { // checkAdmin has looked at the audience
		return slices.Contains(c.Admin, scope)
	}
	for _, r := range c.resources {
		if hasScope(r, scope) {
			return r.ID == audience
		}
	}
	return slices.Contains(scopeNames(c.Client), scope)
}

// checkScope refuses what the client may not ask for, at all or of this resource.
func (c *client) checkScope(scope []string, resource string) *Error {
	if err := c.checkAllowed(scope); err != nil {
		return err
	}
	return c.checkOwners(scope, resource)
}

func (c *client) checkAllowed(scope []string) *Error {
	for _, s := range scope {
		if !slices.Contains(c.allowed(), s) {
			return refuse(CodeInvalidScope, "the client is not registered for the scope "+quoted(s))
		}
	}
	return nil
}

// checkOwners refuses the scope of another resource than the one that was named; empty names none.
func (c *client) checkOwners(scope []string, resource string) *Error {
	for _, s := range scope {
		if resource != "" && slices.Contains(c.allowed(), s) && !c.holds(s, resource) {
			return refuse(CodeInvalidScope, "the scope "+quoted(s)+" belongs to another resource than the one that was named")
		}
	}
	return nil
}

// scopeFor is what a token for this audience holds of what was granted. What the client may not have any more is left out too.
func (c *client) scopeFor(granted []string, audience string) []string {
	kept := make([]string, 0, len(granted))
	for _, s := range granted {
		if c.holds(s, audience) {
			kept = append(kept, s)
		}
	}
	return kept
}

// audienceOf is whom a token is for: the audience that was named, or the first one of those granted that the client still has.
func (c *client) audienceOf(granted []string, named string) string {
	if named != "" && slices.Contains(granted, named) {
		return named
	}
	if len(c.Audiences) == 0 {
		return firstOf(granted)
	}
	for _, audience := range granted {
		if slices.Contains(c.Audiences, audience) {
			return audience
		}
	}
	return ""
}

// wantsBound reports whether a resource takes only access tokens that are bound to a key (RFC 9449).
func (c *client) wantsBound(audience string) bool {
	return slices.ContainsFunc(c.resources, func(r store.Resource) bool { return r.ID == audience && r.DPoP })
}

// checkBound refuses a bearer token for such a resource.
func (c *client) checkBound(audience string, proven bool) error {
	if !proven && c.wantsBound(audience) {
		return refuse(CodeInvalidTarget, "the resource "+quoted(audience)+" takes only access tokens that are bound to a key: show a DPoP proof")
	}
	return nil
}

// WordsFor is Words with what the client's resources say of their scopes, which goes before what the client says.
func (p *Provider) WordsFor(ctx context.Context, c store.Client, scope []string) ([]string, error) {
	resources, err := resourcesOf(ctx, p.Clients, c)
	if err != nil {
		return nil, err
	}
	for i := len(resources) - 1; i >= 0; i-- {
		c.Scopes = slices.Concat(resources[i].Scopes, c.Scopes)
	}
	return Words(c, scope), nil
}

func hasScope(r store.Resource, scope string) bool {
	return slices.ContainsFunc(r.Scopes, func(s store.Scope) bool { return s.Name == scope })
}
