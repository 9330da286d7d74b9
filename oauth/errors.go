package oauth

import (
	"errors"
	"net/http"
	"time"

	"github.com/ory/fosite"

	"github.com/handclasp/handclasp/store"
)

// The error codes of RFC 6749 §5.2, RFC 8628 §3.5, RFC 8707 §2 and RFC 6750 §3.1 that we use.
const (
	CodeInvalidRequest       = "invalid_request"
	CodeInvalidClient        = "invalid_client"
	CodeInvalidGrant         = "invalid_grant"
	CodeUnauthorizedClient   = "unauthorized_client"
	CodeUnsupportedGrantType = "unsupported_grant_type"
	CodeInvalidScope         = "invalid_scope"
	CodeInvalidTarget        = "invalid_target"
	CodeAuthorizationPending = "authorization_pending"
	CodeSlowDown             = "slow_down"
	CodeAccessDenied         = "access_denied"
	CodeExpiredToken         = "expired_token"
	CodeInvalidToken         = "invalid_token"
	CodeInsufficientScope    = "insufficient_scope"
	CodeTooManyRequests      = "too_many_requests"
	CodeUnavailable          = "temporarily_unavailable"
	CodeServerError          = "server_error"
)

// Error is a refusal in the standards' words.
type Error struct {
	Code       string
	Hint       string        // a sentence for developers, of fixed words and parameter names; a scope or a resource that was sent is quoted
	Reason     string        // the machine-readable member "reason" of access_denied, and of a link that is not good
	Basic      bool          // the client tried HTTP Basic, so that invalid_client must be a 401 (RFC 6749 §5.2)
	Scope      string        // with insufficient_scope: what would do
	Scheme     string        // under which a refused access token came; empty elsewhere
	RetryAfter time.Duration // with too_many_requests and temporarily_unavailable
	Cause      error         // for the log only
}

func (e *Error) Error() string {
	text := e.Code
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Cause }

func refuse(code, hint string) *Error { return &Error{Code: code, Hint: hint} }

// unavailable is for a store that could not answer: nothing may be assumed, so nothing is given.
func unavailable(cause error) *Error {
	return &Error{Code: CodeUnavailable, RetryAfter: time.Second, Cause: cause}
}

// The refusals of a poll that is in order. They are made once: a pending poll is the most frequent request there is.
var (
	errPending  = &Error{Code: CodeAuthorizationPending}
	errSlowDown = &Error{Code: CodeSlowDown}
	errExpired  = &Error{Code: CodeExpiredToken}
	errGrant    = &Error{Code: CodeInvalidGrant}
	errDenied   = &Error{Code: CodeAccessDenied}
)

// translate turns what Fosite's frame answered into an *Error. Our own handlers' errors pass through as they are.
func translate(r *http.Request, err error) error {
	var ours *Error
	if errors.As(err, &ours) {
		if ours.Code == CodeInvalidClient && !ours.Basic {
			_, _, basic := r.BasicAuth()
			return &Error{Code: ours.Code, Hint: ours.Hint, Basic: basic, Cause: ours.Cause}
		}
		return ours
	}
	var theirs *fosite.RFC6749Error
	if !errors.As(err, &theirs) || theirs.CodeField >= http.StatusInternalServerError {
		return &Error{Code: CodeServerError, Cause: err}
	}
	return &Error{Code: theirs.ErrorField, Hint: publicHint(theirs.ErrorField), Cause: err}
}

// publicHint keeps Fosite's own texts, which may quote what was sent, inside.
func publicHint(code string) string {
	if code == CodeInvalidRequest {
		return "a parameter is missing or malformed"
	}
	return ""
}

// isRefusal tells a clear no of the stores from one that did not answer.
func isRefusal(err error) bool {
	return errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrForeign) || errors.Is(err, store.ErrRefused)
}

// ofStore maps a ticket store's refusal of a refresh to the standards' words; everything else is an outage.
func ofStore(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrForeign), errors.Is(err, store.ErrReused):
		return errGrant
	case errors.Is(err, store.ErrScope):
		return refuse(CodeInvalidScope, "the scope goes beyond what was granted")
	case errors.Is(err, store.ErrTarget):
		return refuse(CodeInvalidTarget, "the resource is not one that was granted")
	default:
		return unavailable(err)
	}
}
