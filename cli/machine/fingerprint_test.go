package machine

import (
	"regexp"
	"slices"
	"testing"
)

func TestFingerprintIsNewEachTime(t *testing.T) {
	first, second := Fingerprint(t.Context()), Fingerprint(t.Context())
	if first == second {
		t.Error("two fingerprints agree")
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`).MatchString(first) {
		t.Errorf("%q is not 43 characters of base64url", first)
	}
}

func TestHardwareReadsTheSameTwice(t *testing.T) {
	first, second := hardware(t.Context()), hardware(t.Context())
	if !slices.Equal(first, second) || len(first) < 2 {
		t.Errorf("%q, then %q", first, second)
	}
}
