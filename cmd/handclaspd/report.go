package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// usage marks a mistake of the person at the keyboard.
type usage struct{ error }

func (u usage) Unwrap() error { return u.error }

// hinted is an error and what to type next.
type hinted struct {
	error
	next string
}

func (h hinted) Unwrap() error { return h.error }

func hint(err error, next string) error { return hinted{err, next} }

// report tells an error and gives the exit code. Each of several mistakes has its line; then comes what to type next.
func (a *app) report(err error, args []string) int {
	code, kind, next := exitFailed, "failed", ""
	// What cobra finds before a command runs has no type of its own, and is always about how it was typed.
	if _, typed := errors.AsType[usage](err); typed || !a.started {
		code, kind = exitUsage, "usage"
	}
	if h, ok := errors.AsType[hinted](err); ok {
		next = h.next
	}
	message := strings.TrimSpace(err.Error())
	if a.json || slices.Contains(args, "--json") { // a command that was typed wrongly may not have come to its flags
		_ = a.printJSON(struct {
			Error   string `json:"error"`
			Message string `json:"message"`
			Hint    string `json:"hint,omitempty"`
		}{kind, message, next})
		return code
	}
	for line := range strings.SplitSeq(message, "\n") {
		_, _ = fmt.Fprintln(a.err, "handclaspd: "+printable(line))
	}
	if next != "" {
		_, _ = fmt.Fprintln(a.err, "  "+printable(next))
	}
	return code
}

// printJSON writes one line of JSON to stdout. Characters that a terminal would obey stand in it as escapes, which mean
// the same to whoever parses it.
func (a *app) printJSON(v any) error {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	_, err := fmt.Fprintln(a.out, escaped(strings.TrimSuffix(b.String(), "\n")))
	return err
}
