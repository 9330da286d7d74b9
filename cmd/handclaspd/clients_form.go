package main

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/store"
)

// clientForm is what the flags of create and update say of a client.
type clientForm struct {
	id, name           string
	public             bool
	requireFingerprint bool
	grants             []string
	redirects          []string
	logoutURI          string
	logoutRedirects    []string
	scopes             []string
	audiences          []string
	jwks               string

	changed map[string]bool // the names of the flags that were given
}

func (f *clientForm) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.name, "name", "", "the `name` that people see when they approve")
	flags.BoolVar(&f.public, "public", false, "it cannot keep a secret, and has none")
	flags.BoolVar(&f.requireFingerprint, "require-fingerprint", false, "it must send a device fingerprint, also at a refresh")
	flags.StringArrayVar(&f.grants, "grant", nil, "a `kind` of grant: device, refresh, code, client_credentials or magic-link; may be repeated")
	flags.StringArrayVar(&f.redirects, "redirect-uri", nil, "a `uri` that a browser may be sent back to; may be repeated")
	flags.StringVar(&f.logoutURI, "logout-uri", "", "the `uri` where it hears that a session of its has ended (back-channel logout); empty for nowhere")
	flags.StringArrayVar(&f.logoutRedirects, "logout-redirect-uri", nil, "a `uri` that a browser may go to after a sign-out; may be repeated")
	flags.StringArrayVar(&f.scopes, "scope", nil, "a scope and what it allows in people's words, as `name=words`; the name alone if an audience has words for it; or admin:read, admin:write, admin:keys; may be repeated")
	flags.StringArrayVar(&f.audiences, "audience", nil, "the `uri` of an API, the first is the default; may be repeated")
	flags.StringVar(&f.jwks, "jwks", "", "the `file` with the public keys (JWKS) by which it proves itself, instead of a secret; empty takes them away")
}

// given notes which flags were typed.
func (f *clientForm) given(flags *pflag.FlagSet) clientForm {
	form := *f
	form.changed = typed(flags)
	return form
}

// typed names the flags that were typed.
func typed(flags *pflag.FlagSet) map[string]bool {
	names := map[string]bool{}
	flags.Visit(func(f *pflag.Flag) { names[f.Name] = true })
	return names
}

// form is what was typed as the desk takes it. What is wrong with it the desk says, but for a file that cannot be read.
func (f clientForm) form() (form admin.ClientForm, err error) {
	form.ID = f.id
	form.Name = said(f.changed["name"], f.name)
	form.Public = said(f.changed["public"], f.public)
	form.RequireFingerprint = said(f.changed["require-fingerprint"], f.requireFingerprint)
	form.Grants = said(f.changed["grant"], entries(f.grants))
	form.RedirectURIs = said(f.changed["redirect-uri"], entries(f.redirects))
	form.LogoutURI = said(f.changed["logout-uri"], f.logoutURI)
	form.LogoutRedirectURIs = said(f.changed["logout-redirect-uri"], entries(f.logoutRedirects))
	form.Scopes = said(f.changed["scope"], scopes(f.scopes))
	form.Audiences = said(f.changed["audience"], entries(f.audiences))
	if f.changed["jwks"] {
		form.JWKS, err = readKeySet(f.jwks)
	}
	return form, err
}

// said is nil for what was not typed.
func said[T any](given bool, value T) *T {
	if !given {
		return nil
	}
	return &value
}

// entries are those of a repeated flag. One empty entry alone empties the list.
func entries(given []string) []string {
	if len(given) == 1 && given[0] == "" {
		return []string{}
	}
	return given
}

// scopes reads 'name=words'.
func scopes(given []string) []store.Scope {
	list := []store.Scope{}
	for _, entry := range entries(given) {
		name, words, _ := strings.Cut(entry, "=")
		list = append(list, store.Scope{Name: name, Words: words})
	}
	return list
}
