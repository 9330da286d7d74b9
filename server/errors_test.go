package server

import "testing"

// A page says in a sentence what programs hear as a hint.
func TestPagesSpeakInSentences(t *testing.T) {
	t.Parallel()
	for hint, want := range map[string]string{
		"the client is not registered here":  "The client is not registered here.",
		"redirect_uri is missing":            "redirect_uri is missing.",
		"This form has expired. Go back.":    "This form has expired. Go back.",
		"code_challenge_method must be S256": "code_challenge_method must be S256.",
	} {
		if got := asSentence(hint); got != want {
			t.Errorf("%q became %q, want %q", hint, got, want)
		}
	}
}
