package oauth

import (
	"strings"
	"testing"

	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/store"
)

// What reads as an authorization code is one that we have made, to the last byte.
func FuzzReadAuthorizationCode(f *testing.F) {
	own, err := keys.Open(f.Context(), keys.Options{Dir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	seal := codeSeal{own.Secret("code")}
	made := codeClaims{SID: store.NewID(store.SessionPrefix), Redirect: "r", Challenge: "c", Fingerprint: "f", Bound: true}
	code, secret := seal.write(made)
	if got, hash, ok := seal.read(code); !ok || got != made || hash != secret {
		f.Fatalf("%q reads as %+v, %q, %v", code, got, hash, ok)
	}
	parts := strings.Split(code, ".")
	for _, text := range []string{
		code, "", codePrefix, codePrefix + "..", code + ".", code + "=", strings.TrimPrefix(code, codePrefix), parts[0] + ".." + parts[2],
		parts[0] + "." + parts[1] + ".", codePrefix + "." + parts[1] + "." + parts[2], strings.ToUpper(code),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, _, ok := seal.read(text); ok && text != code {
			t.Fatalf("%q passes for a code", text)
		}
	})
}
