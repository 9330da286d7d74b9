package oauth

import (
	"context"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"github.com/handclasp/handclasp/store"
)

// clientGrant is RFC 6749 §4.4: a service acts for itself, and no person stands behind the token. Nothing is kept: the
// token ends by itself, or by being revoked.
type clientGrant struct{ grant }

// HandleTokenEndpointRequest decides what a service may do. No store is asked but for the client,
// which is remembered, and for a proof, which is good once.
func (g clientGrant) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	c, form, x := clientOf(r), r.GetRequestForm(), exchangeOf(r)
	// Only a client that has proven itself may use this grant (RFC 6749 §4.4.2); the name of a public one is known to all.
	if c.Public || !c.may(GrantClient) {
		return refuse(CodeUnauthorizedClient, "the client is not registered for the client credentials grant")
	}
	audience, err := audiences(c, form.Get("resource"))
	if err != nil {
		return err
	}
	scope, err := serviceScope(c, form.Get("scope"), firstOf(audience), g.p.Issuer)
	if err != nil {
		return err
	}
	if err := c.checkBound(firstOf(audience), x.proof != nil); err != nil {
		return err
	}
	if err := g.p.useProof(ctx, x.proof); err != nil {
		return err
	}
	// The subject is the client itself. It cannot be mistaken for a person: no client's id has the prefix of a user's.
	x.grant = store.Grant{UserID: c.ID, ClientID: c.ID}
	x.scope, x.audience = scope, firstOf(audience)
	return nil
}

// serviceScope is what a service asks for, or all that it may have at this audience if it names nothing. It may have what its
// own record names, also of what its resource has: nobody is asked here what a service may do, so the operator must have said
// it. Scopes that say something of a person have no meaning here, and those of our own audience are a person's. Scopes of the
// admin API come only to who names them.
func serviceScope(c *client, asked, audience, issuer string) ([]string, error) {
	var may []string
	for _, s := range c.Scopes {
		if !ofPerson(s.Name) && !OfAdmin(s.Name) && c.holds(s.Name, audience) {
			may = append(may, s.Name)
		}
	}
	scope := dedupe(splitScope(asked))
	if len(scope) == 0 {
		return may, nil
	}
	if err := c.checkOwners(scope, audience); err != nil {
		return nil, err
	}
	if err := c.checkAdmin(scope, audience, issuer); err != nil {
		return nil, err
	}
	for _, name := range scope {
		if !OfAdmin(name) && !slices.Contains(may, name) {
			return nil, refuse(CodeInvalidScope, "the client is not registered for the scope "+quoted(name)+", or no service may have it")
		}
	}
	return scope, nil
}

func ofPerson(scope string) bool {
	return strings.HasPrefix(scope, "account:") || slices.ContainsFunc(common, func(s store.Scope) bool { return s.Name == scope })
}
