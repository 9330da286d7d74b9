package oauth

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/url"
	"strings"

	"github.com/ory/fosite"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// codeGrant is the token side of RFC 6749 §4.1.3 with PKCE (RFC 7636 §4.5). Everything that does not fit is refused before
// the one ticket step that spends the code, so that a stranger's try costs its owner nothing.
type codeGrant struct{ deviceGrant }

// HandleTokenEndpointRequest redeems a code, once.
func (g codeGrant) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	c, form, x := clientOf(r), r.GetRequestForm(), exchangeOf(r)
	if !c.may(GrantCode) {
		return refuse(CodeUnauthorizedClient, "the client is not registered for the authorization code grant")
	}
	claims, secret, err := g.read(form)
	if err != nil {
		return err
	}
	fingerprint, err := sentFingerprint(r)
	if err != nil {
		return err
	}
	if !claims.Bound && fingerprint == "" {
		fingerprint = claims.Fingerprint
	}
	if err := g.ready(ctx, c, x, form.Get("resource")); err != nil {
		return err
	}
	polled, err := g.look(ctx, store.Poll{
		SID: claims.SID, Secret: secret, ClientID: c.ID, Fingerprint: fingerprint, Key: x.key(), Bind: x.binds(c),
	})
	if err != nil {
		return err
	}
	switch polled.Answer {
	case store.AnswerUnknown:
		return g.spent(ctx, c, claims.SID)
	case store.AnswerWrongKey:
		g.p.reportKey(ctx, claims.SID, c.ID)
		return errKey
	}
	if err := g.decide(ctx, polled); err != nil {
		return errCodeFrom(err)
	}
	x.nonce = claims.Nonce
	// Of two that redeem at once, the slower may have ended the session before the faster one's was confirmed.
	if err := g.redeem(ctx, c, x, form.Get("resource"), polled.Grant); err != nil {
		return errCodeFrom(err)
	}
	return nil
}

// read checks everything about a code that needs no store.
func (g codeGrant) read(form url.Values) (codeClaims, string, error) {
	code, verifier := form.Get("code"), form.Get("code_verifier")
	switch {
	case code == "":
		return codeClaims{}, "", refuse(CodeInvalidRequest, "the code is missing")
	case verifier == "":
		return codeClaims{}, "", refuse(CodeInvalidRequest, "code_verifier is missing (RFC 7636)")
	case form.Get("redirect_uri") == "":
		return codeClaims{}, "", refuse(CodeInvalidRequest, "redirect_uri is missing")
	}
	claims, secret, ok := g.p.codes.read(code)
	if !ok || !verifies(claims.Challenge, verifier) || claims.Redirect != store.Digest("redirect", form.Get("redirect_uri")) {
		return codeClaims{}, "", errCode
	}
	return claims, secret, nil
}

// spent: a code that we have issued and that is not to be had any more was used before. Its second use ends what the first
// one began (RFC 6749 §4.1.2), if it is this client's. The session of another client is left alone.
func (g codeGrant) spent(ctx context.Context, c *client, sid string) error {
	ctx, cancel := g.p.finish(ctx)
	defer cancel()
	err := g.p.Sessions.EndOf(ctx, sid, c.ID, sessions.EndReuse)
	if err != nil && !isRefusal(err) {
		return unavailable(err)
	}
	return errCode
}

// errCode is one text for whatever does not fit: a thief of a code must not learn what else to steal.
var errCode = &Error{
	Code: CodeInvalidGrant,
	Hint: "the code is unknown, used, too old, belongs to another client or device, or does not fit redirect_uri or code_verifier",
}

// errCodeFrom: the code grant knows none of the device grant's own answers; a code that has expired is just no good.
func errCodeFrom(err error) error {
	var refusal *Error
	if errors.As(err, &refusal) && (refusal.Code == CodeServerError || refusal.Code == CodeUnavailable) {
		return err
	}
	return errCode
}

// verifies compares a PKCE verifier with its S256 challenge (RFC 7636 §4.6).
func verifies(challenge, verifier string) bool {
	if len(verifier) < 43 || len(verifier) > 128 || strings.ContainsFunc(verifier, notInVerifier) {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(challengeOf(verifier)), []byte(challenge)) == 1
}

// notInVerifier is what RFC 7636 §4.1 keeps out of a verifier.
func notInVerifier(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._~", c)
}
