package oauth

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
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

// lookalikes are pairs: a letter or digit that is taken for another one, and which. What Unicode decomposes is not among them.
var lookalikes = strings.NewReplacer(
	"0", "o", "1", "i", "l", "i", "ı", "i", "3", "e", "4", "a", "5", "s", "ɑ", "a", "ø", "o", "đ", "d", "ħ", "h", "ł", "i", "ꝺ", "d", "þ", "p",
	// The small capitals of the phonetic alphabet.
	"ᴀ", "a", "ʙ", "b", "ᴄ", "c", "ᴅ", "d", "ᴇ", "e", "ꜰ", "f", "ɢ", "g", "ʜ", "h", "ɪ", "i", "ᴊ", "j", "ᴋ", "k", "ʟ", "i", "ᴍ", "m",
	"ɴ", "n", "ᴏ", "o", "ᴘ", "p", "ʀ", "r", "ꜱ", "s", "ᴛ", "t", "ᴜ", "u", "ᴠ", "v", "ᴡ", "w", "ʏ", "y", "ᴢ", "z",
)

// skeleton is what is left of a name for somebody who reads in passing: letters and digits without accents and case, in one
// style of writing (bold, wide and circled letters are the plain ones), and with what is taken for another letter as that.
func skeleton(name string) string {
	plain := strings.Map(func(r rune) rune {
		if !unicode.In(r, unicode.L, unicode.N) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(name))
	return lookalikes.Replace(plain)
}
