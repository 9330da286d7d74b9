package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// apiEverywhere starts a server a keeper whose limits are out of the way: all persons of a story share one address.
func apiEverywhere(t *testing.T, story func(t *testing.T, s *servertest.Server)) {
	t.Helper()
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{LimitScale: 1000}, story)
}

// apiPerson returns a browser in which somebody has signed in.
func apiPerson(t *testing.T, s *servertest.Server, name string) *servertest.Browser {
	t.Helper()
	b := s.Browser(t)
	b.SignIn(name + "@example.test")
	return b
}

// mustSay fails unless the answer is this error, in JSON that nobody may keep.
func mustSay(t testing.TB, reply servertest.Reply, status int, code string) {
	t.Helper()
	if reply.Status != status || reply.Error() != code {
		t.Fatalf("the answer is %d %s, want %d %s", reply.Status, reply.Body, status, code)
	}
	if kind, cache := reply.Header.Get("Content-Type"), reply.Header.Get("Cache-Control"); kind != "application/json" || cache != "no-store" {
		t.Errorf("%s comes as %q, %q", code, kind, cache)
	}
}

// apiForm makes a form of names and values in turn.
func apiForm(pairs ...string) url.Values {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// apiClient makes a client known whose tokens are for another audience than ours first.
func apiClient(t testing.TB, s *servertest.Server, id string, audiences ...string) {
	t.Helper()
	err := s.Records.CreateClient(t.Context(), store.Client{
		ID: id, Name: id, Public: true, Grants: []string{oauth.GrantDevice, oauth.GrantRefresh}, Audiences: audiences,
		Scopes: []store.Scope{{Name: oauth.ScopeAccountRead}, {Name: oauth.ScopeAccountDevices}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// apiList are the sessions or devices that /v1 lists.
func apiList(t testing.TB, reply servertest.Reply, of string) []map[string]any {
	t.Helper()
	if reply.Status != http.StatusOK {
		t.Fatalf("list %s: %d %s", of, reply.Status, reply.Body)
	}
	var answer map[string][]map[string]any
	if err := json.Unmarshal(reply.Body, &answer); err != nil {
		t.Fatal(err)
	}
	return answer[of]
}
