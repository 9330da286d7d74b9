package flow

import (
	"bytes"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"strconv"
)

//go:embed closing.html
var closingText string

// closing is the last page that the browser shows.
type closing struct {
	Good        bool
	Title, Text string
}

// writeClosing tells the person in the browser how it went. The page loads nothing and leads nowhere, and what the server
// said does not stand on it: the terminal says it.
func writeClosing(w http.ResponseWriter, err error) {
	page := closing{Good: true, Title: "You are signed in", Text: "You can close this window and go back to the terminal."}
	status := http.StatusOK
	if err != nil {
		page = closing{Title: "You are not signed in", Text: closingWords(err) + " The terminal says how to go on; you can close this window."}
		status = http.StatusBadRequest
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer") // the address holds the code
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	var body bytes.Buffer
	_ = template.Must(template.New("closing").Parse(closingText)).Execute(&body, page) // nothing in it can fail
	header.Set("Content-Length", strconv.Itoa(body.Len()))                             // so that all of it has left with the flush
	w.WriteHeader(status)
	_, _ = body.WriteTo(w)                    // a browser that went away sees nothing
	_ = http.NewResponseController(w).Flush() // and so here
}

func closingWords(err error) string {
	switch {
	case errors.Is(err, ErrDenied):
		return "The login was refused."
	case errors.Is(err, ErrConflict):
		return "This device belongs to another account."
	case errors.Is(err, ErrCodeRefused):
		return "The server did not accept the answer."
	}
	if _, lost := errors.AsType[*UnreachableError](err); lost {
		return "The server could not be reached."
	}
	return "The login did not work."
}
