package oauth

import (
	"strings"
	"unicode/utf8"

	"github.com/handclasp/handclasp/store"
)

const devicePrefix = "hcd_"

// userLetters is the length of a user code: eight letters are 34.6 bits.
const userLetters = 8

// newDeviceCode returns a device code hcd_<sid>.<secret>, its session id and the hash of its secret.
func newDeviceCode() (code, sid, hash string) {
	text := store.RandomText(24)
	sid = store.NewID(store.SessionPrefix)
	return devicePrefix + sid + "." + text, sid, store.Digest("device-code", text)
}

// parseDeviceCode takes a device code apart; ok is false for what we cannot have made.
func parseDeviceCode(code string) (sid, hash string, ok bool) {
	body, ok := strings.CutPrefix(code, devicePrefix)
	if !ok {
		return "", "", false
	}
	sid, secret, ok := strings.Cut(body, ".")
	if !ok || len(secret) != 32 || !store.ValidID(store.SessionPrefix, sid) {
		return "", "", false
	}
	return sid, store.Digest("device-code", secret), true
}

// ShowUserCode writes a user code as people read it: XXXX-XXXX.
func ShowUserCode(code string) string {
	if len(code) != userLetters {
		return code
	}
	return code[:4] + "-" + code[4:]
}

// ReadUserCode brings what a person typed to the form that we made: upper case, without spaces and dashes. ok is false
// for what cannot be a code, which needs no store to be refused.
func ReadUserCode(typed string) (code string, ok bool) {
	if len(typed) > 64 || !utf8.ValidString(typed) {
		return "", false
	}
	code = strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z':
			return c - 'a' + 'A'
		case c >= 'A' && c <= 'Z':
			return c
		case c == ' ', c == '-', c == '_', c == '.', c == '\u00a0', c >= '\u2010' && c <= '\u2015':
			return -1
		default:
			return '?'
		}
	}, strings.TrimSpace(typed))
	if len(code) != userLetters || strings.Trim(code, store.Letters) != "" {
		return "", false
	}
	return code, true
}

// HashUserCode is the form in which a user code is kept and looked up.
func HashUserCode(code string) string { return store.Digest("user-code", code) }

// ValidFingerprint reports whether a device fingerprint has the form that we accept: 32 to 128 of A-Za-z0-9_-.
func ValidFingerprint(value string) bool {
	if len(value) < 32 || len(value) > 128 {
		return false
	}
	for _, c := range []byte(value) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// hashFingerprint never rotates: a device has one identity. Empty stays empty.
func hashFingerprint(value string) string {
	if value == "" {
		return ""
	}
	return store.Digest("device-fingerprint", value)
}

// cleanClaim makes what a device says of itself fit to be shown: no control, format or bidi characters, no runs of
// spaces, at most most letters.
func cleanClaim(text string, most int) string {
	kept := strings.Join(strings.FieldsFunc(text, func(c rune) bool { return unprintable(c) || c == ' ' }), " ")
	if utf8.RuneCountInString(kept) <= most {
		return kept
	}
	letters := []rune(kept)
	return string(letters[:most-1]) + "…"
}
