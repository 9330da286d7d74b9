package oauth

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/handclasp/handclasp/store"
)

func TestUserCodeIsReadAsPeopleTypeIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		code := store.RandomLetters(userLetters)
		between := rapid.SampledFrom([]string{"", " ", "-", "_", ".", "\u00a0", "\u2011", "\u2013", " - "})
		var typed strings.Builder
		for _, c := range code {
			typed.WriteString(between.Draw(t, "between"))
			if rapid.Bool().Draw(t, "small") {
				c = unicode.ToLower(c)
			}
			typed.WriteRune(c)
		}
		read, ok := ReadUserCode(typed.String())
		if !ok || read != code {
			t.Fatalf("%q was read as %q, %t; the code is %q", typed.String(), read, ok, code)
		}
		if shown, ok := ReadUserCode(ShowUserCode(code)); !ok || shown != code {
			t.Fatalf("the code is not read as it is shown, %q", ShowUserCode(code))
		}
	})
}

func TestUserCodesUseEveryLetterAlike(t *testing.T) {
	t.Parallel()
	const codes = 20_000
	seen := map[rune]int{}
	for range codes {
		code := store.RandomLetters(userLetters)
		if len(code) != userLetters {
			t.Fatalf("%q has %d letters", code, len(code))
		}
		for _, c := range code {
			seen[c]++
		}
	}
	want := codes * userLetters / len(store.Letters)
	for _, c := range store.Letters {
		if n := seen[c]; n < want*9/10 || n > want*11/10 {
			t.Errorf("%c came %d times of about %d", c, n, want)
		}
		delete(seen, c)
	}
	if len(seen) > 0 {
		t.Errorf("letters from outside the alphabet: %v", seen)
	}
}

func FuzzReadUserCode(f *testing.F) {
	for _, typed := range []string{"", "BCDF-GHJK", "bcdfghjk", "ВCDF-GHJK", "BCDF-GHJ", "BCDF-GHJKL", "BCDFGHJ\x00", "\xff\xfe", strings.Repeat("B-", 40)} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := ReadUserCode(typed)
		if !ok {
			if code != "" {
				t.Fatalf("%q is refused and still gives %q", typed, code)
			}
			return
		}
		if len(code) != userLetters || strings.Trim(code, store.Letters) != "" {
			t.Fatalf("%q gives %q, which cannot be a code", typed, code)
		}
		if again, ok := ReadUserCode(ShowUserCode(code)); !ok || again != code {
			t.Fatalf("%q gives %q, which is read as %q", typed, code, again)
		}
	})
}

func TestDeviceCodeIsTakenApartAsItWasMade(t *testing.T) {
	t.Parallel()
	code, sid, hash := newDeviceCode()
	if gotSID, gotHash, ok := parseDeviceCode(code); !ok || gotSID != sid || gotHash != hash {
		t.Fatalf("%q gives %q %q %t", code, gotSID, gotHash, ok)
	}
	if strings.Contains(hash, code[len(code)-32:]) {
		t.Error("the hash holds the secret")
	}
	other, _, otherHash := newDeviceCode()
	if other == code || otherHash == hash {
		t.Error("two codes are alike")
	}
	for _, bad := range []string{
		"", "hcd_", code[4:], strings.ToUpper(code), code + "A", code[:len(code)-1], "hcr_" + code[4:],
		strings.Replace(code, ".", "", 1), strings.Replace(code, "ses_", "usr_", 1), " " + code, code + "\n",
	} {
		if _, _, ok := parseDeviceCode(bad); ok {
			t.Errorf("%q passes for a device code", bad)
		}
	}
}

func FuzzParseDeviceCode(f *testing.F) {
	code, _, _ := newDeviceCode()
	for _, text := range []string{code, code[:20], "hcd_ses_.", "hcd_ses_{x}.y", "hcd_ses_*:\r\n.00000000000000000000000000000000"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sid, hash, ok := parseDeviceCode(text)
		if !ok {
			if sid != "" || hash != "" {
				t.Fatalf("%q is refused and still gives %q %q", text, sid, hash)
			}
			return
		}
		if !store.ValidID(store.SessionPrefix, sid) {
			t.Fatalf("%q names %q, which must not become part of a key", text, sid)
		}
	})
}

func TestFingerprintHasOneForm(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("aZ09_-", 22)
	for value, want := range map[string]bool{
		good[:32]: true, good[:128]: true, good[:31]: false, good[:129]: false, "": false,
		good[:40] + " ": false, good[:40] + "\x00": false, good[:40] + "ä": false, good[:40] + "}": false, good[:40] + "+": false,
	} {
		if got := ValidFingerprint(value); got != want {
			t.Errorf("ValidFingerprint(%q) = %t", value, got)
		}
	}
	if hashFingerprint("") != "" {
		t.Error("no fingerprint has a hash")
	}
	if hash := hashFingerprint(good[:32]); strings.Contains(hash, good[:8]) || hash != hashFingerprint(good[:32]) {
		t.Error("the hash shows the value, or is not always the same")
	}
}

func TestWhatADeviceSaysOfItselfCanBeShown(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"  dev   box ":        "dev box",
		"evil\u202egnp.exe":   "evil gnp.exe",
		"two\nlines\r\there":  "two lines here",
		"zero\u200bwidth\x00": "zero width",
		"Mārtiņš' laptop":     "Mārtiņš' laptop",
		"\x1b[31mred":         "[31mred",
		"\u2028\u2029\ue000":  "",
	} {
		if got := cleanClaim(said, 60); got != want {
			t.Errorf("cleanClaim(%q) = %q, want %q", said, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		said, most := rapid.String().Draw(t, "said"), rapid.IntRange(1, 60).Draw(t, "most")
		shown := cleanClaim(said, most)
		if utf8.RuneCountInString(shown) > most || !utf8.ValidString(shown) || strings.ContainsFunc(shown, unprintable) {
			t.Fatalf("cleanClaim(%q, %d) = %q", said, most, shown)
		}
	})
}
