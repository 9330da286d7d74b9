package oauth

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
)

// The scopes of OpenID Connect.
const (
	ScopeOpenID  = "openid"
	ScopeProfile = "profile"
	ScopeEmail   = "email"
	// ScopeOffline lets an app go on when its person has signed out of the browser (OpenID Connect Core §11).
	ScopeOffline = "offline_access"
)

// ACRMail is the only class of authentication that there is today: one factor, a link in a mail.
const ACRMail = "urn:handclasp:params:oauth:acr:mail"

// idClaims are those of an ID token (OpenID Connect Core §2).
type idClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"`
	Expires  int64    `json:"exp"`
	Issued   int64    `json:"iat"`
	AuthTime int64    `json:"auth_time"`
	Nonce    string   `json:"nonce,omitempty"`
	ACR      string   `json:"acr"`
	AMR      []string `json:"amr,omitempty"`
	AZP      string   `json:"azp"`
	AtHash   string   `json:"at_hash"`
	Session  string   `json:"sid"`
}

// idToken signs an ID token beside an access token, if the person's being known was asked for. A refresh brings none: it
// would be a second signature for something that has not changed (OpenID Connect Core §12.2 leaves it open).
func (p *Provider) idToken(x *exchange, access string) (string, error) {
	if !slices.Contains(x.scope, ScopeOpenID) {
		return "", nil
	}
	now := p.Now()
	half := sha256.Sum256([]byte(access))
	return p.sign("JWT", idClaims{
		Issuer: p.Issuer, Subject: x.grant.UserID, Audience: x.grant.ClientID, AZP: x.grant.ClientID,
		Expires: now.Add(p.AccessLife).Unix(), Issued: now.Unix(), AuthTime: x.grant.AuthTime.Unix(),
		Nonce: x.nonce, ACR: ACRMail, AMR: x.grant.AMR, Session: x.grant.SID,
		AtHash: base64.RawURLEncoding.EncodeToString(half[:len(half)/2]), // §3.1.3.6
	})
}
