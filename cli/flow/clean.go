package flow

import (
	"strings"
	"time"
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

// cleanAll cleans in place. JSON that is printed needs it too: it escapes neither bidirectional marks nor the control
// characters above ASCII.
func cleanAll(texts ...*string) {
	for _, text := range texts {
		*text = Clean(*text)
	}
}

// sendable tells whether a token may be printed and put into a header: visible ASCII and nothing else (RFC 6750 §2.1).
// A server must not write into a terminal, nor add a header to what its token is sent with.
func sendable(token string) bool {
	return token != "" && !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}

// seconds makes a time of a server's number. One that overflowed would be a wait of less than nothing, and so a storm of
// requests.
func seconds(n int, most time.Duration) time.Duration {
	return time.Duration(min(max(n, 0), int(most/time.Second))) * time.Second
}
