package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

// ClientForm says what a client is to be. What is not said stays as it is; a list is replaced as a whole.
type ClientForm struct {
	ID                 string          `json:"id,omitempty"` // of a new one; a random one if it is not said
	Name               *string         `json:"name,omitempty"`
	Public             *bool           `json:"public,omitempty"`
	RequireFingerprint *bool           `json:"require_fingerprint,omitempty"`
	Grants             *[]string       `json:"grants,omitempty"`
	RedirectURIs       *[]string       `json:"redirect_uris,omitempty"`
	LogoutURI          *string         `json:"logout_uri,omitempty"`
	LogoutRedirectURIs *[]string       `json:"logout_redirect_uris,omitempty"`
	Scopes             *[]store.Scope  `json:"scopes,omitempty"`
	Audiences          *[]string       `json:"audiences,omitempty"`
	JWKS               json.RawMessage `json:"jwks,omitempty"` // null takes the keys away
}

// said names what the form says, in the words of the command's flags.
func (f ClientForm) said() []string {
	var said []string
	for _, field := range []struct {
		name string
		said bool
	}{
		{"name", f.Name != nil},
		{"public", f.Public != nil},
		{"require-fingerprint", f.RequireFingerprint != nil},
		{"grant", f.Grants != nil},
		{"redirect-uri", f.RedirectURIs != nil},
		{"logout-uri", f.LogoutURI != nil},
		{"logout-redirect-uri", f.LogoutRedirectURIs != nil},
		{"scope", f.Scopes != nil},
		{"audience", f.Audiences != nil},
		{"jwks", f.JWKS != nil},
	} {
		if field.said {
			said = append(said, field.name)
		}
	}
	return said
}

// apply changes of a client what is said, and reports every mistake.
func (f ClientForm) apply(c *store.Client) error {
	var problems []error
	note := func(err error) { problems = append(problems, err) }
	if f.Name != nil {
		c.Name = strings.TrimSpace(*f.Name)
		note(checkText("name", c.Name, nameMost))
	}
	if f.Public != nil {
		c.Public = *f.Public
	}
	if f.RequireFingerprint != nil {
		c.RequireFingerprint = *f.RequireFingerprint
	}
	var err error
	if f.Grants != nil {
		c.Grants, err = each("grant", *f.Grants, readGrant)
		note(err)
	}
	if f.RedirectURIs != nil {
		c.RedirectURIs, err = each("redirect-uri", *f.RedirectURIs, readRedirect)
		note(err)
	}
	if f.LogoutURI != nil {
		c.LogoutURI, err = readLogoutURI(*f.LogoutURI)
		note(err)
	}
	if f.LogoutRedirectURIs != nil {
		c.LogoutRedirectURIs, err = each("logout-redirect-uri", *f.LogoutRedirectURIs, readRedirect)
		note(err)
	}
	if f.Scopes != nil {
		note(applyScopes(c, *f.Scopes))
	}
	if f.Audiences != nil {
		c.Audiences, err = each("audience", *f.Audiences, readAudience)
		note(err)
	}
	if f.JWKS != nil {
		c.JWKS, err = readKeys(f.JWKS)
		note(err)
	}
	return errors.Join(problems...)
}

// applyScopes keeps the scopes of the admin API apart from those that people are asked for.
func applyScopes(c *store.Client, scopes []store.Scope) error {
	all, err := each("scope", scopes, readScope)
	c.Scopes, c.Admin = nil, nil
	for _, s := range all {
		if oauth.OfAdmin(s.Name) {
			c.Admin = append(c.Admin, s.Name)
		} else {
			c.Scopes = append(c.Scopes, s)
		}
	}
	return errors.Join(err, checkTwice(all))
}

func readKeys(text json.RawMessage) (string, error) {
	if bytes.Equal(bytes.TrimSpace(text), []byte("null")) {
		return "", nil
	}
	jwks, err := oauth.ReadKeys(text)
	if err != nil {
		return "", fmt.Errorf("jwks: %w", err)
	}
	return jwks, nil
}

// complete gives a new client what nobody has said.
func (f ClientForm) complete(c *store.Client, issuer string) error {
	if f.Grants == nil {
		c.Grants = []string{oauth.GrantDevice, oauth.GrantRefresh}
	}
	if f.Audiences == nil && issuer != "" {
		c.Audiences = []string{issuer}
	}
	if f.Name == nil {
		return errors.New("name: missing; people see it when they approve")
	}
	return nil
}

// checkWhole looks at what a client must have whatever was said.
func checkWhole(c store.Client, issuer string) error {
	var problems []error
	if len(c.Grants) == 0 {
		problems = append(problems, errors.New("grant: missing; a client without one can do nothing"))
	}
	if len(c.Audiences) == 0 {
		problems = append(problems, errors.New("audience: missing; a token is for somebody"))
	}
	if c.Public && slices.Contains(c.Grants, oauth.GrantClient) {
		problems = append(problems, errors.New("grant client_credentials: a public client cannot prove itself, and may not have it"))
	}
	if c.Public && c.JWKS != "" {
		problems = append(problems, errors.New("jwks: a public client cannot prove itself, and has no keys"))
	}
	if slices.Contains(c.Grants, oauth.GrantCode) && len(c.RedirectURIs) == 0 {
		problems = append(problems, errors.New("redirect-uri: missing; a code goes to an address of the client's"))
	}
	if slices.Contains(c.Grants, oauth.GrantMagicLink) && !slices.ContainsFunc(c.RedirectURIs, oauth.LeadsIntoApp) {
		problems = append(problems, errors.New("redirect-uri: missing; a magic link leads to https or to the app's own scheme"))
	}
	return errors.Join(append(problems, checkAdmin(c, issuer))...)
}

// checkAdmin: the admin API is for clients that act for themselves and prove it, and its audience is the server.
func checkAdmin(c store.Client, issuer string) error {
	switch {
	case len(c.Admin) == 0:
		return nil
	case c.Public || !slices.Equal(c.Grants, []string{oauth.GrantClient}):
		return fmt.Errorf("scope %q: goes with the grant client_credentials and no other", c.Admin[0])
	case issuer != "" && !slices.Contains(c.Audiences, issuer):
		return fmt.Errorf("scope %q: wants the audience %s", c.Admin[0], issuer)
	}
	return nil
}

// checkNewID keeps our own names ours: a prefix explains what an id is, so nobody may choose one that has it.
func (f ClientForm) checkNewID() error {
	switch {
	case f.ID == "":
		return nil
	case f.ID == BuiltInClient:
		return fmt.Errorf("id %q: is our own client's, every server has it", f.ID)
	case strings.HasPrefix(f.ID, store.ClientPrefix), !store.ValidClientID(f.ID):
		return fmt.Errorf("id %q: want up to 128 letters, digits and ._~:/- without one of our prefixes such as cli_", f.ID)
	}
	return nil
}

// BuiltInClient is the id of the client that every server has.
const BuiltInClient = "handclasp"
