package main

import (
	"regexp"
	"strings"
	"sync"
)

var codeForm = regexp.MustCompile(`\b[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}\b`)

// watched keeps what a program prints, and says when a code is among it.
type watched struct {
	mu   sync.Mutex
	text strings.Builder
	seen chan string
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(b)
	if code := codeForm.FindString(w.text.String()); code != "" {
		select {
		case w.seen <- code:
		default:
		}
	}
	return len(b), nil
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}
