package oauth

import (
	"context"
	"slices"
	"strings"
	"unicode"
)

// ownName is what our own client and, unless the operator says otherwise, the server are called.
const ownName = "handclasp"

// checkName refuses a name by which a client that nobody has vouched for would pass for one that somebody has: the server's, our
// own client's, any operator's. What comes through is still shown as the client's own claim.
func (p *Provider) checkName(ctx context.Context, name string) *Error {
	if name == "" {
		return nil
	}
	if err := CheckLabel(name, NameMost); err != nil {
		return refuse(CodeInvalidClientMetadata, "client_name "+err.Error())
	}
	if strings.ContainsFunc(name, notInName) || strings.Contains(strings.ToLower(name), "www.") {
		return refuse(CodeInvalidClientMetadata, "client_name may hold letters, digits, spaces and simple punctuation, and no address")
	}
	if mixed(name) {
		return refuse(CodeInvalidClientMetadata, "client_name mixes alphabets whose letters look alike")
	}
	taken, err := p.Clients.OwnNames(ctx)
	if err != nil {
		return unavailable(err)
	}
	mine := skeleton(name)
	for _, own := range slices.Concat(taken, p.SelfMade.Names) {
		if skeleton(own) == mine && mine != "" {
			return refuse(CodeInvalidClientMetadata, "client_name is that of another client here")
		}
	}
	if strings.Contains(mine, skeleton(ownName)) {
		return refuse(CodeInvalidClientMetadata, "client_name is that of another client here")
	}
	return nil
}

// notInName keeps markup and addresses out of what we write into pages and mails.
func notInName(r rune) bool {
	return !unicode.In(r, unicode.L, unicode.M, unicode.N) && !strings.ContainsRune(" -_.,'&+()!", r)
}

// mixed reports whether a name has letters of two of the alphabets that share their shapes.
func mixed(name string) bool {
	seen := 0
	for _, alphabet := range []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee} {
		if strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(alphabet, r) }) {
			seen++
		}
	}
	return seen > 1
}

// skeleton is what is left of a name for somebody who reads in passing: letters and digits, folded, with the digits that are
// taken for letters.
func skeleton(name string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '0':
			return 'o'
		case '1', 'l', 'L', 'I', 'i', 'ı', '|':
			return 'i'
		case '3':
			return 'e'
		case '4':
			return 'a'
		case '5':
			return 's'
		}
		if r >= 'Ａ' && r <= 'ｚ' { // the wide forms of ASCII
			r -= 'Ａ' - 'A'
		}
		if !unicode.In(r, unicode.L, unicode.N) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}
