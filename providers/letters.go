package providers

import (
	"strings"

	"github.com/handclasp/handclasp/store"
)

// letterCount is how many letters a mail carries: 26 bits are enough beside the asker's own secret and five tries.
const letterCount = 6

// readLetters brings what a person typed to the form that we made; ok is false for what cannot be a code.
func readLetters(typed string) (string, bool) {
	if len(typed) > 32 {
		return "", false
	}
	code := strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimSpace(typed)))
	return code, len(code) == letterCount && strings.Trim(code, store.Letters) == ""
}
