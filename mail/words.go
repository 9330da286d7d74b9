package mail

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

const maxName = 60 // runes of a name that a stranger chose

// clean makes a name that a stranger chose fit to be shown: one line, no characters that reorder or hide text, not
// long. Signs that make mail programs see an address get an invisible neighbour, so that no mail of ours carries a
// link of somebody else's.
func clean(name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			return -1
		default:
			return r
		}
	}, name)
	name = shorten(strings.Join(strings.Fields(name), " "))
	return unlinked.Replace(name)
}

func shorten(s string) string {
	if runes := []rune(s); len(runes) > maxName {
		return strings.TrimSpace(string(runes[:maxName-1])) + "…"
	}
	return s
}

const invisible = "\u200c" // zero-width non-joiner

var unlinked = strings.NewReplacer(".", "."+invisible, ":", ":"+invisible, "@", "@"+invisible)

// exactly writes a time so that nobody can mistake it; a mail does not know where its reader is.
func exactly(at time.Time) string { return at.UTC().Format("2 January 2006, 15:04 UTC") }

// span writes a duration as a person says it.
func span(d time.Duration) string {
	switch minutes := int(d.Round(time.Minute) / time.Minute); {
	case minutes <= 1:
		return "1 minute"
	case minutes >= 48*60:
		return plural(minutes/(24*60), "day")
	case minutes >= 120 && minutes%60 == 0:
		return plural(minutes/60, "hour")
	default:
		return plural(minutes, "minute")
	}
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return strconv.Itoa(n) + " " + unit + "s"
}

// grouped sets six letters as three and three, which is how they are read aloud.
func grouped(code string) string {
	if len(code) != 6 {
		return code
	}
	return code[:3] + "-" + code[3:]
}
