package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

// The most that a client may bring: an approval page must stay readable.
const (
	nameMost  = 60
	wordsMost = 100
	listMost  = 50
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

	changed []string // the names of the flags that were given
}

func (f *clientForm) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.name, "name", "", "what people see when they approve")
	flags.BoolVar(&f.public, "public", false, "it cannot keep a secret, and has none")
	flags.BoolVar(&f.requireFingerprint, "require-fingerprint", false, "it must send a device fingerprint, also at a refresh")
	flags.StringArrayVar(&f.grants, "grant", nil, "device, refresh, code, client_credentials or magic-link; may be repeated (default: the first two)")
	flags.StringArrayVar(&f.redirects, "redirect-uri", nil, "where a browser may be sent back to; may be repeated")
	flags.StringVar(&f.logoutURI, "logout-uri", "", "where it hears that a session of its has ended (back-channel logout); empty for nowhere")
	flags.StringArrayVar(&f.logoutRedirects, "logout-redirect-uri", nil, "where a browser may go after a sign-out; may be repeated")
	flags.StringArrayVar(&f.scopes, "scope", nil, "'name=What it allows, in people's words'; may be repeated")
	flags.StringArrayVar(&f.audiences, "audience", nil, "an API's URI, the first is the default; may be repeated (default: the issuer)")
	flags.StringVar(&f.jwks, "jwks", "", "file with the public keys (JWKS) by which it proves itself, instead of a secret; empty takes them away")
}

// given notes which flags were typed. The settings' own flags are none of a client's.
func (f *clientForm) given(flags *pflag.FlagSet) clientForm {
	form := *f
	for _, name := range []string{"name", "public", "require-fingerprint", "grant", "redirect-uri", "logout-uri", "logout-redirect-uri", "scope", "audience", "jwks"} {
		if flags.Changed(name) {
			form.changed = append(form.changed, name)
		}
	}
	return form
}

func (f *clientForm) has(name string) bool { return slices.Contains(f.changed, name) }

// apply changes of a client what was given, and reports every mistake.
func (f *clientForm) apply(c *store.Client) error {
	var problems []error
	note := func(err error) { problems = append(problems, err) }
	if f.has("name") {
		c.Name = strings.TrimSpace(f.name)
		note(checkText("name", c.Name, nameMost))
	}
	if f.has("public") {
		c.Public = f.public
	}
	if f.has("require-fingerprint") {
		c.RequireFingerprint = f.requireFingerprint
	}
	var err error
	if f.has("grant") {
		c.Grants, err = each("grant", f.grants, readGrant)
		note(err)
	}
	if f.has("redirect-uri") {
		c.RedirectURIs, err = each("redirect-uri", f.redirects, readRedirect)
		note(err)
	}
	if f.has("logout-uri") {
		c.LogoutURI, err = readLogoutURI(f.logoutURI)
		note(err)
	}
	if f.has("logout-redirect-uri") {
		c.LogoutRedirectURIs, err = each("logout-redirect-uri", f.logoutRedirects, readRedirect)
		note(err)
	}
	if f.has("scope") {
		c.Scopes, err = each("scope", f.scopes, readScope)
		note(errors.Join(err, checkTwice(c.Scopes)))
	}
	if f.has("audience") {
		c.Audiences, err = each("audience", f.audiences, readAudience)
		note(err)
	}
	if f.has("jwks") {
		c.JWKS, err = readKeySet(f.jwks)
		note(err)
	}
	return errors.Join(problems...)
}

// complete gives a new client what nobody has said.
func (f *clientForm) complete(c *store.Client, issuer string) error {
	if !f.has("grant") {
		c.Grants = []string{oauth.GrantDevice, oauth.GrantRefresh}
	}
	if !f.has("audience") && issuer != "" {
		c.Audiences = []string{issuer}
	}
	if !f.has("name") {
		return errors.New("name: missing; people see it when they approve")
	}
	return nil
}

// checkWhole looks at what a client must have whatever was given.
func checkWhole(c store.Client) error {
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
	return errors.Join(problems...)
}

// checkNewID keeps our own names ours: a prefix explains what an id is, so nobody may choose one that has it.
func checkNewID(f clientForm) error {
	switch {
	case f.id == "":
		return nil
	case f.id == builtInClient:
		return fmt.Errorf("id %q: is our own client's, every server has it", f.id)
	case strings.HasPrefix(f.id, store.ClientPrefix), !store.ValidClientID(f.id):
		return fmt.Errorf("id %q: want up to 128 letters, digits and ._~:/- without one of our prefixes such as cli_", f.id)
	}
	return nil
}

// each reads every entry of a repeated flag. One empty entry alone empties the list.
func each[T any](name string, entries []string, read func(string) (T, error)) ([]T, error) {
	if len(entries) == 1 && entries[0] == "" {
		return nil, nil
	}
	if len(entries) > listMost {
		return nil, fmt.Errorf("%s: %d of them, the most is %d", name, len(entries), listMost)
	}
	var problems []error
	values := make([]T, 0, len(entries))
	for _, entry := range entries {
		value, err := read(entry)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s %q: %w", name, entry, err))
		}
		values = append(values, value)
	}
	return values, errors.Join(problems...)
}

func readGrant(text string) (string, error) {
	switch text {
	case "device", "device_code", oauth.GrantDevice:
		return oauth.GrantDevice, nil
	case "refresh", oauth.GrantRefresh:
		return oauth.GrantRefresh, nil
	case "code", oauth.GrantCode:
		return oauth.GrantCode, nil
	case oauth.GrantClient:
		return oauth.GrantClient, nil
	case "magic-link", oauth.GrantMagicLink:
		return oauth.GrantMagicLink, nil
	default:
		return "", errors.New("want device, refresh, code, client_credentials or magic-link")
	}
}

// readScope wants words that say what a scope allows, since the approval page shows nothing else of it.
func readScope(text string) (store.Scope, error) {
	name, words, _ := strings.Cut(text, "=")
	s := store.Scope{Name: name, Words: strings.TrimSpace(words)}
	switch {
	case name == "" || len(name) > wordsMost || strings.ContainsFunc(name, notInScope):
		return s, errors.New("its name must be of visible ASCII characters, without quotes and backslashes")
	case s.Words != "":
		return s, checkText("its words", s.Words, wordsMost)
	case oauth.WordsOf(name) == "":
		return s, errors.New("say what it allows: 'name=Deploy to production'")
	}
	return s, nil
}

// notInScope is what RFC 6749 §3.3 keeps out of the name of a scope.
func notInScope(r rune) bool { return r <= ' ' || r == '"' || r == '\\' || r > '~' }

func checkTwice(scopes []store.Scope) error {
	seen := map[string]bool{}
	for _, s := range scopes {
		if seen[s.Name] {
			return fmt.Errorf("scope %q: is given twice", s.Name)
		}
		seen[s.Name] = true
	}
	return nil
}

// readAudience wants an absolute URI without a fragment (RFC 8707 §2).
func readAudience(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || !u.IsAbs() || u.Host == "" && u.Opaque == "" || strings.Contains(text, "#") || !visible(text) {
		return "", errors.New("want an absolute URI without a fragment, such as https://api.example.test")
	}
	return text, nil
}

// readRedirect wants https, http on loopback, or an app's scheme in reverse-domain form (RFC 8252 §7).
func readRedirect(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.User != nil || strings.ContainsAny(text, "#*") || !visible(text) {
		return "", errors.New("want a URL without fragment, wildcard or user")
	}
	ip := net.ParseIP(u.Hostname())
	switch {
	case u.Scheme == "https" && u.Host != "", u.Scheme == "http" && ip != nil && ip.IsLoopback(), strings.Contains(u.Scheme, "."):
		return text, nil
	}
	return "", errors.New("want https, http://127.0.0.1, or an app's scheme such as test.example.app")
}

// readLogoutURI wants what this server itself can call. http is for an app on the same machine.
func readLogoutURI(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("logout-uri %q: want https, or http://127.0.0.1", text)
	}
	if _, err := readRedirect(text); err != nil {
		return "", fmt.Errorf("logout-uri %q: %w", text, err)
	}
	return text, nil
}

func visible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// checkText is for what people read in a sentence of ours.
func checkText(what, text string, most int) error {
	switch {
	case text == "":
		return fmt.Errorf("%s: missing", what)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unreadable):
		return fmt.Errorf("%s: has characters that cannot be seen", what)
	case utf8.RuneCountInString(text) > most:
		return fmt.Errorf("%s: longer than %d characters", what, most)
	}
	return nil
}

func unreadable(r rune) bool { return obeyed(r) || !unicode.IsGraphic(r) }
