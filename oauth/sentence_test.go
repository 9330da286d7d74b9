package oauth

import (
	"strings"
	"testing"
)

// Programs and pages say in a sentence what the code says in a hint.
func TestRefusalsSpeakInSentences(t *testing.T) {
	t.Parallel()
	for hint, want := range map[string]string{
		"":                                   "",
		"the client is not registered here":  "The client is not registered here.",
		"redirect_uri is missing":            "redirect_uri is missing.",
		"prompt=none stands alone":           "prompt=none stands alone.",
		"This form has expired. Go back.":    "This form has expired. Go back.",
		"code_challenge_method must be S256": "code_challenge_method must be S256.",
	} {
		if got := refuse(CodeInvalidRequest, hint).Sentence(); got != want {
			t.Errorf("%q became %q, want %q", hint, got, want)
		}
	}
}

// What was sent is repeated in the letters that RFC 6749 §5.2 allows, and not at any length.
func TestWhatWasSentIsQuotedSafely(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"deploy:read":             "'deploy:read'",
		"":                        "''",
		"https://api.example/x?y": "'https://api.example/x?y'",
		`a"b\c'd`:                 "'a?b?c?d'",
		"call us\nnow":            "'call?us?now'",
		"größe\u202e\x7f":         "'gr??e??'",
		strings.Repeat("x", 60):   "'" + strings.Repeat("x", 60) + "'",
		strings.Repeat("x", 61):   "'" + strings.Repeat("x", 60) + "...'",
		strings.Repeat("ü", 4000): "'" + strings.Repeat("?", 60) + "...'",
		"\xff\xfe":                "'??'",
	} {
		if got := quoted(sent); got != want {
			t.Errorf("%q is quoted as %s, want %s", sent, got, want)
		}
	}
}
