package machine

import (
	"regexp"
	"slices"
	"testing"
	"time"
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
	const patience = time.Minute // a busy machine may miss a part at one of the two times, else
	first, second := hardware(t.Context(), patience), hardware(t.Context(), patience)
	if !slices.Equal(first, second) || len(first) < 2 {
		t.Errorf("%q, then %q", first, second)
	}
}
