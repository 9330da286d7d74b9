package pages

import (
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
	"unicode"
)

// words are what the templates may call.
var words = template.FuncMap{
	"ago":      ago,
	"in":       in,
	"stamp":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"exact":    func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
	"label":    label,
	"platform": platform,
	"icon":     icon,
	"heading":  heading,
	"count":    count,
	"part":     part,
}

// maxLabel is how much of a name is drawn: whatever came in, Approve and Deny stay on the screen.
const maxLabel = 64

// Persian, the languages of India and emoji are spelt with these two, and neither turns the direction of writing.
const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// label makes a name that a stranger chose fit to stand in a sentence of ours: no control characters and none that turn
// the direction of writing, one line, at most maxLabel letters. Callers clean names at the door; this is the second lock.
func label(name string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == zeroWidthNonJoiner, r == zeroWidthJoiner:
			return r
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co):
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	letters := []rune(strings.Join(strings.Fields(clean), " "))
	if len(letters) > maxLabel {
		return strings.TrimSpace(string(letters[:maxLabel-1])) + "…"
	}
	return string(letters)
}

// ago says how long before now t was, or the day if that is long ago or now is not known.
func ago(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return "never"
	case now.IsZero(), d >= 30*24*time.Hour:
		return "on " + t.UTC().Format("2 January 2006")
	case d < time.Minute: // and a clock that is behind
		return "just now"
	}
	return span(d) + " ago"
}

// in says how long after now t is, rounded up: who waits that long is let in.
func in(now, t time.Time) string {
	d := t.Sub(now)
	switch {
	case d <= 0:
		return "now"
	case d < time.Minute:
		return "in " + count(int((d+time.Second-1)/time.Second), "second")
	case d < time.Hour:
		return "in " + count(int((d+time.Minute-1)/time.Minute), "minute")
	}
	return "in " + count(int((d+time.Hour-1)/time.Hour), "hour")
}

func span(d time.Duration) string {
	switch {
	case d < time.Hour:
		return count(int(d/time.Minute), "minute")
	case d < 24*time.Hour:
		return count(int(d/time.Hour), "hour")
	}
	return count(int(d/(24*time.Hour)), "day")
}

// count says a number with its word: "1 minute", "2 minutes".
func count(n int, word string) string {
	if n != 1 {
		word += "s"
	}
	return fmt.Sprintf("%d %s", n, word)
}

// systems are the platforms that have a name of their own, by the word before the slash.
var systems = map[string]string{
	"linux": "Linux", "darwin": "macOS", "macos": "macOS", "windows": "Windows", "freebsd": "FreeBSD",
	"openbsd": "OpenBSD", "netbsd": "NetBSD", "android": "Android", "ios": "iOS",
}

// platform says "linux/amd64" as "Linux, amd64", and what it does not know as it is.
func platform(s string) string {
	system, rest, _ := strings.Cut(label(s), "/")
	name, ok := systems[strings.ToLower(system)]
	switch {
	case !ok:
		return label(s)
	case rest == "":
		return name
	}
	return name + ", " + rest
}

// icon names the drawing for a platform.
func icon(s string) string {
	system, _, _ := strings.Cut(strings.ToLower(s), "/")
	switch system {
	case "darwin", "macos":
		return "laptop"
	case "windows":
		return "window"
	case "android", "ios":
		return "phone"
	}
	return "terminal"
}

// heading says in plain words what kind of thing went wrong.
func heading(status int) string {
	switch {
	case status == http.StatusServiceUnavailable:
		return "Not available right now"
	case status == http.StatusForbidden:
		return "Not allowed"
	case status >= 500:
		return "Something is wrong on our side"
	}
	return "That did not work"
}

// part hands several things to a shared piece: a template takes one.
func part(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("part: %d values are no pairs", len(pairs))
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("part: %v is no name", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}
