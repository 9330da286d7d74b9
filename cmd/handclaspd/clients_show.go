package main

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

// shownClient is a client as JSON has it. Hashes of secrets are nobody's business.
type shownClient struct {
	ID                 string          `json:"id"`
	Secret             string          `json:"secret,omitempty"` // once, when it was made
	Name               string          `json:"name"`
	Public             bool            `json:"public"`
	RequireFingerprint bool            `json:"require_fingerprint"`
	Grants             []string        `json:"grants"`
	RedirectURIs       []string        `json:"redirect_uris"`
	LogoutURI          string          `json:"logout_uri,omitempty"`
	LogoutRedirectURIs []string        `json:"logout_redirect_uris,omitempty"`
	Scopes             []store.Scope   `json:"scopes"`
	Audiences          []string        `json:"audiences"`
	JWKS               json.RawMessage `json:"jwks,omitempty"`
	BuiltIn            bool            `json:"built_in"`
	CreatedAt          time.Time       `json:"created_at"`
	UpdatedAt          time.Time       `json:"updated_at"`
	DisabledAt         time.Time       `json:"disabled_at,omitzero"`
}

func shownAs(c store.Client, secret string) shownClient {
	scopes := make([]store.Scope, len(c.Scopes))
	for i, s := range c.Scopes {
		scopes[i] = store.Scope{Name: s.Name, Words: cmp.Or(s.Words, oauth.WordsOf(s.Name))}
	}
	return shownClient{
		ID: c.ID, Secret: secret, Name: c.Name, Public: c.Public, RequireFingerprint: c.RequireFingerprint,
		Grants: list(c.Grants), RedirectURIs: list(c.RedirectURIs), Scopes: scopes, Audiences: list(c.Audiences),
		LogoutURI: c.LogoutURI, LogoutRedirectURIs: c.LogoutRedirectURIs,
		JWKS: json.RawMessage(c.JWKS), BuiltIn: c.BuiltIn, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(), DisabledAt: c.DisabledAt.UTC(),
	}
}

// list is an array in JSON also when it is empty.
func list(items []string) []string { return append([]string{}, items...) }

func (a *app) showClients(clients []store.Client) error {
	if a.json {
		shown := make([]shownClient, len(clients))
		for i, c := range clients {
			shown[i] = shownAs(c, "")
		}
		return a.printJSON(shown)
	}
	if len(clients) == 0 {
		a.say("there are no clients yet")
		return nil
	}
	rows := [][]string{{"ID", "NAME", "PUBLIC", "FINGERPRINT", "AUDIENCE", "CREATED"}}
	for _, c := range clients {
		rows = append(rows, []string{c.ID, c.Name, yesNo(c.Public), needed(c), first(c.Audiences), moment(c.CreatedAt)})
	}
	return a.table(rows...)
}

func needed(c store.Client) string {
	if c.RequireFingerprint {
		return "required"
	}
	return "optional"
}

func first(items []string) string {
	if len(items) == 0 {
		return ""
	}
	return items[0]
}

func (a *app) showClient(c store.Client, secret string) error {
	if a.json {
		return a.printJSON(shownAs(c, secret))
	}
	lines := []field{line("id", c.ID)}
	if secret != "" {
		a.say("keep the secret, it is shown only now")
		lines = append(lines, line("secret", secret))
	}
	lines = append(lines, line("name", c.Name), line("public", yesNo(c.Public)), line("fingerprint", needed(c)),
		line("grants", c.Grants...), line("scopes", scopeLines(c)...), line("audiences", c.Audiences...))
	if len(c.RedirectURIs) > 0 {
		lines = append(lines, line("redirect URIs", c.RedirectURIs...))
	}
	if c.LogoutURI != "" {
		lines = append(lines, line("logout URI", c.LogoutURI))
	}
	if len(c.LogoutRedirectURIs) > 0 {
		lines = append(lines, line("logout redirect URIs", c.LogoutRedirectURIs...))
	}
	if c.JWKS != "" {
		lines = append(lines, line("keys", oauth.KeyLines(c.JWKS)...))
	}
	lines = append(lines, line("built in", yesNo(c.BuiltIn)), line("created", moment(c.CreatedAt)), line("changed", moment(c.UpdatedAt)))
	if !c.DisabledAt.IsZero() {
		lines = append(lines, line("disabled", moment(c.DisabledAt)))
	}
	return a.fields(lines...)
}

func scopeLines(c store.Client) []string {
	lines := make([]string, len(c.Scopes))
	for i, s := range c.Scopes {
		lines[i] = s.Name + "  " + cmp.Or(s.Words, oauth.WordsOf(s.Name))
	}
	return lines
}
