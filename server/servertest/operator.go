package servertest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

// Operator is a service that works with the admin API.
type Operator struct {
	*Terminal
	Token string // sent with each request; empty is not sent
}

const operatorSecret = "an-operator's-generated-secret"

// Operator registers a client that was given these scopes at the data, and gets its token.
func (s *Server) Operator(t testing.TB, id string, scopes ...string) *Operator {
	t.Helper()
	if err := s.Records.CreateClient(t.Context(), store.Client{
		ID: id, Name: id, SecretHashes: []string{oauth.HashSecret(operatorSecret)}, Grants: []string{oauth.GrantClient},
		Audiences: []string{s.Issuer}, Admin: scopes, CreatedAt: s.Clock.Now(), UpdatedAt: s.Clock.Now(),
	}); err != nil {
		t.Fatal(err)
	}
	d := s.Terminal(t)
	d.ClientID, d.Secret = id, operatorSecret
	o := &Operator{Terminal: d}
	o.Renew(scopes...)
	return o
}

// Renew gets a new token.
func (o *Operator) Renew(scopes ...string) {
	o.t.Helper()
	reply := o.AskFor(scopes...)
	if reply.Status != http.StatusOK {
		o.t.Fatalf("ask for an operator's token: %d %s", reply.Status, reply.Body)
	}
	o.Token = reply.Tokens(o.t).AccessToken
}

// AskFor asks for a token with these scopes.
func (o *Operator) AskFor(scopes ...string) Reply {
	o.t.Helper()
	return o.Post("/oauth/token", url.Values{"grant_type": {oauth.GrantClient}, "scope": {strings.Join(scopes, " ")}})
}

// Do sends a request, with a body in JSON unless it is nil, and headers given as names and values in turn.
func (o *Operator) Do(method, path string, body any, headers ...string) Reply {
	o.t.Helper()
	text := ""
	if raw, ok := body.(json.RawMessage); ok { // as it is, also if it is none
		text = string(raw)
	} else if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			o.t.Fatal(err)
		}
		text = string(b)
	}
	r := o.request(method, path, text)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if o.Token != "" {
		r.Header.Set("Authorization", "Bearer "+o.Token)
	}
	setHeaders(r, headers)
	return send(o.t, o.http, r)
}

// Get reads.
func (o *Operator) Get(path string) Reply {
	o.t.Helper()
	return o.Do(http.MethodGet, path, nil)
}
