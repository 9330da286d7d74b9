package oauth

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// quotedMost is how much of what was sent a refusal repeats: enough to know it again, too little to say something with.
const quotedMost = 60

// Sentence is the hint as error_description and pages have it, empty if there is none. The name of a parameter at its beginning
// stays as it is.
func (e *Error) Sentence() string {
	if e.Hint == "" {
		return ""
	}
	hint := e.Hint
	first, _, _ := strings.Cut(hint, " ")
	if !strings.ContainsAny(first, "_:=") {
		start, size := utf8.DecodeRuneInString(hint)
		hint = string(unicode.ToUpper(start)) + hint[size:]
	}
	return strings.TrimSuffix(hint, ".") + "."
}

// quoted repeats a scope or a resource that was sent. An error_description has no quotes, backslashes and other alphabets
// (RFC 6749 §4.1.2.1, §5.2), and without spaces nobody has a sentence of theirs shown as ours.
func quoted(sent string) string {
	shown := strings.Map(func(r rune) rune {
		if NotInScope(r) || r == '\'' {
			return '?'
		}
		return r
	}, sent)
	if len(shown) > quotedMost {
		shown = shown[:quotedMost] + "..."
	}
	return "'" + shown + "'"
}
