package pages

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// sets reads the two colour sets out of the stylesheet.
func sets(t *testing.T, accent string) [2]map[string]colour {
	t.Helper()
	colours, err := newPalette(accent)
	if err != nil {
		t.Fatal(err)
	}
	css, err := fillIn("style.css", colours)
	if err != nil {
		t.Fatal(err)
	}
	light, dark, _ := strings.Cut(string(css), "@media (prefers-color-scheme: dark)")
	var both [2]map[string]colour
	for i, part := range []string{light, dark} {
		both[i] = map[string]colour{}
		for _, m := range regexp.MustCompile(`--(\w+): (#[0-9a-f]{3,6});`).FindAllStringSubmatch(part, -1) {
			if both[i][m[1]], err = parseColour(m[2]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return both
}

func TestEveryColourCanBeReadInBothSets(t *testing.T) {
	for _, set := range sets(t, "#2952cc") {
		for _, ground := range []string{"paper", "sheet", "well"} {
			for _, text := range []string{"ink", "quiet", "danger", "good", "warn", "accent"} {
				if c := contrast(set[text], set[ground]); c < textContrast {
					t.Errorf("%s on %s: %.2f", text, ground, c)
				}
			}
		}
		if c := contrast(set["edge"], set["sheet"]); c < 3 {
			t.Errorf("border of a field: %.2f", c)
		}
	}
}

func TestAnyAccentBecomesReadable(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		set := sets(t, rapid.StringMatching(`#[0-9a-f]{6}`).Draw(r, "accent"))
		for _, colours := range set {
			for _, ground := range []string{"paper", "sheet", "well"} {
				if c := contrast(colours["accent"], colours[ground]); c < textContrast {
					r.Errorf("%v on %s: %.2f", colours["accent"], ground, c)
				}
			}
		}
	})
}

func TestOnlyColoursAreColours(t *testing.T) {
	for _, s := range []string{"", "blue", "#12", "#1234", "#ggg", "#123456}", "url(x)"} {
		if _, err := newPalette(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
	for _, s := range []string{"#abc", "#A1b2C3"} {
		if _, err := newPalette(s); err != nil {
			t.Error(err)
		}
	}
}
