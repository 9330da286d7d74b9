package flow

import (
	"strings"
	"unicode"
)

// cleanLength is more than any name or sentence of an honest server needs.
const cleanLength = 500

// Clean makes text from a server fit for a terminal: control characters, which could
// move the cursor or retitle the window, and bidirectional marks, which could make a
// line read as another one, are left out, and it ends after 500 characters.
func Clean(text string) string {
	length := 0
	return strings.Map(func(r rune) rune {
		if length == cleanLength || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) || r == unicode.ReplacementChar {
			return -1
		}
		length++
		return r
	}, text)
}
