package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

func init() {
	openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.PlainBodyDecoder)
	openapi3filter.RegisterBodyDecoder("application/token-introspection+jwt", openapi3filter.PlainBodyDecoder)
	openapi3filter.RegisterBodyDecoder("application/statuslist+jwt", openapi3filter.PlainBodyDecoder)
	openapi3filter.RegisterBodyDecoder("application/jwk-set+json", openapi3filter.JSONBodyDecoder)
}

// witness stands between clients and server, holds each request and answer against openapi.yaml, and remembers what it
// has seen of it.
type witness struct {
	t      *testing.T
	doc    *openapi3.T
	router routers.Router

	mu   sync.Mutex
	seen map[string]bool // "requestToken 400 slow_down", "endSession 204"
}

func newWitness(t *testing.T) *witness {
	t.Helper()
	doc := description(t)
	doc.Servers = nil // the issuer is whatever the test listens on
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &witness{t: t, doc: doc, router: router, seen: map[string]bool{}}
}

// watch is for servertest.Options.
func (w *witness) watch(next http.RoundTripper) http.RoundTripper { return watched{w, next} }

type watched struct {
	w    *witness
	next http.RoundTripper
}

// RoundTrip reads both bodies to the end and hands copies on.
func (s watched) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		var err error
		if sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	again := func() *http.Request {
		c := r.Clone(r.Context())
		c.Body = io.NopCloser(bytes.NewReader(sent))
		return c
	}
	answer, err := s.next.RoundTrip(again())
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if err := answer.Body.Close(); err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	s.w.hold(again(), answer, body)
	return answer, nil
}

// hold checks one exchange.
func (w *witness) hold(r *http.Request, answer *http.Response, body []byte) {
	what := r.Method + " " + r.URL.Path + " " + strconv.Itoa(answer.StatusCode)
	route, params, err := w.router.FindRoute(r)
	if err != nil {
		w.t.Errorf("%s: %v", what, err)
		return
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, Route: route, PathParams: params,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}
	code := errorCode(body)
	if answer.StatusCode < http.StatusBadRequest || inOrder(code) {
		if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
			w.t.Errorf("%s: the request was taken, and is not as described: %v", what, err)
		}
	}
	err = openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: answer.StatusCode, Header: answer.Header,
		Body: io.NopCloser(bytes.NewReader(body)), Options: input.Options,
	})
	if err != nil {
		w.t.Errorf("%s: the answer is not as described: %v\n%s", what, err, body)
	}
	w.holdRest(what, route.Operation, answer, body)
	w.note(route.Operation.OperationID, answer.StatusCode, code)
}

// holdRest checks what the library leaves out: 304, headers that must be there, and bodies where none is described.
func (w *witness) holdRest(what string, operation *openapi3.Operation, answer *http.Response, body []byte) {
	described := operation.Responses.Status(answer.StatusCode)
	if described == nil {
		w.t.Errorf("%s is not described", what)
		return
	}
	for name, header := range described.Value.Headers {
		if header.Value.Required && answer.Header.Get(name) == "" {
			w.t.Errorf("%s lacks the header %s", what, name)
		}
	}
	holdJSON(w.t, what, answer.Header.Get("Content-Type"), body)
	redirect := answer.StatusCode/100 == 3 // may carry a line for people (RFC 9110 §15.4)
	if len(described.Value.Content) == 0 && len(body) > 0 && !redirect {
		w.t.Errorf("%s has a body, and none is described: %s", what, body)
	}
}

// holdJSON checks that JSON is one whole line, for whoever asks by hand, and that the sentence of a refusal is of the letters that
// RFC 6749 §5.2 allows. The admin API quotes what was sent to it, and is no part of that.
func holdJSON(t *testing.T, what, kind string, body []byte) {
	if len(body) == 0 || kind != "application/json" && kind != "application/jwk-set+json" {
		return
	}
	if bytes.IndexByte(body, '\n') != len(body)-1 {
		t.Errorf("%s is not one line: %q", what, body)
	}
	var refusal struct {
		Description string `json:"error_description"`
	}
	misplaced := func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }
	err := json.Unmarshal(body, &refusal)
	if err != nil || strings.ContainsFunc(refusal.Description, misplaced) && !strings.Contains(what, "/v1/admin/") {
		t.Errorf("%s is not as RFC 6749 wants it: %q (%v)", what, body, err)
	}
}

// inOrder tells the refusals of requests that are as described.
func inOrder(code string) bool {
	return slices.Contains([]string{"authorization_pending", "slow_down", "access_denied", "expired_token", "invalid_grant"}, code)
}

func errorCode(body []byte) string {
	var refusal struct{ Error string }
	if json.Unmarshal(body, &refusal) != nil {
		return ""
	}
	return refusal.Error
}

func (w *witness) note(operation string, status int, code string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[strings.TrimSpace(operation+" "+strconv.Itoa(status)+" "+code)] = true
}

// compare reports what is described and was never seen, and error codes that were seen and have no example.
func (w *witness) compare() {
	w.mu.Lock()
	defer w.mu.Unlock()
	promised := map[string]bool{}
	for _, item := range w.doc.Paths.Map() {
		for _, operation := range item.Operations() {
			for status, response := range operation.Responses.Map() {
				for _, code := range exampleCodes(response.Value) {
					promised[strings.TrimSpace(operation.OperationID+" "+status+" "+code)] = true
				}
			}
		}
	}
	for _, answer := range slices.Sorted(maps.Keys(promised)) {
		// A fault of ours is described for every operation and brought about for one: nobody knows how to make the others.
		if !w.seen[answer] && !strings.Contains(answer, " 500") {
			w.t.Errorf("%s is described, and was never seen", answer)
		}
	}
	for _, answer := range slices.Sorted(maps.Keys(w.seen)) {
		if !promised[answer] {
			w.t.Errorf("%s was seen, and is not described or has no example", answer)
		}
	}
}

// exampleCodes are the error codes that a response has examples for; one empty code if it is no error in JSON.
func exampleCodes(response *openapi3.Response) []string {
	var codes []string
	if media := response.Content.Get("application/json"); media != nil {
		for _, example := range media.Examples {
			value, _ := example.Value.Value.(map[string]any)
			code, _ := value["error"].(string)
			codes = append(codes, code)
		}
	}
	if codes == nil {
		return []string{""}
	}
	return codes
}
