package oauth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/handclasp/handclasp/store"
)

// skew is how far two honest clocks may differ.
const skew = time.Minute

// Access is an access token that is good here and now.
type Access struct {
	Claims
	Grant store.Grant
}

// Verify reads the access token of a request to our own API (RFC 6750 §2.1 and RFC 9449 §7.1, header only): signed by us for
// this audience, not expired, shown as what it is bound to wants it, its session alive, and every scope in it. The error is an
// *Error: invalid_token, invalid_dpop_proof, use_dpop_nonce, insufficient_scope, or temporarily_unavailable if the session
// could not be looked up.
func (p *Provider) Verify(ctx context.Context, r *http.Request, scopes ...string) (Access, error) {
	return p.verify(ctx, r, p.Issuer, scopes)
}

// VerifyAny is Verify for a token of any audience: the UserInfo endpoint serves whatever token a client was given
// (OpenID Connect Core §5.3.1), and the scopes alone say what it may read.
func (p *Provider) VerifyAny(ctx context.Context, r *http.Request, scopes ...string) (Access, error) {
	return p.verify(ctx, r, "", scopes)
}

// verify checks the audience unless it is empty.
func (p *Provider) verify(ctx context.Context, r *http.Request, audience string, scopes []string) (Access, error) {
	t, err := p.present(r, audience)
	if err != nil {
		return Access{}, err
	}
	if t.service() {
		return Access{}, &Error{Code: CodeInvalidToken, Scheme: t.scheme, Hint: "the token is a service's, and belongs to no person"}
	}
	shown, err := p.proveAccess(r, t.scheme, t.token, t.Claims)
	if err != nil {
		return Access{}, err
	}
	grant, err := p.Tickets.Grant(ctx, t.Session, t.ID)
	if errors.Is(err, store.ErrNotFound) {
		return Access{}, &Error{Code: CodeInvalidToken, Scheme: t.scheme, Hint: "the session has ended"}
	}
	if err != nil {
		return Access{}, unavailable(err)
	}
	if err := p.useProof(ctx, shown); err != nil {
		return Access{}, underDPoP(err)
	}
	for _, scope := range scopes {
		if !t.Has(scope) {
			return Access{}, &Error{Code: CodeInsufficientScope, Scheme: t.scheme, Scope: strings.Join(scopes, " ")}
		}
	}
	return Access{Claims: t.Claims, Grant: grant}, nil
}

// incoming is an access token that is ours, and how it came.
type incoming struct {
	Claims
	scheme string
	token  string
}

// present reads the access token of a request as far as that needs neither a proof nor a store. An empty audience is any.
func (p *Provider) present(r *http.Request, audience string) (incoming, error) {
	scheme, token := presentedToken(r)
	if token == "" {
		return incoming{}, refuse(CodeInvalidToken, "an access token is missing")
	}
	claims, err := p.readKnown(token)
	if err != nil {
		return incoming{}, &Error{Code: CodeInvalidToken, Scheme: scheme, Cause: err}
	}
	if audience != "" && claims.Audience != audience {
		return incoming{}, &Error{Code: CodeInvalidToken, Scheme: scheme, Hint: "the token is for another resource"}
	}
	return incoming{claims, scheme, token}, nil
}

// presentedToken is the access token of a request and the scheme that it came under; empty if it has none of ours.
func presentedToken(r *http.Request) (scheme, token string) {
	named, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	for _, scheme := range []string{typeBearer, typeDPoP} {
		if strings.EqualFold(named, scheme) {
			return scheme, strings.TrimSpace(token)
		}
	}
	return "", ""
}

// Has reports whether the token holds a scope.
func (c Claims) Has(scope string) bool { return slices.Contains(splitScope(c.Scope), scope) }

// readAccess checks everything about an access token that needs no store.
func (p *Provider) readAccess(token string) (Claims, error) {
	v, err := p.verifySignature(token)
	if err != nil {
		return Claims{}, err
	}
	return v.claims, p.checkClaims(v.claims)
}

// verifySignature says that an access token is ours. Whether it is good now is for checkClaims.
func (p *Provider) verifySignature(token string) (verified, error) {
	if len(token) > mostTokenSize {
		return verified{}, errors.New("the token is too long")
	}
	// Only RS256: the header does not get to choose. go-jose refuses critical headers that it does not know, and we take
	// nothing from the header but the name of one of our own keys; jwk, jku, x5u and x5c are never looked at.
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return verified{}, err
	}
	header := parsed.Headers[0]
	if typ, _ := header.ExtraHeaders[jose.HeaderType].(string); !strings.EqualFold(strings.TrimPrefix(typ, "application/"), "at+jwt") {
		return verified{}, errors.New("the token is not an access token")
	}
	key, ok := p.Keys.Public(header.KeyID)
	if !ok {
		return verified{}, errors.New("the token was not signed by a key of ours")
	}
	v := verified{kid: header.KeyID, key: key}
	if err := parsed.Claims(key, &v.claims); err != nil {
		return verified{}, err
	}
	return v, nil
}

func (p *Provider) checkClaims(claims Claims) error {
	now := p.Now()
	switch {
	case claims.Issuer != p.Issuer:
		return errors.New("the token has another issuer")
	case !now.Before(time.Unix(claims.Expires, 0)):
		return errors.New("the token has expired")
	case now.Add(skew).Before(time.Unix(claims.Issued, 0)):
		return errors.New("the token is from the future")
	case claims.ID == "", len(claims.ID) > 64:
		return errors.New("the token has no id")
	case claims.service() && (claims.ClientID == "" || claims.Subject != claims.ClientID):
		return errors.New("the token names no session, and is no service's")
	case !claims.service() && !store.ValidID(store.SessionPrefix, claims.Session):
		return errors.New("the token's session cannot be one")
	}
	return nil
}
