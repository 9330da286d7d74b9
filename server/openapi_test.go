package server_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	handclasp "github.com/handclasp/handclasp"
	"github.com/handclasp/handclasp/server"
	"github.com/handclasp/handclasp/server/servertest"
)

// description reads openapi.yaml and checks it as a document, its examples included.
func description(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(handclasp.OpenAPI)
	if err != nil {
		t.Fatalf("read openapi.yaml: %v", err)
	}
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation(), openapi3.EnableSchemaPatternValidation()); err != nil {
		t.Fatalf("openapi.yaml is not sound: %v", err)
	}
	return doc
}

func TestDescriptionNamesEveryRouteAndNoOther(t *testing.T) {
	t.Parallel()
	var described []string
	for path, item := range description(t).Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	served := server.Routes()
	for _, route := range served {
		if !slices.Contains(described, route) {
			t.Errorf("%s is served and not described", route)
		}
	}
	for _, route := range described {
		if !slices.Contains(served, route) {
			t.Errorf("%s is described and not served", route)
		}
	}
}

func TestDescriptionSaysEnoughToGenerateFrom(t *testing.T) {
	t.Parallel()
	names := map[string]string{}
	for path, item := range description(t).Paths.Map() {
		for method, operation := range item.Operations() {
			where := method + " " + path
			if other, taken := names[operation.OperationID]; taken || operation.OperationID == "" {
				t.Errorf("%s has the operationId %q, as has %q", where, operation.OperationID, other)
			}
			names[operation.OperationID] = where
			if operation.Security == nil || len(operation.Tags) != 1 || operation.Summary == "" || operation.Description == "" {
				t.Errorf("%s lacks its security, its one tag, its summary or its description", where)
			}
		}
	}
}

// Whoever writes a client begins with what the bodies look like. Pages are for people, and need none.
func TestDescriptionHasAnExampleOfEveryBody(t *testing.T) {
	t.Parallel()
	shown := func(what string, content openapi3.Content) {
		for kind, body := range content {
			atSchema := body.Schema != nil && (body.Schema.Value.Example != nil || len(body.Schema.Value.Examples) > 0)
			if kind != "text/html" && body.Example == nil && len(body.Examples) == 0 && !atSchema {
				t.Errorf("%s has no example of its %s", what, kind)
			}
		}
	}
	for path, item := range description(t).Paths.Map() {
		for method, operation := range item.Operations() {
			where := operation.OperationID + " (" + method + " " + path + ")"
			if operation.RequestBody != nil {
				shown(where+": the request", operation.RequestBody.Value.Content)
			}
			for status, answer := range operation.Responses.Map() {
				if strings.HasPrefix(status, "2") {
					shown(where+": the answer "+status, answer.Value.Content)
				}
			}
		}
	}
}

// What the server serves is the file of this repository, and the metadata says where.
func TestDescriptionIsServed(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	terminal := s.Terminal(t)
	at := terminal.Call(http.MethodGet, "/.well-known/oauth-authorization-server", "").Text("service_documentation")
	served := terminal.Call(http.MethodGet, strings.TrimPrefix(at, s.Issuer), "")
	if string(served.Body) != string(handclasp.OpenAPI) {
		t.Errorf("%s serves %d bytes, openapi.yaml has %d", at, len(served.Body), len(handclasp.OpenAPI))
	}
}
