package mail

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// ErrAddress says that what was given is not one plain mail address. Its text says why in words for a person.
var ErrAddress = errors.New("not a mail address")

// The lengths of RFC 5321 §4.5.3.1.
const (
	maxAddress = 254
	maxLocal   = 64
)

// domains maps a domain as a browser does (UTS 46, which folds case and normalises to NFC) and gives its ASCII form.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckJoiners(true), idna.CheckHyphens(true),
	idna.StrictDomainName(true), idna.VerifyDNSLength(true), idna.Transitional(false))

// ParseAddress returns the canonical form of one plain mail address: lower case, the domain in ASCII. Everything that
// compares, limits, stores or mails uses this form, so that what is proven is what is kept.
//
// The part before the @ is ASCII letters, digits and the signs that need no quotes. Other alphabets are refused there
// and not folded: two accounts that a person can tell apart are never one, nor the other way round. Dots and plus signs
// are kept, since only the receiving domain knows what they mean. Refused are display names, lists, comments, quotes,
// address literals, control characters and anything over 254 bytes.
func ParseAddress(s string) (canonical string, err error) {
	if len(s) > 2*maxAddress || !utf8.ValidString(s) || hasControl(s) {
		return "", fmt.Errorf("%w: too long, or with characters that cannot be seen", ErrAddress)
	}
	local, domain, ok := strings.Cut(strings.Trim(s, " "), "@")
	if !ok || local == "" || domain == "" {
		return "", fmt.Errorf("%w: want a name, an @ and a domain", ErrAddress)
	}
	if err := checkLocal(local); err != nil {
		return "", err
	}
	ascii, err := domains.ToASCII(domain)
	if err != nil || strings.HasSuffix(ascii, ".") || allDigits(ascii) {
		return "", fmt.Errorf("%w: what follows the @ is no domain", ErrAddress)
	}
	canonical = strings.ToLower(local) + "@" + strings.ToLower(ascii)
	if len(canonical) > maxAddress {
		return "", fmt.Errorf("%w: longer than %d characters", ErrAddress, maxAddress)
	}
	return canonical, nil
}

// checkLocal accepts a dot-atom of RFC 5322 §3.2.3.
func checkLocal(local string) error {
	if len(local) > maxLocal {
		return fmt.Errorf("%w: more than %d characters before the @", ErrAddress, maxLocal)
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !isAtom(r) }) {
			return fmt.Errorf("%w: only letters a to z, digits, single dots and signs such as + - _ may stand before the @", ErrAddress)
		}
	}
	return nil
}

func isAtom(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	default:
		return strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
	}
}

// allDigits is true for a network address, which is no domain.
func allDigits(domain string) bool { return strings.Trim(domain, "0123456789.") == "" }

// hasControl finds line breaks, other control characters, and those that reorder or hide text.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
	})
}
