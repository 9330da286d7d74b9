package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// everywhere starts a server a keeper whose limits are out of the way: all persons of a story share one address.
func everywhere(t *testing.T, story func(t *testing.T, s *servertest.Server)) {
	t.Helper()
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{LimitScale: 1000}, story)
}

// person returns a browser in which somebody has signed in.
func person(t *testing.T, s *servertest.Server, name string) *servertest.Browser {
	t.Helper()
	b := s.Browser(t)
	b.SignIn(name + "@example.test")
	return b
}

// mustRefuse fails unless the answer is this OAuth error, written as RFC 6749 §5.2 has it, and holds nothing else.
func mustRefuse(t testing.TB, reply servertest.Reply, code string) {
	t.Helper()
	mustAnswer(t, reply, http.StatusBadRequest, code)
}

func mustAnswer(t testing.TB, reply servertest.Reply, status int, code string) {
	t.Helper()
	if reply.Status != status || reply.Error() != code {
		t.Fatalf("the answer is %d %s, want %d %s", reply.Status, reply.Body, status, code)
	}
	if kind := reply.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("%s is written as %q", code, kind)
	}
	if cache := reply.Header.Get("Cache-Control"); cache != "no-store" {
		t.Errorf("%s may be cached: %q", code, cache)
	}
	for _, secret := range []string{"access_token", "refresh_token", "device_code\""} {
		if strings.Contains(string(reply.Body), secret) && code != oauth.CodeInvalidRequest {
			t.Errorf("%s holds %s: %s", code, secret, reply.Body)
		}
	}
}

// mustGive fails unless the answer holds tokens.
func mustGive(t testing.TB, reply servertest.Reply) servertest.Tokens {
	t.Helper()
	if reply.Status != http.StatusOK {
		t.Fatalf("no tokens: %d %s", reply.Status, reply.Body)
	}
	if cache := reply.Header.Get("Cache-Control"); cache != "no-store" {
		t.Errorf("tokens may be cached: %q", cache)
	}
	return reply.Tokens(t)
}

// alive reports whether an access token is good at our own API.
func alive(d *servertest.Terminal, accessToken string) bool {
	return d.Call(http.MethodGet, "/v1/me", accessToken).Status == http.StatusOK
}

// fields makes a form of names and values in turn.
func fields(pairs ...string) url.Values {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

// register makes a client known that may do what most may; change makes it special.
func register(t testing.TB, s *servertest.Server, id string, change func(*store.Client)) {
	t.Helper()
	c := store.Client{
		ID: id, Name: id, Public: true, Grants: []string{oauth.GrantDevice, oauth.GrantRefresh},
		Scopes:    []store.Scope{{Name: "deploy:write", Words: "Deploy to production"}},
		Audiences: []string{"https://api.example.test", "https://files.example.test"},
		CreatedAt: s.Clock.Now(), UpdatedAt: s.Clock.Now(),
	}
	if change != nil {
		change(&c)
	}
	if err := s.Records.CreateClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// foreign returns a terminal of a client of somebody else's making, which sends neither fingerprint nor resource.
func foreign(t testing.TB, s *servertest.Server, id string) *servertest.Terminal {
	d := s.Terminal(t)
	d.ClientID, d.Fingerprint, d.Resource, d.Scope = id, "", "", ""
	return d
}

// confidential makes a client keep a secret.
func confidential(secret string) func(*store.Client) {
	return func(c *store.Client) {
		c.Public, c.SecretHashes = false, []string{oauth.HashSecret(secret)}
	}
}

// sidOf is the session of a device code, which is no secret.
func sidOf(a servertest.Asked) string {
	sid, _, _ := strings.Cut(strings.TrimPrefix(a.DeviceCode, "hcd_"), ".")
	return sid
}

// sessionOf reads a session's row.
func sessionOf(t testing.TB, s *servertest.Server, a servertest.Asked) store.Session {
	t.Helper()
	row, err := s.Records.Session(t.Context(), sidOf(a))
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// mustNameNobody fails if a page holds one of these words.
func mustNameNobody(t testing.TB, page *servertest.Page, words ...string) {
	t.Helper()
	for _, word := range words {
		if strings.Contains(page.Body, word) {
			t.Errorf("%s names %q", page.URL.Path, word)
		}
	}
}

// soon fails unless something becomes true within a moment, as a busy machine counts it.
func soon(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(promptly); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not so after %s", what, promptly)
		}
	}
}
