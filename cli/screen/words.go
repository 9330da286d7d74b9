package screen

import (
	"fmt"
	"time"
)

// Span says a length of time as people do: "10 minutes", "90 days".
func Span(d time.Duration) string {
	d = d.Abs().Round(time.Second)
	switch {
	case d.Round(time.Hour) >= 48*time.Hour:
		return plural(d, 24*time.Hour, "day")
	case d.Round(time.Minute) >= 2*time.Hour:
		return plural(d, time.Hour, "hour")
	case d >= time.Minute:
		return plural(d, time.Minute, "minute")
	}
	return plural(d, time.Second, "second")
}

func plural(d, unit time.Duration, name string) string {
	n := int(d.Round(unit) / unit)
	return Count(n, name)
}

// Count says how many: "1 session", "3 sessions".
func Count(n int, name string) string {
	if n == 1 {
		return "1 " + name
	}
	return fmt.Sprintf("%d %ss", n, name)
}

// Ago says how long before now something was.
func Ago(then, now time.Time) string {
	if then.IsZero() {
		return "never"
	}
	if now.Sub(then) < time.Minute {
		return "just now"
	}
	return Span(now.Sub(then)) + " ago"
}

// Day says a date in the reader's own zone.
func Day(t time.Time) string { return t.Local().Format("2 January 2006") }
