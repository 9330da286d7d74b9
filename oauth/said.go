package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/handclasp/handclasp/store"
)

// The error codes of RFC 7591 §3.2.2.
const (
	CodeInvalidRedirectURI    = "invalid_redirect_uri"
	CodeInvalidClientMetadata = "invalid_client_metadata"
	CodeUnapprovedStatement   = "unapproved_software_statement"
)

// The ways in which a client proves itself (RFC 7591 §2).
const (
	MethodNone       = "none"
	MethodBasic      = "client_secret_basic"
	MethodPost       = "client_secret_post"
	MethodPrivateKey = "private_key_jwt"
)

// The most that a client may say of itself.
const (
	mostRedirects    = 10
	mostRedirectSize = 512
)

// selfGrants are the grants of clients that no operator has registered. With the client's own credentials it could do
// something without anybody's approval, and a magic link would speak for it in a mail of ours.
var selfGrants = []string{GrantCode, GrantRefresh, GrantDevice}

// SelfMade is what clients may have that no operator has registered.
type SelfMade struct {
	Scopes    []string // beside those that every client may ask for
	Audiences []string // what their tokens are for; the issuer if empty
	Names     []string // that they may not go by, beside those of the operator's own clients
	Most      int      // how many there may be altogether
}

// said is what a client says of itself (RFC 7591 §2), as far as we look at it. What we do not know is ignored, as §2 wants.
type said struct {
	ClientID      string          `json:"client_id"`
	Secret        *string         `json:"client_secret"`
	SecretExpires json.RawMessage `json:"client_secret_expires_at"`
	IssuedAt      json.RawMessage `json:"client_id_issued_at"`
	Token         json.RawMessage `json:"registration_access_token"`
	URI           json.RawMessage `json:"registration_client_uri"`
	Name          string          `json:"client_name"`
	RedirectURIs  []string        `json:"redirect_uris"`
	AfterLogout   []string        `json:"post_logout_redirect_uris"`
	Grants        []string        `json:"grant_types"`
	ResponseTypes []string        `json:"response_types"`
	Method        string          `json:"token_endpoint_auth_method"`
	Scope         *string         `json:"scope"`
	JWKS          json.RawMessage `json:"jwks"`
	JWKSURI       string          `json:"jwks_uri"`
	Statement     json.RawMessage `json:"software_statement"`
}

// readSaid reads a JSON object, and refuses what nobody may be made to believe.
func readSaid(body []byte) (said, *Error) {
	var s said
	if err := json.Unmarshal(body, &s); err != nil {
		return s, &Error{Code: CodeInvalidClientMetadata, Hint: "the body must be a JSON object of client metadata", Cause: err}
	}
	switch {
	case len(s.Statement) > 0 && string(s.Statement) != "null":
		return s, refuse(CodeUnapprovedStatement, "software statements are not accepted here: nobody is trusted to make them")
	case s.JWKSURI != "":
		return s, refuse(CodeInvalidClientMetadata, "jwks_uri is not supported; send the keys as jwks")
	}
	return s, nil
}

// selfMade makes a record of what was said. Whatever only an operator may decide has one value here.
func (p *Provider) selfMade(ctx context.Context, s said, method string) (store.Client, *Error) {
	c := store.Client{
		Name: strings.TrimSpace(s.Name), Public: method == MethodNone, RedirectURIs: s.RedirectURIs, LogoutRedirectURIs: s.AfterLogout,
		Audiences: p.SelfMade.Audiences,
	}
	if len(c.Audiences) == 0 {
		c.Audiences = []string{p.Issuer}
	}
	if err := s.readGrants(&c); err != nil {
		return c, err
	}
	if err := checkRedirects(c); err != nil {
		return c, err
	}
	if err := p.readScopes(&c, s.Scope); err != nil {
		return c, err
	}
	if err := s.readKeys(&c, method); err != nil {
		return c, err
	}
	return c, p.checkName(ctx, c.Name)
}

// nameless is what a client is called that gives itself no name: by the one place where it sends people, if that would do as a name
// that it has given itself.
func (p *Provider) nameless(ctx context.Context, c store.Client) (string, *Error) {
	place := ""
	for _, uri := range c.RedirectURIs {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme == "http" { // this machine
			continue
		}
		this := u.Scheme
		if u.Scheme == "https" {
			this = strings.TrimPrefix(u.Hostname(), "www.")
		}
		if place != "" && place != this {
			return withoutName, nil
		}
		place = this
	}
	refusal := p.checkName(ctx, place)
	if refusal != nil && refusal.Code == CodeUnavailable {
		return "", refusal
	}
	if refusal != nil || place == "" {
		return withoutName, nil
	}
	return place, nil
}

const withoutName = "a program without a name"

// readGrants: a response type stands for a grant type, and they have to agree (RFC 7591 §2.1).
func (s said) readGrants(c *store.Client) *Error {
	c.Grants = dedupe(s.Grants)
	if s.Grants == nil {
		c.Grants = []string{GrantCode}
	}
	for _, grant := range c.Grants {
		if !slices.Contains(selfGrants, grant) {
			return refuse(CodeInvalidClientMetadata, "grant_types may hold "+strings.Join(selfGrants, ", "))
		}
	}
	code := slices.Contains(c.Grants, GrantCode)
	if !code && !slices.Contains(c.Grants, GrantDevice) {
		return refuse(CodeInvalidClientMetadata, "grant_types must hold a grant that a login begins with")
	}
	for _, kind := range s.ResponseTypes {
		if kind != "code" {
			return refuse(CodeInvalidClientMetadata, "response_types may hold code and nothing else")
		}
	}
	if s.ResponseTypes != nil && code != (len(s.ResponseTypes) > 0) {
		return refuse(CodeInvalidClientMetadata, "response_types must hold code if grant_types holds authorization_code, and only then")
	}
	return nil
}

func checkRedirects(c store.Client) *Error {
	if slices.Contains(c.Grants, GrantCode) && len(c.RedirectURIs) == 0 {
		return refuse(CodeInvalidRedirectURI, "redirect_uris is missing; a code goes to an address of the client's")
	}
	if err := checkAddresses("redirect_uris", c.RedirectURIs); err != nil {
		return err
	}
	return checkAddresses("post_logout_redirect_uris", c.LogoutRedirectURIs)
}

func checkAddresses(name string, uris []string) *Error {
	if len(uris) > mostRedirects {
		return refuse(CodeInvalidRedirectURI, fmt.Sprintf("%s may hold %d at most", name, mostRedirects))
	}
	for i, uri := range uris {
		if err := CheckRedirectURI(uri); err != nil {
			return refuse(CodeInvalidRedirectURI, fmt.Sprintf("entry %d of %s %s", i+1, name, err))
		}
		if len(uri) > mostRedirectSize {
			return refuse(CodeInvalidRedirectURI, fmt.Sprintf("entry %d of %s is too long", i+1, name))
		}
	}
	return nil
}

// readScopes gives a client what it asks for, within what such clients may have; all of that if it says nothing.
func (p *Provider) readScopes(c *store.Client, scope *string) *Error {
	wanted := p.SelfMade.Scopes
	if scope != nil {
		wanted = dedupe(splitScope(*scope))
	}
	for _, name := range wanted {
		switch {
		case slices.Contains(p.SelfMade.Scopes, name):
			c.Scopes = append(c.Scopes, store.Scope{Name: name})
		case !isCommon(name):
			return refuse(CodeInvalidClientMetadata, "the scope "+quoted(name)+" is not for clients that register themselves")
		}
	}
	return nil
}

func isCommon(name string) bool {
	return slices.ContainsFunc(common, func(s store.Scope) bool { return s.Name == name })
}

func (s said) readKeys(c *store.Client, method string) *Error {
	if method != MethodPrivateKey {
		return nil // keys for something else are not looked at
	}
	if len(s.JWKS) == 0 {
		return refuse(CodeInvalidClientMetadata, "the jwks is missing; private_key_jwt needs public keys")
	}
	jwks, err := ReadKeys(s.JWKS)
	if err != nil {
		return &Error{Code: CodeInvalidClientMetadata, Hint: "the jwks holds a key that cannot be taken: it wants public keys, RSA, EC P-256 or Ed25519", Cause: err}
	}
	c.JWKS = jwks
	return nil
}

// narrow keeps of a resource's scopes what such a client has, whatever its audience may offer to others.
func (c *client) narrow() {
	for i, r := range c.resources {
		c.resources[i].Scopes = slices.DeleteFunc(slices.Clone(r.Scopes), func(s store.Scope) bool {
			return !slices.ContainsFunc(c.Scopes, func(own store.Scope) bool { return own.Name == s.Name })
		})
	}
}
