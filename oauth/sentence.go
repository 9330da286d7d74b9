package oauth

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

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
