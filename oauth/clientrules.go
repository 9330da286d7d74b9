package oauth

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// NameMost is how many characters the name of a client may have: people read it in a question.
const NameMost = 60

// CheckRedirectURI says what is wrong with an address that a browser may be sent back to, in words that follow it: it must be
// https, http on loopback, or an app's scheme in reverse-domain form (RFC 8252 §7). The rule is one for operators and for clients
// that come by themselves.
func CheckRedirectURI(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.User != nil || strings.ContainsAny(text, "#*") || !visible(text) {
		return errors.New("must be a URL without fragment, wildcard or user")
	}
	// In another spelling it would be another address to whoever compares letters, or looks at where it begins.
	if !strings.HasPrefix(text, u.Scheme+":") || (u.Scheme == "https" || u.Scheme == "http") && strings.ContainsFunc(u.Host, notInHost) {
		return errors.New("must have its scheme in small letters, and a host of letters, digits, dots and dashes (of another alphabet: as xn--...)")
	}
	ip := net.ParseIP(u.Hostname())
	switch {
	case u.Scheme == "https" && u.Host != "", u.Scheme == "http" && ip != nil && ip.IsLoopback(), strings.Contains(u.Scheme, "."):
		return nil
	}
	return errors.New("must be https, http://127.0.0.1, or an app's scheme such as test.example.app")
}

// notInHost is what no host and port have. A host that is written with escapes would be shown decoded, as one that looks like another's.
func notInHost(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._:[]", r)
}

// CheckAudience says what is wrong with the name of an API: it must be an absolute URI without a fragment (RFC 8707 §2).
func CheckAudience(text string) error {
	u, err := url.Parse(text)
	if err != nil || !u.IsAbs() || u.Host == "" && u.Opaque == "" || strings.Contains(text, "#") || !visible(text) {
		return errors.New("want an absolute URI without a fragment, such as https://api.example.test")
	}
	return nil
}

// NotInScope is what RFC 6749 §3.3 keeps out of the name of a scope.
func NotInScope(r rune) bool { return r <= ' ' || r == '"' || r == '\\' || r > '~' }

// ErrScopeName says what is wrong with a name that cannot be a scope's.
var ErrScopeName = errors.New("its name must be of visible ASCII characters, without quotes and backslashes")

// CheckSelfScope says what is wrong with a scope for clients that come by themselves. The admin API is for whom an operator names.
func CheckSelfScope(name string) error {
	if strings.ContainsFunc(name, NotInScope) {
		return ErrScopeName
	}
	if OfAdmin(name) {
		return errors.New("is a scope of the admin API, which such clients cannot have")
	}
	return nil
}

// CheckLabel says what is wrong with a text that people read in a sentence of ours.
func CheckLabel(text string, most int) error {
	switch {
	case text == "":
		return errors.New("missing")
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unreadable):
		return errors.New("has characters that cannot be seen")
	case utf8.RuneCountInString(text) > most:
		return fmt.Errorf("longer than %d characters", most)
	}
	return nil
}

// unreadable also knows the letters that are drawn as nothing, such as the Hangul filler: with one behind it a name looks as it did.
func unreadable(r rune) bool {
	return unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) || !unicode.IsGraphic(r)
}

func visible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
