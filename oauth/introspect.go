package oauth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/handclasp/handclasp/store"
)

// Introspection is what a resource server learns of a token (RFC 7662 §2.2). The zero value is the whole answer for each
// token that is not good, or is none of the asker's business: the two cannot be told apart.
type Introspection struct {
	Active    bool   `json:"active"`
	Issuer    string `json:"iss,omitempty"`
	Subject   string `json:"sub,omitempty"`
	Audience  any    `json:"aud,omitempty"` // a text; of a refresh token, the list that it may pick from
	ClientID  string `json:"client_id,omitempty"`
	TokenType string `json:"token_type,omitempty"` // of access tokens
	Scope     string `json:"scope,omitempty"`
	Expires   int64  `json:"exp,omitempty"`
	Issued    int64  `json:"iat,omitempty"`
	ID        string `json:"jti,omitempty"`
	Session   string `json:"sid,omitempty"` // not of a service's token

	Confirmation *Confirmation `json:"cnf,omitempty"` // the key that it is bound to (RFC 9449 §6.2)

	asker string // the client that was told; never written
}

// Introspect answers an introspection request (RFC 7662 §2.1). The asker has to be a client that has proven itself, else
// whoever finds tokens could try them here. The error is an *Error; a store that does not answer is
// temporarily_unavailable, since neither "good" nor "not good" may be assumed.
func (p *Provider) Introspect(ctx context.Context, r *http.Request) (Introspection, error) {
	if err := checkForm(r); err != nil {
		return Introspection{}, translate(r, err)
	}
	if r.PostForm.Get("token") == "" {
		return Introspection{}, refuse(CodeInvalidRequest, "the token is missing")
	}
	authenticated, err := p.authenticate(ctx, r, r.PostForm)
	if err != nil {
		return Introspection{}, translate(r, err)
	}
	asker := authenticated.(*client)
	if asker.Public {
		return Introspection{}, translate(r, refuse(CodeInvalidClient, "a public client cannot prove itself, and may not introspect"))
	}
	look := p.introspectAccess
	if strings.HasPrefix(r.PostForm.Get("token"), refreshPrefix) {
		look = p.introspectRefresh
	}
	told, err := look(ctx, asker, r.PostForm.Get("token"))
	told.asker = asker.ID
	return told, err
}

// introspectAccess tells of an access token to the client that it was issued to, and to those whose audience it is for.
// Whoever has registered itself is no resource server because it says so.
func (p *Provider) introspectAccess(ctx context.Context, asker *client, token string) (Introspection, error) {
	claims, err := p.readKnown(token)
	if err != nil {
		return Introspection{}, nil // unknown, altered, expired, or no access token
	}
	if claims.ClientID != asker.ID && (asker.self || !slices.Contains(asker.Audiences, claims.Audience)) {
		return Introspection{}, nil
	}
	if good, err := p.stillGood(ctx, claims); err != nil || !good {
		return Introspection{}, err
	}
	return Introspection{
		Active: true, Issuer: claims.Issuer, Subject: claims.Subject, Audience: claims.Audience, ClientID: claims.ClientID,
		TokenType: claims.typeOf(), Scope: claims.Scope, Expires: claims.Expires, Issued: claims.Issued, ID: claims.ID,
		Session: claims.Session, Confirmation: claims.Confirmation,
	}, nil
}

// stillGood asks what a signature cannot say, in one round trip: whether the session lives, or the service's client is
// still registered, and whether this token was revoked on its own.
func (p *Provider) stillGood(ctx context.Context, claims Claims) (bool, error) {
	if !claims.service() {
		_, err := p.Tickets.Grant(ctx, claims.Session, claims.ID)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, unavailable(err)
		}
		return true, nil
	}
	var refusal *Error
	_, err := p.clients.find(ctx, claims.ClientID)
	if errors.As(err, &refusal) && refusal.Code == CodeInvalidClient {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	revoked, err := p.Tickets.Revoked(ctx, claims.ID)
	if err != nil {
		return false, unavailable(err)
	}
	return !revoked, nil
}

// introspectRefresh tells of a refresh token to nobody but the client that holds it, and spends nothing: good is what a
// refresh would take now.
func (p *Provider) introspectRefresh(ctx context.Context, asker *client, token string) (Introspection, error) {
	t, ok := p.Chain.parse(token)
	if !ok {
		return Introspection{}, nil
	}
	g, err := p.Tickets.Grant(ctx, t.sid, "")
	if errors.Is(err, store.ErrNotFound) {
		return Introspection{}, nil
	}
	if err != nil {
		return Introspection{}, unavailable(err)
	}
	if g.ClientID != asker.ID || !asker.may(GrantRefresh) || !refreshable(g, t.jti, p.Now()) {
		return Introspection{}, nil
	}
	return Introspection{
		Active: true, Issuer: p.Issuer, Subject: g.UserID, Audience: g.Audience, ClientID: g.ClientID,
		Scope: strings.Join(g.Scope, " "), Expires: g.Ends().Unix(), Issued: g.RotatedAt.Unix(), ID: t.jti, Session: g.SID,
		Confirmation: confirmation(g.Key),
	}, nil
}

// refreshable says what Tickets.Rotate would, but for a wrong client or device.
func refreshable(g store.Grant, jti string, now time.Time) bool {
	switch jti {
	case g.JTI, g.Next:
		return true
	case g.Previous:
		return now.Before(g.RotatedAt.Add(store.RefreshGrace))
	default:
		return false
	}
}
