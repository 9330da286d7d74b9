package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/providers"
	"github.com/handclasp/handclasp/server/pages"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/verify"
)

// The refusals that only the pages know.
var (
	errForm     = errors.New("the form is too old or not from our own page")
	errBadInput = errors.New("the request cannot be read")
	errNoPage   = errors.New("nothing is at this address")
	errMethod   = errors.New("the method is not allowed here")
)

// tooMany is a limit of ours that was reached.
type tooMany struct{ after time.Duration }

func (tooMany) Error() string { return "too many requests" }

// answer is what a stranger gets to see of an error.
type answer struct {
	status   int
	code     string        // the OAuth error code
	sentence string        // for people and for error_description
	after    time.Duration // Retry-After; zero for none
}

// answers of the OAuth codes (RFC 6749 §5.2, RFC 8628 §3.5, RFC 8707 §2, RFC 6750 §3.1, RFC 9126 §2.3, RFC 9449 §12.2). RFC 8628 wants 400 for all of
// its own, access_denied among them.
var answers = map[string]answer{
	oauth.CodeInvalidRequest:          {status: 400, sentence: "The request cannot be read."},
	oauth.CodeInvalidClient:           {status: 400, sentence: "The client is unknown, or has not proven itself."},
	oauth.CodeInvalidGrant:            {status: 400, sentence: "The code or token is unknown, used, or belongs to another client or device."},
	oauth.CodeUnauthorizedClient:      {status: 400, sentence: "The client may not do that."},
	oauth.CodeUnsupportedGrantType:    {status: 400, sentence: "This grant type is not supported."},
	oauth.CodeInvalidScope:            {status: 400, sentence: "A scope is unknown or was not granted."},
	oauth.CodeInvalidTarget:           {status: 400, sentence: "The resource is unknown or was not granted."},
	oauth.CodeAuthorizationPending:    {status: 400, sentence: "The person has not decided yet."},
	oauth.CodeSlowDown:                {status: 400, sentence: "Polling too fast; the interval has grown by 5 seconds."},
	oauth.CodeAccessDenied:            {status: 400, sentence: "The sign-in was refused."},
	oauth.CodeExpiredToken:            {status: 400, sentence: "The code has expired."},
	oauth.CodeUnsupportedResponseType: {status: 400, sentence: "This response type is not supported."},
	oauth.CodeRequestNotSupported:     {status: 400, sentence: "Request objects are not supported."},
	oauth.CodeInvalidRequestURI:       {status: 400, sentence: "The app's request is unknown, used, or too old."},
	oauth.CodeInvalidRedirectURI:      {status: 400, sentence: "A redirect URI cannot be taken."},
	oauth.CodeInvalidClientMetadata:   {status: 400, sentence: "What the client says of itself cannot be taken."},
	oauth.CodeUnapprovedStatement:     {status: 400, sentence: "The software statement is not approved."},
	oauth.CodeInvalidToken:            {status: 401, sentence: "The access token is missing, expired or revoked."},
	oauth.CodeInvalidProof:            {status: 400, sentence: "The DPoP proof is not good, or was shown before."},
	oauth.CodeUseNonce:                {status: 400, sentence: "Make a DPoP proof with the nonce of this answer."},
	oauth.CodeInsufficientScope:       {status: 403, sentence: "The access token lacks a scope."},
	oauth.CodeTooManyRequests:         {status: 429, sentence: "Too many requests."},
	oauth.CodeUnavailable:             {status: 503, sentence: "A part of the server does not answer. Try again in a moment."},
	oauth.CodeServerError:             {status: 500, sentence: "Something went wrong here."},
}

// classify is the one place where an error becomes a status and a sentence. What it does not know is server_error and
// says nothing more.
func classify(err error) answer {
	var refusal *oauth.Error
	var limit tooMany
	if a, ok := ofAdmin(err); ok {
		return a
	}
	switch {
	case errors.As(err, &refusal):
		a, known := answers[refusal.Code]
		if !known {
			return of(oauth.CodeServerError)
		}
		a.code, a.after = refusal.Code, refusal.RetryAfter
		if refusal.Hint != "" {
			a.sentence = refusal.Sentence()
		}
		if refusal.Code == oauth.CodeInvalidClient && refusal.Basic {
			a.status = http.StatusUnauthorized
		}
		if refusal.Scheme != "" && a.status == http.StatusBadRequest { // of a proof beside an access token (RFC 9449 §7.1, §9)
			a.status = http.StatusUnauthorized
		}
		return a
	case errors.As(err, &limit):
		a := of(oauth.CodeTooManyRequests)
		a.after = limit.after
		return a
	case errors.Is(err, providers.ErrTooMany):
		a := of(oauth.CodeTooManyRequests)
		a.after = time.Minute
		return a
	case errors.Is(err, store.ErrNotFound), errors.Is(err, errNoPage):
		return answer{status: 404, code: "not_found", sentence: "There is nothing here, or nothing of yours."}
	case errors.Is(err, store.ErrFull):
		return answer{status: 403, code: oauth.CodeAccessDenied, sentence: "You have as many devices signed in as one account may have. End one of them, then approve again."}
	case errors.Is(err, errForm):
		return answer{status: 403, code: oauth.CodeInvalidRequest, sentence: "This form has expired. Go back, reload the page and try again."}
	case errors.Is(err, errBadInput):
		return answer{status: 400, code: oauth.CodeInvalidRequest, sentence: "The request cannot be read. Go back and try again."}
	case errors.Is(err, errMethod):
		return answer{status: 405, code: oauth.CodeInvalidRequest, sentence: "This page cannot be opened that way. Go back and use the button that leads here."}
	case errors.Is(err, errUnavailable), errors.Is(err, context.DeadlineExceeded):
		a := of(oauth.CodeUnavailable)
		a.after = time.Second
		return a
	default:
		return of(oauth.CodeServerError)
	}
}

func of(code string) answer {
	a := answers[code]
	a.code = code
	return a
}

// errUnavailable marks a store that did not answer.
var errUnavailable = errors.New("a store did not answer")

// unavailable marks err unless it is one of the stores' clear refusals.
func unavailable(err error) error {
	for _, clear := range []error{store.ErrNotFound, store.ErrTaken, store.ErrDecided, store.ErrExpired, store.ErrConflict, store.ErrRefused, store.ErrForeign, store.ErrFull} {
		if err == nil || errors.Is(err, clear) {
			return err
		}
	}
	return errors.Join(errUnavailable, err)
}

// errorBody is the JSON of an OAuth error (RFC 6749 §5.2) and of /v1.
type errorBody struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
	Reason      string `json:"reason,omitempty"`
	By          string `json:"by,omitempty"` // with some reasons: the id of what stands in the way
}

func errorOf(a answer, err error) errorBody {
	body := errorBody{Error: a.code, Description: a.sentence}
	var refusal *oauth.Error
	var ofDesk *admin.Refusal
	switch {
	case errors.As(err, &refusal):
		body.Reason = refusal.Reason
	case errors.As(err, &ofDesk):
		body.Reason, body.By = ofDesk.Reason, ofDesk.By
	}
	return body
}

// writeError answers an API request.
func (s *Server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	if statusOf(w) != 0 || r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return // it was answered, or nobody is there
	}
	a := classify(err)
	s.logError(w, r, a, err)
	h := w.Header()
	setRetry(h, a.after)
	body := errorOf(a, err)
	var refusal *oauth.Error
	if errors.As(err, &refusal) {
		challenge(h, a, refusal)
	}
	if errors.Is(err, errMethod) {
		body.Description = "This address takes " + h.Get("Allow") + "."
	}
	if whole, ok := wholeBodies[body]; ok {
		h.Set("Content-Type", "application/json")
		w.WriteHeader(a.status)
		_, _ = w.Write(whole)
		return
	}
	_ = writeJSONStatus(w, a.status, body) // a few plain texts: it cannot fail
}

// wholeBodies are the answers that need no writing. The one to a pending poll is the most frequent that there is.
var wholeBodies = func() map[errorBody][]byte {
	bodies := map[errorBody][]byte{}
	for code, a := range answers {
		body := errorBody{Error: code, Description: a.sentence}
		text, err := json.Marshal(body)
		if err != nil {
			panic(err) // two plain strings
		}
		bodies[body] = append(text, '\n')
	}
	return bodies
}()

// challenge says how to prove oneself (RFC 6750 §3, RFC 9449 §7.1, RFC 6749 §5.2). The scheme that was used hears what was
// wrong; the other one is offered beside it.
func challenge(h http.Header, a answer, refusal *oauth.Error) {
	const bearer, dpop, algs = "Bearer", "DPoP", `algs="` + verify.ProofAlgorithms + `"`
	wrong := ` error="` + a.code + `"`
	switch {
	case a.code == oauth.CodeInsufficientScope:
		h.Set("WWW-Authenticate", cmp.Or(refusal.Scheme, bearer)+wrong+`, scope=`+strconv.Quote(refusal.Scope))
	case refusal.Scheme == dpop && a.status == http.StatusUnauthorized:
		h["Www-Authenticate"] = []string{dpop + wrong + ", " + algs, bearer}
	case a.code == oauth.CodeInvalidToken:
		h["Www-Authenticate"] = []string{bearer + wrong, dpop + " " + algs}
	case a.status == http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Basic realm="client"`)
	}
}

// writeErrorPage answers a person.
func (s *Server) writeErrorPage(w http.ResponseWriter, r *http.Request, err error) {
	if statusOf(w) != 0 {
		return
	}
	if errors.Is(err, errSignedOut) {
		http.Redirect(w, r, instead(r), http.StatusSeeOther) //nolint:gosec // G710: a path of ours, and a query
		return
	}
	if errors.Is(err, errSignedIn) {
		http.Redirect(w, r, returnPath(r.PostForm.Get("return_to")), http.StatusSeeOther) //nolint:gosec // G710: see returnPath
		return
	}
	a := classify(err)
	s.logError(w, r, a, err)
	setRetry(w.Header(), a.after)
	base := s.base(r)
	var view pages.View = pages.Error{Base: base, Sentence: a.sentence, RequestID: sessions.OriginOf(r.Context()).RequestID}
	switch a.status {
	case http.StatusNotFound:
		view = pages.NotFound{Base: base}
	case http.StatusTooManyRequests:
		back := "/signin"
		if base.Account != "" {
			back = "/device"
		}
		view = pages.TooMany{Base: base, Again: s.Now().Add(max(a.after, time.Second)), BackURL: back}
	}
	if err := s.Pages.Write(w, a.status, view); err != nil {
		s.Log.ErrorContext(r.Context(), "draw the error page", "error", err)
	}
}

func setRetry(h http.Header, after time.Duration) {
	if after > 0 {
		h.Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
	}
}

// logError writes the cause of what is our own fault. What a stranger did wrong is the stranger's business, and an event
// where it matters.
func (s *Server) logError(w http.ResponseWriter, r *http.Request, a answer, err error) {
	if a.status < http.StatusInternalServerError {
		return
	}
	s.Log.ErrorContext(r.Context(), "request failed",
		"status", a.status, "method", r.Method, "route", routeOf(w), "request_id", sessions.OriginOf(r.Context()).RequestID, "error", err)
}

// guard turns a panic into an answer: one broken request must not be a silent one.
func (s *Server) guard(w http.ResponseWriter, r *http.Request, answer func(http.ResponseWriter, *http.Request, error)) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler { //nolint:errorlint // it is this very value that net/http knows
		panic(cause)
	}
	answer(w, r, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
}
