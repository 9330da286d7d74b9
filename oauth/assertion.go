package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/handclasp/handclasp/store"
)

// AssertionType is private_key_jwt (RFC 7523 §2.2, OpenID Connect Core §9).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertionLife is how far ahead the end of an assertion may lie: so long its jti has to be remembered.
const assertionLife = 5 * time.Minute

// assertionAlgs are what a client may sign with. No symmetric one is among them: a public key would then be a secret that
// everybody knows.
var assertionAlgs = []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA}

func asserts(form url.Values) bool {
	return form.Has("client_assertion") || form.Has("client_assertion_type")
}

// authenticateByKey proves a client by a JWT that it signed with one of its registered keys (RFC 7523 §3). An assertion is
// good once: the keeper is told of it last, so that nobody but the client can use one up.
func (p *Provider) authenticateByKey(ctx context.Context, r *http.Request, form url.Values) (*client, error) {
	if _, _, basic := r.BasicAuth(); basic || form.Has("client_secret") {
		return nil, refuse(CodeInvalidRequest, "use one way of client authentication")
	}
	if form.Get("client_assertion_type") != AssertionType {
		return nil, refuse(CodeInvalidClient, "client_assertion_type must be "+AssertionType)
	}
	assertion, err := jwt.ParseSigned(form.Get("client_assertion"), assertionAlgs)
	if err != nil {
		return nil, &Error{Code: CodeInvalidClient, Hint: "the client assertion cannot be read, or its algorithm is not accepted", Cause: err}
	}
	c, err := p.assertedClient(ctx, assertion, form)
	if err != nil {
		return nil, err
	}
	var claims jwt.Claims
	if err := c.verify(assertion, &claims); err != nil {
		return nil, &Error{Code: CodeInvalidClient, Hint: "the client assertion is not signed by a key of the client", Cause: err}
	}
	if err := p.checkAssertion(claims, c.ID); err != nil {
		return nil, err
	}
	// One more minute for keepers whose clock is not ours.
	left := claims.Expiry.Time().Sub(p.Now()) + 2*skew
	first, err := p.Tickets.Mark(ctx, "assertion:"+store.Digest("client-assertion", c.ID+" "+claims.ID), left)
	if err != nil {
		return nil, unavailable(err)
	}
	if !first {
		return nil, refuse(CodeInvalidClient, "the client assertion was used before")
	}
	return c, nil
}

// assertedClient finds who the assertion says it is from; nothing is believed yet.
func (p *Provider) assertedClient(ctx context.Context, assertion *jwt.JSONWebToken, form url.Values) (*client, error) {
	var said jwt.Claims
	if err := assertion.UnsafeClaimsWithoutVerification(&said); err != nil {
		return nil, &Error{Code: CodeInvalidClient, Hint: "the client assertion cannot be read", Cause: err}
	}
	if form.Has("client_id") && form.Get("client_id") != said.Issuer {
		return nil, refuse(CodeInvalidRequest, "client_id differs from the client assertion")
	}
	id, _, err := checkedID(said.Issuer, "")
	if err != nil {
		return nil, err
	}
	c, err := p.clients.find(ctx, id)
	if err != nil {
		return nil, err
	}
	if c.Public || len(c.keys) == 0 {
		return nil, refuse(CodeInvalidClient, "the client has no keys registered here")
	}
	return c, nil
}

// verify checks the signature. Of the header nothing counts but the name of one of the client's own keys; jwk, jku, x5u
// and x5c are never looked at, and a header that we must understand (RFC 7515 §4.1.11) is one that we do not.
func (c *client) verify(assertion *jwt.JSONWebToken, into *jwt.Claims) error {
	header := assertion.Headers[0]
	if _, critical := header.ExtraHeaders["crit"]; critical {
		return errors.New("the assertion has a critical header")
	}
	for _, key := range c.keys {
		if header.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if assertion.Claims(key.Key, into) == nil {
			return nil
		}
	}
	return errors.New("no key of the client fits")
}

// checkAssertion holds the claims against RFC 7523 §3. The audience is this server alone: an assertion that is good
// elsewhere too could be used here by whoever received it there.
func (p *Provider) checkAssertion(claims jwt.Claims, id string) error {
	now, slack := p.Now().Unix(), int64(skew/time.Second)
	switch {
	case claims.Issuer != id, claims.Subject != id:
		return refuse(CodeInvalidClient, "the iss and sub of the client assertion must be the client's id")
	case len(claims.Audience) != 1, claims.Audience[0] != p.Issuer && claims.Audience[0] != p.tokenEndpoint():
		return refuse(CodeInvalidClient, "the aud of the client assertion must be the issuer or the token endpoint, and nothing else")
	case claims.Expiry == nil, int64(*claims.Expiry) <= now-slack:
		return refuse(CodeInvalidClient, "the client assertion has expired, or has no exp")
	case int64(*claims.Expiry) > now+int64(assertionLife/time.Second)+slack:
		return refuse(CodeInvalidClient, "the exp of the client assertion lies too far ahead")
	case claims.NotBefore != nil && int64(*claims.NotBefore) > now+slack, claims.IssuedAt != nil && int64(*claims.IssuedAt) > now+slack:
		return refuse(CodeInvalidClient, "the client assertion is from the future")
	case claims.ID == "", len(claims.ID) > 256:
		return refuse(CodeInvalidClient, "the jti of the client assertion is missing or too long")
	}
	return nil
}

func (p *Provider) tokenEndpoint() string { return p.Issuer + "/oauth/token" }

// provenKey is where a request's context holds the client that has proven itself. Fosite asks a second time at the device
// endpoint, and an assertion is good once.
type provenKey struct{}

func withProven(ctx context.Context, c *client) context.Context {
	return context.WithValue(ctx, provenKey{}, c)
}

func provenIn(ctx context.Context) (*client, bool) {
	c, ok := ctx.Value(provenKey{}).(*client)
	return c, ok
}
