package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

// adminPatience is longer than other routes': ending every session of a client takes a step for each.
const adminPatience = 10 * time.Second

// desk surrounds the admin API as api surrounds the rest of /v1.
func desk(s *Server, route string, next handler) entry { return program(s, route, next, adminPatience) }

// An errand is one request to the admin API, once it is known who asks and that they may.
type errand func(r *http.Request, d *admin.Local) (told, error)

// told is what an errand answers.
type told struct {
	Status int             `json:"status"`
	ETag   string          `json:"etag,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`
}

// tell answers with a value, and with the version of it if it has one.
func tell(status int, value any) (told, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return told{}, &oauth.Error{Code: oauth.CodeServerError, Cause: err}
	}
	t := told{Status: status, Body: body}
	switch value.(type) {
	case admin.Client, admin.Resource:
		t.ETag = `"` + admin.Version(value) + `"`
	}
	return t, nil
}

var done = told{Status: http.StatusNoContent}

func (t told) write(w http.ResponseWriter) {
	if t.ETag != "" {
		w.Header().Set("ETag", t.ETag)
	}
	if len(t.Body) == 0 {
		w.WriteHeader(t.Status)
		return
	}
	writeBody(w, t.Status, t.Body)
}

// admin lets an errand be done for a client whose token holds the scope.
func (s *Server) admin(scope string, do errand) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		asker, err := s.mayAdmin(r, scope)
		if err != nil {
			return err
		}
		t, err := do(r, s.Admin.For(asker))
		if err != nil {
			return adminTrouble(err)
		}
		t.write(w)
		return nil
	}
}

// mayAdmin says for whom a request is done. What a client may ask is counted by client, whatever it asks.
func (s *Server) mayAdmin(r *http.Request, scope string) (admin.Asker, error) {
	client, err := s.OAuth.VerifyAdmin(r.Context(), r, scope)
	if err != nil {
		return admin.Asker{}, err
	}
	if err := s.limit(r.Context(), store.Limit{Key: "admin.client:" + client.ID, Burst: 60, Every: 500 * time.Millisecond}); err != nil {
		return admin.Asker{}, err
	}
	return admin.Asker{Actor: "client:" + client.ID, Remote: true}, checkMatch(r)
}

// checkMatch refuses a condition that the request would not be held to: whoever deletes a client as it was looked at must not
// delete another (RFC 9110 §13.1.1).
func checkMatch(r *http.Request) error {
	if match := r.Header.Get("If-Match"); match != "" && match != "*" && (r.Method == http.MethodPost || r.Method == http.MethodDelete) {
		return mistake("If-Match: goes with PATCH; here it would not be looked at")
	}
	return nil
}

// adminTrouble marks what is neither a refusal nor a mistake of the asker's: a store that did not answer.
func adminTrouble(err error) error {
	var invalid admin.Invalid
	var refusal *admin.Refusal
	var refused *oauth.Error
	if errors.As(err, &invalid) || errors.As(err, &refusal) || errors.As(err, &refused) {
		return err
	}
	return unavailable(err)
}

// ofAdmin is what a stranger gets to see of the desk's errors; ok is false for all others.
func ofAdmin(err error) (a answer, ok bool) {
	var invalid admin.Invalid
	var refusal *admin.Refusal
	var unfinished *admin.Unfinished
	switch {
	case errors.As(err, &invalid):
		return answer{status: http.StatusBadRequest, code: oauth.CodeInvalidRequest, sentence: invalid.Error()}, true
	case errors.As(err, &refusal) && refusal.Reason == admin.ReasonOnlyAtData:
		return answer{status: http.StatusForbidden, code: oauth.CodeAccessDenied, sentence: refusal.Text}, true
	case errors.As(err, &refusal) && refusal.Reason == admin.ReasonChanged:
		return answer{status: http.StatusPreconditionFailed, code: "precondition_failed", sentence: refusal.Text}, true
	case errors.As(err, &refusal) && refusal.Reason == reasonOtherBody:
		return answer{status: http.StatusUnprocessableEntity, code: "idempotency_key_reused", sentence: refusal.Text}, true
	case errors.As(err, &refusal):
		a = answer{status: http.StatusConflict, code: "conflict", sentence: refusal.Text}
		if refusal.Reason == reasonBusy {
			a.after = time.Second
		}
		return a, true
	case errors.As(err, &unfinished):
		return answer{status: http.StatusServiceUnavailable, code: oauth.CodeUnavailable, sentence: unfinished.Text + ".", after: 10 * time.Second}, true
	}
	return answer{}, false
}

// queryOf reads the parameters of a request, each known and given once.
func queryOf(r *http.Request, known ...string) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, mistake("the query cannot be read")
	}
	for name, given := range values {
		if !slices.Contains(known, name) {
			return nil, mistake("%q: there is no such parameter; there are %s", name, strings.Join(known, ", "))
		}
		if len(given) > 1 || len(given[0]) > 1000 || !plain(given[0]) {
			return nil, mistake("%s: is given twice, too long, or cannot be read", name)
		}
	}
	return values, nil
}

func mistake(format string, args ...any) error { return admin.NewInvalid(fmt.Errorf(format, args...)) }

// pagingOf reads limit and cursor.
func pagingOf(values url.Values) (p admin.Paging, err error) {
	p.Cursor = values.Get("cursor")
	if values.Has("limit") {
		if p.Limit, err = strconv.Atoi(values.Get("limit")); err != nil || p.Limit < 1 {
			return p, mistake("limit: want 1 to %d", admin.LimitMost)
		}
	}
	return p, nil
}

// momentOf reads a time.
func momentOf(values url.Values, name string) (time.Time, error) {
	if !values.Has(name) {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, values.Get(name))
	if err != nil {
		return at, mistake("%s: want a time such as 2026-03-01T12:00:00Z", name)
	}
	return at, nil
}

// bodyOf reads a JSON body whole: members that nobody knows are mistakes, and would be wishes that nobody hears.
func bodyOf(r *http.Request, into any) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return mistake("the body must be application/json")
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return mistake("the body is too large, or was not sent whole")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return mistake("the body: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return mistake("the body: more than one value")
	}
	return nil
}

// noBody wants none, so that nobody takes for granted what was never read.
func noBody(r *http.Request) error {
	if n, err := r.Body.Read(make([]byte, 1)); n > 0 || err != nil && !errors.Is(err, io.EOF) {
		return mistake("the request has no body")
	}
	return nil
}

// matchOf reads If-Match (RFC 9110 §13.1.1): one version, or any.
func matchOf(r *http.Request) (string, error) {
	text := r.Header.Get("If-Match")
	if text == "" || text == "*" {
		return "", nil
	}
	version, ok := strings.CutPrefix(text, `"`)
	version, end := strings.CutSuffix(version, `"`)
	if !ok || !end || version == "" || strings.ContainsAny(version, `",`) {
		return "", mistake("If-Match: want one ETag as it was sent")
	}
	return version, nil
}

// namedBy is the {id} of a route. Ids of clients and resources may hold a slash, which a path has as %2F.
func namedBy(r *http.Request) (string, error) {
	id, err := url.PathUnescape(pathID(r))
	if err != nil || len(id) > 1000 || !plain(id) {
		return "", store.ErrNotFound
	}
	return id, nil
}
