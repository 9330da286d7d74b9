package mail

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAddressHasOneForm(t *testing.T) {
	for given, want := range map[string]string{
		"alice@example.test":                      "alice@example.test",
		"Alice@Example.TEST":                      "alice@example.test",
		"a.b+tag@example.test":                    "a.b+tag@example.test",
		"o'neil_x@example.test":                   "o'neil_x@example.test",
		"alice@bücher.test":                       "alice@xn--bcher-kva.test",
		"alice@BU\u0308CHER.test":                 "alice@xn--bcher-kva.test", // the same, not composed
		"alice@xn--bcher-kva.test":                "alice@xn--bcher-kva.test",
		"alice@\uff45xample.test":                 "alice@example.test", // full-width e, as every browser reads it
		"me@localhost":                            "me@localhost",
		"a@" + longDomain(251):                    "a@" + longDomain(251),
		strings.Repeat("a", 64) + "@example.test": strings.Repeat("a", 64) + "@example.test",
	} {
		given = " " + given + " " // what a phone's keyboard adds
		if got, err := ParseAddress(given); err != nil || got != want {
			t.Errorf("%q became %q (%v), want %q", given, got, err, want)
		}
	}
}

func longDomain(n int) string { return strings.Repeat("a.", n/2) + "b" }

func TestWhatIsNoPlainAddressIsRefused(t *testing.T) {
	for _, given := range []string{
		"", "alice", "@example.test", "alice@", "alice@@example.test", "alice@a@b.test",
		"Alice <alice@example.test>", "<alice@example.test>", "alice@example.test, bob@example.test",
		"alice@example.test;bob@example.test", "alice@example.test bob@example.test",
		"alice@example.test\r\nBcc: bob@example.test", "alice@example.test\n", "\talice@example.test", "al\x00ice@example.test",
		`"alice"@example.test`, `"a b"@example.test`, "alice(comment)@example.test", "alice@(c)example.test",
		".alice@example.test", "alice.@example.test", "al..ice@example.test", "al ice@example.test", "alice @example.test",
		"alice@[127.0.0.1]", "alice@127.0.0.1", "alice@example..test", "alice@.example.test", "alice@example.test.",
		"alice@-example.test", "alice@exam_ple.test", "alice@exa mple.test", "alice@example.test/", "alice@example.test%00",
		"a\u202elice@example.test", "alice\u200b@example.test", "alice@exam\u00adple.test",
		"ali\u0441e@example.test", "ALİCE@example.test", "\u212aate@example.test", "ſam@example.test", // folding would make two accounts one
		"\xff@example.test", strings.Repeat("a", 65) + "@example.test", "a@" + longDomain(253), strings.Repeat("a", 2000) + "@example.test",
	} {
		got, err := ParseAddress(given)
		if err == nil || got != "" {
			t.Errorf("%q became %q", given, got)
		}
		if !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v is no ErrAddress", given, err)
		}
		if given != "" && err != nil && strings.Contains(err.Error(), given) {
			t.Errorf("the error repeats %q", given)
		}
	}
}

func TestCanonicalFormIsItsOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.OneOf(rapid.String(), rapid.StringMatching(`[A-Za-z0-9.+]{1,12}@[\pL0-9.\-]{1,20}`)).Draw(t, "address")
		canonical, err := ParseAddress(given)
		if err != nil {
			return
		}
		again, err := ParseAddress(canonical)
		if err != nil || again != canonical {
			t.Fatalf("%q became %q became %q (%v)", given, canonical, again, err)
		}
		if strings.ContainsFunc(canonical, func(r rune) bool {
			return r <= ' ' || r > '~' || r >= 'A' && r <= 'Z' || strings.ContainsRune(`<>,;"()[]`, r)
		}) {
			t.Fatalf("%q became %q", given, canonical)
		}
	})
}
