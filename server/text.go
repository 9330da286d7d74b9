package server

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// plain reports whether a field of a form is text of a sensible length without control characters.
func plain(text string) bool {
	return len(text) <= 4<<10 && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// browserName guesses what a browser calls itself, for the person's own list. Nothing depends on it.
func browserName(agent string) string {
	name := first(agent, []pair{
		{"Edg/", "Edge"},
		{"OPR/", "Opera"},
		{"Firefox/", "Firefox"},
		{"Chrome/", "Chrome"},
		{"Chromium/", "Chromium"},
		{"Safari/", "Safari"},
	}, "A browser")
	system := first(agent, []pair{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
	}, "")
	if system == "" {
		return name
	}
	return name + " on " + system
}

type pair struct{ mark, name string }

func first(text string, pairs []pair, otherwise string) string {
	for _, p := range pairs {
		if strings.Contains(text, p.mark) {
			return p.name
		}
	}
	return otherwise
}
