package oauth

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/handclasp/handclasp/store"
)

// Claims are those of our access tokens (RFC 9068 §2.2 and our own). Every API that is shown a token can read them, so
// there is no mail address among them.
type Claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"`
	ClientID string   `json:"client_id"`
	Expires  int64    `json:"exp"`
	Issued   int64    `json:"iat"`
	ID       string   `json:"jti"`
	Session  string   `json:"sid,omitempty"` // not of a service's token: there is no session
	Scope    string   `json:"scope,omitempty"`
	Device   string   `json:"device,omitempty"`
	AuthTime int64    `json:"auth_time,omitempty"` // likewise: nobody has signed in
	AMR      []string `json:"amr,omitempty"`
	Status   *Status  `json:"status,omitempty"` // likewise: what cannot end has no place to tell it

	Confirmation *Confirmation `json:"cnf,omitempty"` // the key that the token is bound to; nil of a bearer token
}

// service reports whether the token is a client's own (RFC 6749 §4.4) and no person stands behind it.
func (c Claims) service() bool { return c.Session == "" }

// mint signs an access token for what was decided. The claims are made anew each time: a token that is refreshed must
// not inherit the age of the one before. An empty key binds it to none.
func (p *Provider) mint(x *exchange, key string) (string, error) {
	now := p.Now()
	claims := Claims{
		Issuer:   p.Issuer,
		Subject:  x.grant.UserID,
		Audience: x.audience,
		ClientID: x.grant.ClientID,
		Expires:  now.Add(p.AccessLife).Unix(),
		Issued:   now.Unix(),
		ID:       store.RandomText(16),
		Session:  x.grant.SID,
		Scope:    strings.Join(x.scope, " "),
		Device:   x.grant.DeviceID,
		AMR:      x.grant.AMR,
		Status:   p.statusOf(x.grant.StatusIndex),

		Confirmation: confirmation(key),
	}
	if !x.grant.AuthTime.IsZero() {
		claims.AuthTime = x.grant.AuthTime.Unix()
	}
	return p.sign("at+jwt", claims)
}

// sign makes a JWT of this type with the key that signs now. Only our own constants are types, so the header needs no encoder.
func (p *Provider) sign(typ string, claims any) (string, error) {
	body, err := json.Marshal(claims)
	if err != nil {
		return "", &Error{Code: CodeServerError, Cause: fmt.Errorf("write claims: %w", err)}
	}
	key := p.Keys.Current()
	encode := base64.RawURLEncoding
	token := make([]byte, 0, 1024)
	token = encode.AppendEncode(token, []byte(`{"alg":"RS256","kid":"`+key.KID+`","typ":"`+typ+`"}`))
	token = append(token, '.')
	token = encode.AppendEncode(token, body)
	signature, err := key.Sign(token)
	if err != nil {
		return "", &Error{Code: CodeServerError, Cause: fmt.Errorf("sign a token: %w", err)}
	}
	token = append(token, '.')
	return string(encode.AppendEncode(token, signature)), nil
}
