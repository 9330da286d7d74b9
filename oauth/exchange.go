package oauth

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// TokenAnswer is a successful token response (RFC 6749 §5.1), ready to be written as JSON.
type TokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

// Waited is how long a wait the server honoured, for Preference-Applied (RFC 7240 §3); zero if none.
type Waited time.Duration

// Token answers the token endpoint (RFC 6749 §3.2). The error is an *Error. A poll that prefers to wait is held until
// the decision, the end of its patience, or Close; Waited says whether it was, also beside an error.
func (p *Provider) Token(ctx context.Context, r *http.Request) (TokenAnswer, Waited, error) {
	if err := checkForm(r); err != nil {
		return TokenAnswer{}, 0, translate(r, err)
	}
	switch r.PostForm.Get("grant_type") {
	case "":
		return TokenAnswer{}, 0, refuse(CodeInvalidRequest, "grant_type is missing")
	case GrantCode, GrantDevice, GrantRefresh, GrantClient, GrantMagicLink:
	default:
		return TokenAnswer{}, 0, refuse(CodeUnsupportedGrantType, "")
	}
	x := &exchange{}
	if err := p.readProofs(r, x); err != nil {
		return TokenAnswer{}, 0, translate(r, err)
	}
	if r.PostForm.Get("grant_type") == GrantDevice {
		x.wait = preferWait(r.Header, p.WaitMost)
	}
	if x.wait == 0 { // a poll that is held bounds each of its looks
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.stepTime())
		defer cancel()
	}
	request, err := p.frame.NewAccessRequest(ctx, r, x)
	if err != nil {
		return TokenAnswer{}, x.waited, translate(r, err)
	}
	response, err := p.frame.NewAccessResponse(ctx, request)
	if err != nil {
		return TokenAnswer{}, x.waited, translate(r, err)
	}
	return TokenAnswer{
		AccessToken:  response.GetAccessToken(),
		TokenType:    response.GetTokenType(),
		ExpiresIn:    int64(p.AccessLife / time.Second),
		RefreshToken: x.refresh,
		IDToken:      x.id,
		Scope:        strings.Join(x.scope, " "),
	}, x.waited, nil
}

// exchange is our fosite.Session: what one request carries from the step that decides to the step that signs. It is
// never stored.
type exchange struct {
	wait   time.Duration // the client's patience
	proof  *shownProof   // nil if it showed none
	bearer bool          // it asks for a bearer token all the same

	waited   Waited
	grant    store.Grant
	scope    []string // of this access token
	audience string   // of this access token
	nonce    string   // for the ID token
	id       string   // the ID token; empty if none is due
	refresh  string   // the token to hand out; empty if the client may not refresh
}

func (*exchange) SetExpiresAt(fosite.TokenType, time.Time) {}
func (*exchange) GetExpiresAt(fosite.TokenType) time.Time  { return time.Time{} }
func (*exchange) GetUsername() string                      { return "" }
func (x *exchange) GetSubject() string                     { return x.grant.UserID }
func (x *exchange) Clone() fosite.Session                  { c := *x; return &c }
func exchangeOf(r interface{ GetSession() fosite.Session }) *exchange {
	return r.GetSession().(*exchange)
}

// grant is what our token-side handlers have in common: they answer for one grant type, and sign what was decided.
type grant struct {
	p         *Provider
	grantType string
}

// CanSkipClientAuth is never so: a public client still names itself, and is looked up.
func (grant) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// CanHandleTokenEndpointRequest compares the grant type.
func (g grant) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne(g.grantType)
}

// PopulateTokenEndpointResponse signs the access token. Everything that could be refused has been decided before.
func (g grant) PopulateTokenEndpointResponse(_ context.Context, r fosite.AccessRequester, answer fosite.AccessResponder) error {
	if !r.GetGrantTypes().ExactOne(g.grantType) {
		return fosite.ErrUnknownRequest
	}
	x, c := exchangeOf(r), clientOf(r)
	if err := c.checkBound(x.audience, x.proof != nil); err != nil {
		return err
	}
	x.scope = c.scopeFor(x.scope, x.audience)
	token, err := g.p.mint(x, x.tokenKey(c))
	if err != nil {
		return err
	}
	if g.grantType != GrantRefresh {
		if x.id, err = g.p.idToken(x, token); err != nil {
			return err
		}
	}
	answer.SetAccessToken(token)
	answer.SetTokenType(typeBearer)
	if x.tokenKey(c) != "" {
		answer.SetTokenType(typeDPoP)
	}
	return nil
}

// address says whom the access token is for. A session none of whose audiences is the client's any more can bring no token, now or
// later: it ends, and the client begins another one for what it has now.
func (g grant) address(ctx context.Context, c *client, x *exchange, resource string) error {
	x.audience = c.audienceOf(x.grant.Audience, resource)
	if x.audience != "" || len(x.grant.Audience) == 0 {
		return nil
	}
	ctx, cancel := g.p.finish(ctx)
	defer cancel()
	if err := g.p.Sessions.EndOf(ctx, x.grant.SID, c.ID, sessions.EndRefused); err != nil && !isRefusal(err) {
		return unavailable(err)
	}
	return errGrant
}

// sentFingerprint reads the fingerprint of a token request as its hash, empty if none was sent.
func sentFingerprint(r fosite.AccessRequester) (string, error) {
	value := r.GetRequestForm().Get("device_fingerprint")
	if value != "" && !ValidFingerprint(value) {
		return "", refuse(CodeInvalidRequest, "device_fingerprint must be 32 to 128 characters of A-Za-z0-9_-")
	}
	return hashFingerprint(value), nil
}
