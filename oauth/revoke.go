package oauth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/handclasp/handclasp/store"
)

// Revoke answers a revocation request (RFC 7009). nil means that the token is worth nothing from now on, also if it
// never was worth anything; a revocation that could not be carried out is temporarily_unavailable, never a success.
func (p *Provider) Revoke(ctx context.Context, r *http.Request) error {
	if err := checkForm(r); err != nil {
		return translate(r, err)
	}
	if r.PostForm.Get("token") == "" {
		return refuse(CodeInvalidRequest, "the token is missing")
	}
	if err := p.frame.NewRevocationRequest(ctx, r); err != nil {
		return translate(r, err)
	}
	return nil
}

// revocation is ours, since revoking means ending a session in both memories.
type revocation struct{ p *Provider }

// RevokeToken ends the session of a refresh token. An access token ends only itself: every API that was shown one could
// send it here. The hint of RFC 7009 §2.1 is not needed, our tokens say what they are.
func (v revocation) RevokeToken(ctx context.Context, token string, _ fosite.TokenType, c fosite.Client) error {
	if strings.HasPrefix(token, refreshPrefix) {
		t, ok := v.p.Chain.parse(token)
		if !ok {
			return nil
		}
		ctx, cancel := v.p.finish(ctx)
		defer cancel()
		return v.answer(v.p.Sessions.EndOf(ctx, t.sid, c.GetID(), "logout"))
	}
	claims, err := v.p.readAccess(token)
	if err != nil {
		return nil // unknown, altered or expired: nothing is left to revoke (RFC 7009 §2.2)
	}
	if claims.ClientID != c.GetID() {
		return refuse(CodeUnauthorizedClient, "the token belongs to another client")
	}
	left := time.Unix(claims.Expires, 0).Sub(v.p.Now()) + skew
	if claims.service() {
		return v.answer(v.p.Tickets.RevokeService(ctx, claims.ID, left))
	}
	return v.answer(v.p.Tickets.RevokeAccess(ctx, claims.Session, claims.ID, left))
}

func (v revocation) answer(err error) error {
	switch {
	case err == nil, errors.Is(err, store.ErrNotFound):
		return nil
	case errors.Is(err, store.ErrForeign):
		return refuse(CodeUnauthorizedClient, "the token belongs to another client")
	default:
		return unavailable(err)
	}
}
