package oauth

import "testing"

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
