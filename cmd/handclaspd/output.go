package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf16"
)

// obeyed are the characters that a terminal would act on, or that would make a line read as another one.
func obeyed(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co)
}

// printable shows such characters instead of sending them.
func printable(text string) string {
	return replaced(text, func(r rune) string {
		quoted := strconv.QuoteRuneToASCII(r)
		return quoted[1 : len(quoted)-1]
	})
}

// escaped is the same within JSON, where the only escapes are of UTF-16.
func escaped(text string) string {
	return replaced(text, func(r rune) string {
		var b strings.Builder
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
		return b.String()
	})
}

func replaced(text string, by func(rune) string) string {
	if !strings.ContainsFunc(text, obeyed) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if obeyed(r) {
			b.WriteString(by(r))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// say writes talk to stderr, and nothing where JSON is wanted: whoever parses reads no talk.
func (a *app) say(format string, args ...any) {
	if !a.json {
		_, _ = fmt.Fprintln(a.err, printable(fmt.Sprintf(format, args...)))
	}
}

// tell writes one line of a result to stdout.
func (a *app) tell(format string, args ...any) error {
	_, err := fmt.Fprintln(a.out, printable(fmt.Sprintf(format, args...)))
	return err
}

// table writes aligned columns to stdout, without spaces at the end of a line. An empty cell is a dash.
func (a *app) table(rows ...[]string) error {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = printable(cell); cell == "" {
				cells[i] = "-"
			}
		}
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t")) // into memory: it cannot fail
	}
	_ = w.Flush()
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(a.out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// fields writes one thing, a name and a value on each line. A list has a line for each entry.
func (a *app) fields(rows ...field) error {
	var lines [][]string
	for _, f := range rows {
		if len(f.values) == 0 {
			f.values = []string{""}
		}
		for i, value := range f.values {
			if i > 0 {
				f.name = " " // not empty: that would be a dash
			}
			lines = append(lines, []string{f.name, value})
		}
	}
	return a.table(lines...)
}

type field struct {
	name   string
	values []string
}

func line(name string, values ...string) field { return field{name, values} }

// moment is a time in a table, in UTC wherever it is read; empty if there is none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// plural counts things in words.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
