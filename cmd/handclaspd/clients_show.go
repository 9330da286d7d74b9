package main

import (
	"slices"
	"strings"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

func (a *app) showClients(clients []admin.Client) error {
	if a.json {
		return a.printJSON(whole(clients))
	}
	if len(clients) == 0 {
		a.say("there are no clients yet")
		return nil
	}
	rows := [][]string{{"ID", "NAME", "PUBLIC", "FINGERPRINT", "AUDIENCE", "FROM", "STATE", "CREATED"}}
	for _, c := range clients {
		rows = append(rows, []string{c.ID, c.Name, yesNo(c.Public), needed(c), first(c.Audiences), cameFrom(c), standing(!c.DisabledAt.IsZero()), moment(c.CreatedAt)})
	}
	return a.table(rows...)
}

// whole is a list that is one also when it is empty.
func whole[T any](list []T) []T { return append([]T{}, list...) }

func needed(c admin.Client) string {
	if c.RequireFingerprint {
		return "required"
	}
	return "optional"
}

// cameFrom is the origin in words.
func cameFrom(c admin.Client) string { return strings.ReplaceAll(c.Origin, "_", " ") }

// allScopes are the client's own, and those that everybody's client may ask for who signs people in.
func allScopes(c admin.Client) []string {
	lines := scopeLines(c.Scopes)
	if slices.ContainsFunc(c.Grants, func(grant string) bool { return grant != oauth.GrantClient && grant != oauth.GrantRefresh }) {
		lines = append(lines, strings.Join(oauth.CommonScopes(), ", ")+"  as every client")
	}
	return lines
}

// standing is how a client or a user stands, in a word.
func standing(disabled bool) string {
	if disabled {
		return string(store.Disabled)
	}
	return string(store.Enabled)
}

func first(items []string) string {
	if len(items) == 0 {
		return ""
	}
	return items[0]
}

func (a *app) showClient(c admin.Client) error {
	if a.json {
		return a.printJSON(c)
	}
	lines := []field{line("id", c.ID)}
	if c.Secret != "" {
		a.say("keep the secret, it is shown only now")
		lines = append(lines, line("secret", c.Secret))
	}
	lines = append(lines, line("name", c.Name), line("public", yesNo(c.Public)), line("fingerprint", needed(c)),
		line("grants", c.Grants...), line("scopes", allScopes(c)...), line("audiences", c.Audiences...))
	if len(c.RedirectURIs) > 0 {
		lines = append(lines, line("redirect URIs", c.RedirectURIs...))
	}
	if c.LogoutURI != "" {
		lines = append(lines, line("logout URI", c.LogoutURI))
	}
	if len(c.LogoutRedirectURIs) > 0 {
		lines = append(lines, line("logout redirect URIs", c.LogoutRedirectURIs...))
	}
	if len(c.JWKS) > 0 {
		lines = append(lines, line("keys", oauth.KeyLines(string(c.JWKS))...))
	}
	lines = append(lines, line("from", cameFrom(c)), line("created", moment(c.CreatedAt)), line("changed", moment(c.UpdatedAt)))
	if !c.DisabledAt.IsZero() {
		lines = append(lines, line("disabled", moment(c.DisabledAt)))
	}
	return a.fields(lines...)
}

func scopeLines(scopes []store.Scope) []string {
	lines := make([]string, len(scopes))
	for i, s := range scopes {
		lines[i] = s.Name + "  " + s.Words
	}
	return lines
}
