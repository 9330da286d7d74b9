package providers

import (
	"crypto/rand"
	"strings"
)

// The six letters have no vowels and no look-alikes. 26 bits are enough beside the asker's own secret and five tries.
const (
	letterAlphabet = "BCDFGHJKLMNPQRSTVWXZ"
	letterCount    = 6
)

func letters() string {
	const fair = 256 - 256%len(letterAlphabet)
	code := make([]byte, 0, letterCount)
	var b [16]byte
	for len(code) < letterCount {
		rand.Read(b[:])
		for _, c := range b {
			if int(c) < fair && len(code) < letterCount {
				code = append(code, letterAlphabet[int(c)%len(letterAlphabet)])
			}
		}
	}
	return string(code)
}

// readLetters brings what a person typed to the form that we made; ok is false for what cannot be a code.
func readLetters(typed string) (string, bool) {
	if len(typed) > 32 {
		return "", false
	}
	code := strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimSpace(typed)))
	return code, len(code) == letterCount && strings.Trim(code, letterAlphabet) == ""
}
