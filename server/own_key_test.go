package server_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/cli"
	"github.com/handclasp/handclasp/cli/flow"
	"github.com/handclasp/handclasp/server"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/verify"
)

const (
	plainAPI = "https://api.example.test"
	keyedAPI = "https://keyed.example.test"
)

// withAPIs lets our own client ask for tokens for two APIs, one of which takes only those that are bound to a key.
func withAPIs(t *testing.T, s *servertest.Server) {
	t.Helper()
	now := s.Clock.Now()
	if err := s.Records.CreateResource(t.Context(), store.Resource{ID: keyedAPI, Name: "Keyed", DPoP: true, CreatedAt: now, UpdatedAt: now}); err != nil {
		t.Fatal(err)
	}
	c, err := s.Records.Client(t.Context(), server.BuiltInClient)
	if err != nil {
		t.Fatal(err)
	}
	c.Audiences = []string{s.Issuer, plainAPI, keyedAPI}
	if err := s.Records.UpdateClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// loginByCode runs our own program while a person types its code.
func loginByCode(t *testing.T, o cli.Options, b *servertest.Browser) *cli.Session {
	t.Helper()
	o.OnAddress = nil
	codes := make(chan string, 1)
	o.OnCode = func(c cli.Code) { codes <- c.UserCode }
	type result struct {
		session *cli.Session
		err     error
	}
	done := make(chan result, 1)
	go func() {
		session, err := cli.Login(t.Context(), o)
		done <- result{session, err}
	}()
	select {
	case code := <-codes:
		b.Approve(code)
	case r := <-done:
		t.Fatalf("no code was shown: %v", r.err)
	}
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.session
}

// stolen copies the credentials of a program to a folder of somebody else's, without what change takes out.
func stolen(t *testing.T, o cli.Options, change func(profile map[string]any)) cli.Options {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(o.Dir, "credentials.json"))
	if err != nil {
		t.Fatal(err)
	}
	var kept struct {
		Profiles map[string]map[string]any `json:"profiles"`
	}
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	profile := kept.Profiles["default"]
	if profile["key"] == nil || profile["refresh_token"] == nil {
		t.Fatalf("the key is not kept beside the refresh token: %s", text)
	}
	change(profile)
	delete(profile, "access")
	if text, err = json.Marshal(kept); err != nil {
		t.Fatal(err)
	}
	thief := o
	thief.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(thief.Dir, "credentials.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return thief
}

func TestRefreshTokenOfOurOwnClientIsWorthNothingWithoutItsKey(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		withAPIs(t, s)
		b, o := signedIn(t, s, mara), ownClient(t, s, nil)
		for _, signIn := range []func() *cli.Session{
			func() *cli.Session { return loginByCode(t, o, b) },
			func() *cli.Session {
				session, _, err := login(t, s, o, func(address string) *servertest.Page { return b.Open(address).Press("Approve") })
				if err != nil {
					t.Fatal(err)
				}
				return session
			},
		} {
			session := signIn()
			another, err := flow.NewKey()
			if err != nil {
				t.Fatal(err)
			}
			for what, change := range map[string]func(map[string]any){
				"without the key":  func(p map[string]any) { delete(p, "key") },
				"with another key": func(p map[string]any) { p["key"], _ = another.Encode() },
			} {
				thief, err := cli.Open(stolen(t, o, change))
				if err != nil {
					t.Fatal(err)
				}
				if token, err := thief.TokenFor(t.Context(), plainAPI); !errors.Is(err, cli.ErrEnded) {
					t.Errorf("%s: %v, %v", what, token, err)
				}
			}
			token, err := session.TokenFor(t.Context(), plainAPI)
			if err != nil || token.Bound {
				t.Errorf("the owner has %+v, %v", token, err)
			}
			if me, err := session.Me(t.Context()); err != nil || me.Email != mara {
				t.Errorf("signed in as %+v, %v", me, err)
			}
		}
	})
}

func TestOurOwnClientProvesItsKeyToAnAPIThatWantsIt(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		withAPIs(t, s)
		session := loginByCode(t, ownClient(t, s, nil), signedIn(t, s, mara))
		v, err := verify.New(verify.Options{Issuer: s.Issuer, Audience: keyedAPI, DPoP: true, HTTPClient: s.Client(), Now: s.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		api := v.Require()(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
		call := func(path string, headers ...string) int {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, keyedAPI+path, nil)
			for i := 0; i+1 < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			return w.Result().StatusCode
		}
		token, err := session.TokenFor(t.Context(), keyedAPI)
		if err != nil || !token.Bound {
			t.Fatalf("%+v, %v", token, err)
		}
		proof, err := session.Proof(token, http.MethodGet, keyedAPI+"/files?of=mara", "")
		if err != nil {
			t.Fatal(err)
		}
		for what, c := range map[string]struct {
			want    int
			path    string
			headers []string
		}{
			"as a bearer token": {http.StatusUnauthorized, "/files", []string{"Authorization", "Bearer " + token.Value}},
			"without a proof":   {http.StatusUnauthorized, "/files", []string{"Authorization", "DPoP " + token.Value}},
			"elsewhere":         {http.StatusUnauthorized, "/other", []string{"Authorization", "DPoP " + token.Value, "DPoP", proof}},
		} {
			if got := call(c.path, c.headers...); got != c.want {
				t.Errorf("%s: %d", what, got)
			}
		}
		if got := call("/files", "Authorization", "DPoP "+token.Value, "DPoP", proof); got != http.StatusNoContent {
			t.Errorf("with a proof: %d", got)
		}
		bearer, err := session.TokenFor(t.Context(), plainAPI)
		if err != nil || bearer.Bound {
			t.Fatalf("%+v, %v", bearer, err)
		}
		if _, err := session.Proof(bearer, http.MethodGet, plainAPI, ""); err == nil || !strings.Contains(err.Error(), "needs no proof") {
			t.Errorf("a proof for a bearer token: %v", err)
		}
	})
}

func TestOurOwnClientBearsThatTheServersOwnAPIWantsKeys(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	withAPIs(t, s)
	now := s.Clock.Now()
	if err := s.Records.CreateResource(t.Context(), store.Resource{ID: s.Issuer, Name: "Here", DPoP: true, CreatedAt: now, UpdatedAt: now}); err != nil {
		t.Fatal(err)
	}
	session := loginByCode(t, ownClient(t, s, nil), signedIn(t, s, mara))
	for range 2 {
		if me, err := session.Me(t.Context()); err != nil || me.Email != mara {
			t.Errorf("signed in as %+v, %v", me, err)
		}
	}
	if err := session.Logout(t.Context()); err != nil {
		t.Error(err)
	}
}
