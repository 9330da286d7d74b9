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
	Session  string   `json:"sid"`
	Scope    string   `json:"scope,omitempty"`
	Device   string   `json:"device,omitempty"`
	AuthTime int64    `json:"auth_time"`
	AMR      []string `json:"amr,omitempty"`
}

// mint signs an access token for what was decided. The claims are made anew each time: a token that is refreshed must
// not inherit the age of the one before.
func (p *Provider) mint(x *exchange) (string, error) {
	now := p.Now()
	claims, err := json.Marshal(Claims{
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
		AuthTime: x.grant.AuthTime.Unix(),
		AMR:      x.grant.AMR,
	})
	if err != nil {
		return "", &Error{Code: CodeServerError, Cause: fmt.Errorf("write claims: %w", err)}
	}
	key := p.Keys.Current()
	encode := base64.RawURLEncoding
	token := make([]byte, 0, 1024)
	token = encode.AppendEncode(token, []byte(`{"alg":"RS256","kid":"`+key.KID+`","typ":"at+jwt"}`))
	token = append(token, '.')
	token = encode.AppendEncode(token, claims)
	signature, err := key.Sign(token)
	if err != nil {
		return "", &Error{Code: CodeServerError, Cause: fmt.Errorf("sign access token: %w", err)}
	}
	token = append(token, '.')
	return string(encode.AppendEncode(token, signature)), nil
}
