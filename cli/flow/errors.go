package flow

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What can become of a login or a session. Callers ask with errors.Is.
var (
	// ErrDenied says that the person refused in the browser.
	ErrDenied = errors.New("the login was refused in the browser")
	// ErrExpired says that nobody decided while the code was good.
	ErrExpired = errors.New("the code expired")
	// ErrConflict says that the device belongs to another account.
	ErrConflict = errors.New("this device belongs to another account")
	// ErrMismatch says that the server saw another device poll than the one that asked.
	ErrMismatch = errors.New("the server refused this device")
	// ErrSpent says that the device code was used up: its answer was lost on the way.
	ErrSpent = errors.New("the code was used up and its answer was lost")
	// ErrEnded says that the session is over: signed out elsewhere, ended on the
	// account page, or too old.
	ErrEnded = errors.New("the session has ended")
)

// UnreachableError says that no answer came.
type UnreachableError struct {
	Host string // where the request was going
	Err  error  // what the network said
}

func (e *UnreachableError) Error() string { return "cannot reach " + e.Host + ": " + e.Err.Error() }

// Unwrap gives the network's own error.
func (e *UnreachableError) Unwrap() error { return e.Err }

// ServerError is an answer that is no success. Its texts come from the server and
// are already clean.
type ServerError struct {
	Host        string
	Status      int
	Code        string // the error code of RFC 6749, empty when the answer was none
	Description string
	Reason      string        // what access_denied means, for machines
	RetryAfter  time.Duration // zero when the server did not say
}

func (e *ServerError) Error() string {
	switch {
	case e.Description != "":
		return fmt.Sprintf("%s says %s: %s", e.Host, e.Code, strings.TrimSuffix(e.Description, "."))
	case e.Code != "":
		return fmt.Sprintf("%s says %s", e.Host, e.Code)
	case e.Status >= 300 && e.Status <= 399:
		return fmt.Sprintf("%s redirects elsewhere (%d), which is not followed", e.Host, e.Status)
	case e.Status == http.StatusOK:
		return e.Host + " gave an answer that makes no sense"
	}
	return fmt.Sprintf("%s answered %d %s", e.Host, e.Status, http.StatusText(e.Status))
}

// passing tells whether the same request may well succeed later. An answer without
// an OAuth error code comes from a proxy or a server in trouble, not from the server
// that decides.
func (e *ServerError) passing() bool {
	return e.Code == "" || e.Status >= 500 || e.Status == http.StatusTooManyRequests ||
		e.Code == "server_error" || e.Code == "temporarily_unavailable"
}

// decision turns the answers that end a login into the errors above.
func (e *ServerError) decision() error {
	switch e.Code {
	case "expired_token":
		return ErrExpired
	case "invalid_grant":
		return ErrSpent
	case "access_denied":
		switch e.Reason {
		case "device_conflict":
			return ErrConflict
		case "fingerprint_mismatch":
			return ErrMismatch
		}
		return ErrDenied
	}
	return e
}
