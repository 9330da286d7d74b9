package verify

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json" // heeds case and refuses a member that is given twice
)

const (
	mostTokenSize = 8 << 10
	// skew is how far two honest clocks may differ.
	skew = time.Minute
)

// Token is an access token that is good here and now.
type Token struct {
	Subject     string // the user, or the client if Service
	ClientID    string // the tool that was given the token
	Session     string // ses_…; empty for what has none
	Scopes      []string
	Audience    string // of Options
	IssuedAt    time.Time
	ExpiresAt   time.Time
	ID          string    // jti
	AuthTime    time.Time // when the person proved who they are; zero for a service
	AMR         []string  // how they did (RFC 8176)
	ACR         string    // how well they did; empty if the server does not say
	Roles       []string
	Permissions []string
	Device      string // dev_…; empty for what has none
	Plan        string

	// Confirmation is the thumbprint of the key that the token is bound to (cnf.jkt, RFC 9449 §6.1), whose proof was
	// there; empty for a bearer token.
	Confirmation string
}

// Service reports whether a client acts for itself and nobody is signed in (RFC 9068 §5): then Subject is the client.
func (t Token) Service() bool { return t.Subject == t.ClientID }

// claims are those that are read (RFC 9068 §2.2, RFC 7800 §3.1 and Handclasp's own).
type claims struct {
	Issuer      string                     `json:"iss"`
	Subject     string                     `json:"sub"`
	Audience    audience                   `json:"aud"`
	ClientID    string                     `json:"client_id"`
	Expires     int64                      `json:"exp"`
	Issued      int64                      `json:"iat"`
	NotBefore   int64                      `json:"nbf"`
	ID          string                     `json:"jti"`
	Session     string                     `json:"sid"`
	Scope       string                     `json:"scope"`
	AuthTime    int64                      `json:"auth_time"`
	AMR         []string                   `json:"amr"`
	ACR         string                     `json:"acr"`
	Roles       []string                   `json:"roles"`
	Permissions []string                   `json:"permissions"`
	Device      string                     `json:"device"`
	Plan        string                     `json:"plan"`
	Bound       map[string]json.RawMessage `json:"cnf"`
	Status      *statusClaim               `json:"status"`
}

// audience is a text or a list of texts (RFC 7519 §4.1.3).
type audience []string

// UnmarshalJSON reads both.
func (a *audience) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// The schemes of the Authorization header.
const (
	schemeBearer = "Bearer"
	schemeDPoP   = "DPoP"
)

// shown finds the token in the request. Another scheme is no attempt to show one.
func (v *Verifier) shown(r *http.Request) (scheme, text string, err error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return "", "", v.missing()
	}
	// RFC 6750 §3.1: more than one way of showing a token is a malformed request.
	if len(values) > 1 {
		return "", "", v.refuse(refusal{status: http.StatusBadRequest, code: CodeInvalidRequest, words: "more than one Authorization header"})
	}
	scheme, text, _ = strings.Cut(values[0], " ")
	switch {
	case strings.EqualFold(scheme, schemeBearer):
		scheme = schemeBearer
	case strings.EqualFold(scheme, schemeDPoP) && v.url != nil:
		scheme = schemeDPoP
	default:
		return "", "", v.missing()
	}
	return scheme, strings.Trim(text, " "), nil
}

// read judges the token by itself.
func (v *Verifier) read(ctx context.Context, scheme, text string) (Token, error) {
	found, err := parseToken(text)
	if err != nil {
		return Token{}, v.badToken(scheme, err)
	}
	key, err := v.keys.key(ctx, found.header.KeyID)
	if errors.Is(err, errUnknownKey) {
		return Token{}, v.badToken(scheme, err)
	}
	if err != nil {
		return Token{}, v.unavailable(err)
	}
	var c claims
	if err := found.open(key, &c); err != nil {
		return Token{}, v.badToken(scheme, err)
	}
	if err := v.checkClaims(c); err != nil {
		return Token{}, v.badToken(scheme, err)
	}
	token, err := c.token()
	if err != nil {
		return Token{}, v.badToken(scheme, err)
	}
	if err := v.checkStatus(ctx, scheme, c.Status); err != nil {
		return Token{}, err
	}
	return token, nil
}

// parseToken reads what a token says of itself, which is nothing that can be trusted. Without the type an ID token would
// be an access token (RFC 9068 §2.1).
func parseToken(text string) (envelope, error) { return parseOfIssuer(text, mostTokenSize, "at+jwt") }

func (v *Verifier) checkClaims(c claims) error {
	now := v.now()
	switch {
	case c.Issuer != v.issuer:
		return errors.New("the token has another issuer")
	// One token has one audience: whoever else a token is good for could use it here.
	case len(c.Audience) != 1 || c.Audience[0] != v.audience:
		return errors.New("the token is for another audience")
	case !now.Before(time.Unix(c.Expires, 0)):
		return errors.New("the token has expired")
	case c.Issued <= 0 || now.Add(skew).Before(time.Unix(c.Issued, 0)), now.Add(skew).Before(time.Unix(c.NotBefore, 0)):
		return errors.New("the token is from the future, or does not say from when it is")
	case c.ID == "", c.Subject == "", c.ClientID == "":
		return errors.New("the token lacks jti, sub or client_id")
	}
	return nil
}

// token takes over what was checked.
func (c claims) token() (Token, error) {
	t := Token{
		Subject: c.Subject, ClientID: c.ClientID, Session: c.Session, Scopes: strings.Fields(c.Scope), Audience: c.Audience[0],
		IssuedAt: time.Unix(c.Issued, 0), ExpiresAt: time.Unix(c.Expires, 0), ID: c.ID, AMR: c.AMR, ACR: c.ACR,
		Roles: c.Roles, Permissions: c.Permissions, Device: c.Device, Plan: c.Plan,
	}
	if c.AuthTime > 0 {
		t.AuthTime = time.Unix(c.AuthTime, 0)
	}
	if c.Bound == nil {
		return t, nil
	}
	// A binding that is not understood must not be dropped (RFC 7800 §3.1): the token would be a bearer token again.
	if err := json.Unmarshal(c.Bound["jkt"], &t.Confirmation); err != nil || t.Confirmation == "" || len(c.Bound) != 1 {
		return Token{}, errors.New("the token is bound in a way that is not understood")
	}
	return t, nil
}
