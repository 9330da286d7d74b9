package oauth

import (
	"slices"
	"strings"
	"unicode"

	"github.com/handclasp/handclasp/store"
)

// The scopes of our own audience.
const (
	ScopeAccountRead    = "account:read"
	ScopeAccountDevices = "account:devices"
)

// Common scopes are accepted from every client: they give an API nothing that the client does not bring itself.
var common = []store.Scope{
	{Name: "openid", Words: "Know that it is you"},
	{Name: "profile", Words: "See your name"},
	{Name: "email", Words: "See your mail address"},
	{Name: ScopeOffline, Words: "Stay signed in while you use it"},
}

// CommonScopes are the names of those that every client may ask for.
func CommonScopes() []string {
	names := make([]string, len(common))
	for i, s := range common {
		names[i] = s.Name
	}
	return names
}

// Own are the scopes of our own audience, with the words for people.
var own = []store.Scope{
	{Name: ScopeAccountRead, Words: "See your name, mail address and devices"},
	{Name: ScopeAccountDevices, Words: "End your devices' sessions"},
}

// Words says in people's language what the scopes of a request mean, in the order of the request. A scope that has no
// words is shown by its name rather than left out: what is not shown must not be granted.
func Words(client store.Client, scope []string) []string {
	known := slices.Concat(client.Scopes, common, own)
	words := make([]string, 0, len(scope))
	for _, name := range scope {
		text := name
		if i := slices.IndexFunc(known, func(s store.Scope) bool { return s.Name == name && s.Words != "" }); i >= 0 {
			text = known[i].Words
		}
		words = append(words, text)
	}
	return words
}

// WordsOf returns the built-in words of a scope name, for registering a client; empty if there are none.
func WordsOf(name string) string {
	for _, s := range slices.Concat(common, own) {
		if s.Name == name {
			return s.Words
		}
	}
	return ""
}

func scopeNames(client store.Client) []string {
	names := make([]string, 0, len(common)+len(client.Scopes))
	for _, s := range slices.Concat(common, client.Scopes) {
		if !OfAdmin(s.Name) { // those are given in another way, see Client.Admin
			names = append(names, s.Name)
		}
	}
	return names
}

func splitScope(scope string) []string { return strings.Fields(scope) }

// unprintable tells what has no place in a name: control and format characters, among them those that turn the direction
// of writing around (a name must not be able to rewrite the line it stands in), and private or unassigned ones.
func unprintable(c rune) bool {
	return !unicode.IsGraphic(c) || unicode.In(c, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) || c == unicode.ReplacementChar
}
