package oauth

import (
	"context"
	"errors"

	"github.com/ory/fosite"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// refreshGrant is RFC 6749 §6 with rotation (RFC 9700 §4.14). One ticket step decides; no SQL stands on this path.
type refreshGrant struct{ grant }

// HandleTokenEndpointRequest rotates the grant. Whatever is refused for its form, client, device, scope or resource
// has moved nothing.
func (g refreshGrant) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	c, form, x := clientOf(r), r.GetRequestForm(), exchangeOf(r)
	if !c.may(GrantRefresh) {
		return refuse(CodeUnauthorizedClient, "the client is not registered for the refresh grant")
	}
	if form.Get("refresh_token") == "" {
		return refuse(CodeInvalidRequest, "refresh_token is missing")
	}
	token, ok := g.p.Chain.parse(form.Get("refresh_token"))
	if !ok {
		return errGrant
	}
	fingerprint, err := sentFingerprint(r)
	if err != nil {
		return err
	}
	if fingerprint == "" && c.RequireFingerprint {
		return &Error{Code: CodeInvalidGrant, Hint: "device_fingerprint is missing; this client must send it"}
	}
	next, afterNext := g.p.Chain.following(token)
	scope := splitScope(form.Get("scope"))
	if _, err := audiences(c, form.Get("resource")); err != nil {
		return err
	}
	if err := c.checkOwners(scope, form.Get("resource")); err != nil {
		return err
	}
	if err := c.checkBound(form.Get("resource"), x.proof != nil); err != nil {
		return err
	}
	if err := g.p.useProof(ctx, x.proof); err != nil {
		return err
	}
	rotated, err := g.p.Tickets.Rotate(ctx, store.Rotation{
		SID: token.sid, JTI: token.jti, Next: next, AfterNext: afterNext,
		ClientID: c.ID, Fingerprint: fingerprint, Key: x.key(), Scope: scope, Audience: form.Get("resource"),
	})
	if err != nil {
		return g.refused(ctx, c, token, err)
	}
	return g.hand(ctx, c, x, token, rotated, scope, form.Get("resource"))
}

// hand fills in what this access token may do: narrower than the grant if asked so, never wider.
func (g refreshGrant) hand(ctx context.Context, c *client, x *exchange, token refreshToken, rotated store.Grant, scope []string, resource string) error {
	x.grant, x.scope = rotated, rotated.Scope
	if len(scope) > 0 {
		x.scope = dedupe(scope)
	}
	if err := g.address(ctx, c, x, resource); err != nil {
		return err
	}
	refresh, ok := g.p.Chain.write(token, rotated.JTI)
	if !ok {
		return &Error{Code: CodeServerError, Cause: errors.New("the key of a good refresh token is gone")}
	}
	x.refresh = refresh
	return nil
}

// refused ends the session whose spent token came back: either its owner or a thief holds a copy, and nobody can tell
// which of the two this is. The keeper has deleted the grant already; the record follows, and the person is told.
func (g refreshGrant) refused(ctx context.Context, c *client, token refreshToken, err error) error {
	if errors.Is(err, store.ErrKey) {
		g.p.reportKey(ctx, token.sid, c.ID)
		return errKey
	}
	if errors.Is(err, store.ErrReused) {
		ctx, cancel := g.p.finish(ctx)
		defer cancel()
		if ended := g.p.Sessions.EndOf(ctx, token.sid, c.ID, sessions.EndReuse); ended != nil {
			g.p.Log.ErrorContext(ctx, "end the session of a reused refresh token", "session", token.sid, "error", ended)
			g.p.Journal.Record(ctx, store.Event{ // else nobody would tell of it
				Type: "session.end", SessionID: token.sid, ClientID: c.ID, Result: sessions.Refused, Detail: sessions.EndReuse,
			})
		}
	}
	return ofStore(err)
}
