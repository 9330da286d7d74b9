package pages

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 12, 12, 0, 0, 0, time.UTC)

func TestTimesAreSaidInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour:           "just now", // a clock that is behind
		59 * time.Second:     "just now",
		time.Minute:          "1 minute ago",
		59 * time.Minute:     "59 minutes ago",
		time.Hour:            "1 hour ago",
		47 * time.Hour:       "1 day ago",
		29 * 24 * time.Hour:  "29 days ago",
		400 * 24 * time.Hour: "on 5 February 2025",
	} {
		if got := ago(noon, noon.Add(-d)); got != want {
			t.Errorf("%v before: %q, want %q", d, got, want)
		}
	}
	if got := ago(noon, time.Time{}); got != "never" {
		t.Errorf("zero time: %q", got)
	}
	if got := ago(time.Time{}, noon); got != "on 12 March 2026" {
		t.Errorf("without a clock: %q", got)
	}
}

func TestWaitsAreRoundedUp(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:            "now",
		1500 * time.Millisecond: "in 2 seconds",
		61 * time.Second:        "in 2 minutes",
		time.Hour:               "in 1 hour",
		61 * time.Minute:        "in 2 hours",
	} {
		if got := in(noon, noon.Add(d)); got != want {
			t.Errorf("%v ahead: %q, want %q", d, got, want)
		}
	}
}

func TestPlatformsAreCalledByTheirNames(t *testing.T) {
	for given, want := range map[string][2]string{
		"linux/amd64":  {"Linux, amd64", "terminal"},
		"darwin/arm64": {"macOS, arm64", "laptop"},
		"Windows":      {"Windows", "window"},
		"ios/arm64":    {"iOS, arm64", "phone"},
		"plan9/386":    {"plan9/386", "terminal"},
		"":             {"", "terminal"},
		"<b>/\u202ex":  {"<b>/x", "terminal"},
	} {
		if got := platform(given); got != want[0] {
			t.Errorf("%q is called %q, want %q", given, got, want[0])
		}
		if got := icon(given); got != want[1] {
			t.Errorf("%q is drawn as %q, want %q", given, got, want[1])
		}
	}
}
