package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

const key = "Idempotency-Key"

// operated starts a server a keeper, with an operator who may do everything.
func operated(t *testing.T, story func(t *testing.T, s *servertest.Server, o *servertest.Operator)) {
	t.Helper()
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{LimitScale: 1000}, func(t *testing.T, s *servertest.Server) {
		story(t, s, s.Operator(t, "operator", oauth.ScopeAdminRead, oauth.ScopeAdminWrite, oauth.ScopeAdminKeys))
	})
}

func TestAdminScopesAreGivenAtTheDataAlone(t *testing.T) {
	operated(t, func(t *testing.T, s *servertest.Server, o *servertest.Operator) {
		sly := []store.Scope{{Name: oauth.ScopeAdminRead, Words: "Nothing special"}}
		for _, c := range []store.Client{
			{ID: "sly-service", SecretHashes: []string{oauth.HashSecret(secret)}, Grants: []string{oauth.GrantClient}},
			{ID: "sly-tool", Public: true, Grants: []string{oauth.GrantDevice}},
		} {
			c.Name, c.Scopes, c.Audiences = c.ID, sly, []string{s.Issuer}
			if err := s.Records.CreateClient(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		service := terminal(t, s, "sly-service")
		service.Secret = secret
		expect(t, "by a registration", service.Post("/oauth/token", clientCredentials("scope", oauth.ScopeAdminRead)), http.StatusBadRequest, "invalid_scope")
		token := service.Post("/oauth/token", clientCredentials()).Tokens(t)
		if token.Scope != "" {
			t.Errorf("a service that names nothing gets %q", token.Scope)
		}
		expect(t, "without it", service.Call(http.MethodGet, adminAt+"/clients", token.AccessToken), http.StatusForbidden, "insufficient_scope")
		tool := terminal(t, s, "sly-tool")
		tool.Scope = oauth.ScopeAdminRead
		expect(t, "by a person", tool.TryAsk(), http.StatusBadRequest, "invalid_scope")
		own := s.Terminal(t)
		own.Scope = oauth.ScopeAdminWrite
		expect(t, "by our own client", own.TryAsk(), http.StatusBadRequest, "invalid_scope")
		if got := o.Post("/oauth/token", clientCredentials()).Tokens(t).Scope; got != "" {
			t.Errorf("an operator who names nothing gets %q", got)
		}
		expect(t, "unknown", o.AskFor("admin:everything"), http.StatusBadRequest, "invalid_scope")
		grab := object{"scopes": []object{{"name": oauth.ScopeAdminRead}}, "grants": []string{oauth.GrantClient}}
		expect(t, "by the API itself", o.Do(http.MethodPatch, adminAt+"/clients/sly-service", grab), http.StatusForbidden, "access_denied")
	})
}

func TestPersonsTokenOpensNoAdminAPI(t *testing.T) {
	operated(t, func(t *testing.T, s *servertest.Server, _ *servertest.Operator) {
		b := s.Browser(t)
		b.SignIn("mara@example.test")
		d := s.Terminal(t)
		tokens := d.LogIn(b)
		expect(t, "a person's", d.Call(http.MethodGet, adminAt+"/users", tokens.AccessToken), http.StatusUnauthorized, "invalid_token")
	})
}

func TestOperatorWhoIsShutOutIsOutAtOnce(t *testing.T) {
	operated(t, func(t *testing.T, s *servertest.Server, o *servertest.Operator) {
		change := func(edit func(*store.Client)) {
			t.Helper()
			c, err := s.Records.Client(t.Context(), "operator")
			if err != nil {
				t.Fatal(err)
			}
			edit(&c)
			if err := s.Records.UpdateClient(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		expect(t, "at first", o.Get(adminAt+"/users"), http.StatusOK, "")
		change(func(c *store.Client) { c.Admin = []string{oauth.ScopeAdminWrite} })
		expect(t, "without the scope", o.Get(adminAt+"/users"), http.StatusForbidden, "insufficient_scope")
		change(func(c *store.Client) { c.Admin, c.DisabledAt = []string{oauth.ScopeAdminRead}, s.Clock.Now() })
		expect(t, "disabled", o.Get(adminAt+"/users"), http.StatusUnauthorized, "invalid_token")
		change(func(c *store.Client) { c.DisabledAt = time.Time{} })
		expect(t, "enabled", o.Get(adminAt+"/users"), http.StatusOK, "")
		expect(t, "revoke", o.Revoke(o.Token), http.StatusOK, "")
		expect(t, "revoked", o.Get(adminAt+"/users"), http.StatusUnauthorized, "invalid_token")
	})
}

// list reads a whole list page by page, and calls between after each page.
func list(t *testing.T, o *servertest.Operator, path string, between func()) []string {
	t.Helper()
	var ids []string
	for at := path; ; {
		var page struct {
			Items []struct{ ID string }
			Next  string `json:"next_cursor"`
		}
		reply := o.Get(at)
		expect(t, at, reply, http.StatusOK, "")
		reply.Decode(t, &page)
		for _, item := range page.Items {
			ids = append(ids, item.ID)
		}
		if page.Next == "" {
			return ids
		}
		between()
		at = path + "&cursor=" + page.Next
	}
}

func TestPagesNeitherRepeatNorSkip(t *testing.T) {
	operated(t, func(t *testing.T, s *servertest.Server, o *servertest.Operator) {
		var want []string
		for i := range 5 {
			id := "c" + strconv.Itoa(i)
			want = append(want, id)
			expect(t, id, o.Do(http.MethodPost, adminAt+"/clients", object{"id": id, "name": id}), http.StatusCreated, "")
		}
		n := 0
		got := list(t, o, adminAt+"/clients?limit=2", func() {
			n++
			o.Do(http.MethodPost, adminAt+"/clients", object{"id": "a" + strconv.Itoa(n), "name": "before the cursor"})
		})
		if want = append(want, "handclasp", "operator"); !slices.Equal(got, want) {
			t.Errorf("clients: %v, want %v", got, want)
		}
		b := s.Browser(t)
		b.SignIn("mara@example.test")
		for range 4 {
			s.Terminal(t).LogIn(b)
			s.Clock.Advance(time.Second)
		}
		sessions := list(t, o, adminAt+"/sessions?limit=500", func() {})
		got = list(t, o, adminAt+"/sessions?limit=1", func() { s.Terminal(t).LogIn(b) })
		if !slices.Equal(got, sessions) || len(got) != 5 {
			t.Errorf("sessions: %v, want %v", got, sessions)
		}
		settled(t, s, o)
		events := list(t, o, adminAt+"/events?limit=500", func() {})
		got = list(t, o, adminAt+"/events?limit=3&order=oldest", func() {})
		slices.Reverse(got)
		if !slices.Equal(got, events) || len(got) < 10 {
			t.Errorf("events: %v, want %v", got, events)
		}
	})
}

// settled waits until each event that was told in a line is kept in the records too.
func settled(t *testing.T, s *servertest.Server, o *servertest.Operator) {
	t.Helper()
	told := strings.Count(s.Events.String(), "\n")
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		kept := len(list(t, o, adminAt+"/events?limit=500", func() {}))
		if kept == told {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d events were told and %d are kept", told, kept)
		}
	}
}

func TestWishesThatCannotBeReadAreSaidOneByOne(t *testing.T) {
	operated(t, func(t *testing.T, _ *servertest.Server, o *servertest.Operator) {
		for path, want := range map[string]string{
			"/clients?limit=0":                 "limit: want 1 to 500",
			"/clients?limit=501":               "limit: want 1 to 500",
			"/clients?cursor=x":                "cursor: want the next_cursor of this very list",
			"/clients?state=gone":              `state "gone": want enabled or disabled`,
			"/clients?limit=1&limit=2":         "limit: is given twice",
			"/users?email=nobody":              "email: not a mail address",
			"/sessions?user=mara&device=box":   "user \"mara\": want an id such as usr_3v1n8q…\ndevice \"box\"",
			"/sessions?since=today&until=soon": "since: want a time such as 2026-03-01T12:00:00Z\nuntil: want a time",
			"/sessions?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z": "since: must lie before until",
			"/events?order=random":                           "order: want newest or oldest",
			"/events?after=evt_00000000000000000000000000":   "after: goes with the order oldest",
			"/events?what=1":                                 `"what": there is no such parameter; there are limit, cursor, type`,
			"/resources?cursor=c2Vzc2lvbnMKMTc2NCBzZXNfMA==": "cursor:",
		} {
			reply := o.Get(adminAt + path)
			expect(t, path, reply, http.StatusBadRequest, "invalid_request")
			if got := reply.Text("error_description"); !strings.Contains(got, want) {
				t.Errorf("%s: %q, want %q", path, got, want)
			}
		}
		for body, want := range map[string]string{
			`{"name":"X","admin":["admin:read"]}`:                          `unknown field "admin"`,
			`{"name":"X","built_in":true}`:                                 `unknown field "built_in"`,
			`{"name":"X"} {}`:                                              "more than one value",
			`{"name":" ","grants":["x"]}`:                                  "name: missing\ngrant \"x\": want device",
			`{"name":"X","audiences":["api"]}`:                             `audience "api": want an absolute URI`,
			`{"name":"X","scopes":[{"name":"admin:x"}]}`:                   `scope "admin:x": say what it allows`,
			`{"name":"X","scopes":[{"name":"admin:read","words":"Read"}]}`: `scope "admin:read": is a scope of the admin API`,
		} {
			reply := o.Do(http.MethodPost, adminAt+"/clients", json.RawMessage(body))
			expect(t, body, reply, http.StatusBadRequest, "invalid_request")
			if got := reply.Text("error_description"); !strings.Contains(got, want) {
				t.Errorf("%s: %q, want %q", body, got, want)
			}
		}
	})
}

func TestRepeatedRequestIsDoneOnce(t *testing.T) {
	operated(t, func(t *testing.T, s *servertest.Server, o *servertest.Operator) {
		form := object{"name": "Builder"}
		first := o.Do(http.MethodPost, adminAt+"/clients", form, key, "one")
		expect(t, "the first", first, http.StatusCreated, "")
		again := o.Do(http.MethodPost, adminAt+"/clients", form, key, "one")
		if again.Status != first.Status || string(again.Body) != string(first.Body) || first.Text("secret") == "" ||
			again.Header.Get("ETag") != first.Header.Get("ETag") {
			t.Errorf("again: %d %s, first %s", again.Status, again.Body, first.Body)
		}
		expect(t, "with another body", o.Do(http.MethodPost, adminAt+"/clients", object{"name": "X"}, key, "one"), http.StatusUnprocessableEntity, "idempotency_key_reused")
		other := s.Operator(t, "other", oauth.ScopeAdminWrite)
		theirs := other.Do(http.MethodPost, adminAt+"/clients", form, key, "one")
		if theirs.Status != http.StatusCreated || theirs.Text("id") == first.Text("id") {
			t.Errorf("another's key of the same name: %d %s", theirs.Status, theirs.Body)
		}
		note, err := s.Tickets.Note(t.Context(), "once:"+store.Digest("admin once", "client:operator\none"))
		if err != nil || strings.Contains(note, first.Text("secret")) || strings.Contains(note, "Builder") {
			t.Errorf("what is kept is %q, %v", note, err)
		}
		refused := object{"id": first.Text("id"), "name": "X"}
		expect(t, "a refusal", o.Do(http.MethodPost, adminAt+"/clients", refused, key, "two"), http.StatusBadRequest, "invalid_request")
		expect(t, "is an answer too", o.Do(http.MethodPost, adminAt+"/clients", refused, key, "two"), http.StatusBadRequest, "invalid_request")
		s.Clock.Advance(61 * time.Minute)
		o.Renew(oauth.ScopeAdminRead, oauth.ScopeAdminWrite)
		later := o.Do(http.MethodPost, adminAt+"/clients", form, key, "one")
		if later.Status != http.StatusCreated || later.Text("id") == first.Text("id") || later.Text("secret") == first.Text("secret") {
			t.Errorf("when it is forgotten: %d %s, first %s", later.Status, later.Body, first.Body)
		}
	})
}

func TestManyAtOnceWithOneKeyMakeOneClient(t *testing.T) {
	operated(t, func(t *testing.T, s *servertest.Server, o *servertest.Operator) {
		var wg sync.WaitGroup
		replies := make([]servertest.Reply, 16)
		for i := range replies {
			wg.Go(func() {
				mine := *o
				replies[i] = mine.Do(http.MethodPost, adminAt+"/clients", object{"name": "Builder"}, key, "one")
			})
		}
		wg.Wait()
		bodies := map[string]bool{}
		for _, reply := range replies {
			switch reply.Status {
			case http.StatusCreated:
				bodies[string(reply.Body)] = true
			case http.StatusConflict:
				if reply.Text("reason") != "in_progress" || reply.Header.Get("Retry-After") == "" {
					t.Errorf("%s", reply.Body)
				}
			default:
				t.Errorf("%d %s", reply.Status, reply.Body)
			}
		}
		clients, err := s.Records.Clients(t.Context())
		if err != nil || len(bodies) != 1 || len(clients) != 3 {
			t.Errorf("%d answers, %d clients, %v", len(bodies), len(clients), err)
		}
	})
}

// mortal lets no answer be kept: a server that ends between the work and its note has answered nobody.
type mortal struct {
	store.Tickets
	dead *atomic.Bool
	puts *atomic.Int32
}

func (m mortal) PutNote(ctx context.Context, name, body string, ttl time.Duration) error {
	if m.dead.Load() && m.puts.Add(1)%2 == 0 { // the first note is of the beginning
		return errors.New("the process is gone")
	}
	return m.Tickets.PutNote(ctx, name, body, ttl)
}

func TestRepeatAfterACrashMakesNothingTwice(t *testing.T) {
	t.Parallel()
	var dead atomic.Bool
	var puts atomic.Int32
	options := servertest.Options{LimitScale: 1000, Tickets: func(below store.Tickets) store.Tickets { return mortal{below, &dead, &puts} }}
	s := servertest.Start(t, options)
	s.Clock.Hold() // whoever has begun has seconds to finish
	o := s.Operator(t, "operator", oauth.ScopeAdminRead, oauth.ScopeAdminWrite)
	expect(t, "a client", o.Do(http.MethodPost, adminAt+"/clients", object{"id": "builder", "name": "Builder"}), http.StatusCreated, "")
	dead.Store(true)
	secrets := adminAt + "/clients/builder/secrets"
	first := o.Do(http.MethodPost, secrets, nil, key, "one")
	made := o.Do(http.MethodPost, adminAt+"/clients", object{"name": "Other"}, key, "two")
	token := o.Do(http.MethodPost, adminAt+"/initial-access-tokens", object{}, key, "three")
	expect(t, "a secret", first, http.StatusCreated, "")
	expect(t, "a client", made, http.StatusCreated, "")
	dead.Store(false)
	expect(t, "at once", o.Do(http.MethodPost, secrets, nil, key, "one"), http.StatusConflict, "conflict")
	s.Clock.Advance(time.Minute)
	expect(t, "with another body", o.Do(http.MethodPost, secrets, object{}, key, "one"), http.StatusUnprocessableEntity, "idempotency_key_reused")
	again := o.Do(http.MethodPost, secrets, nil, key, "one")
	if again.Text("secret") != first.Text("secret") || first.Text("secret") == "" {
		t.Errorf("again: %s, first %s", again.Body, first.Body)
	}
	c, err := s.Records.Client(t.Context(), "builder")
	if err != nil || len(c.SecretHashes) != 2 || c.SecretHashes[0] != oauth.HashSecret(first.Text("secret")) {
		t.Errorf("the client has %d secrets, %v", len(c.SecretHashes), err)
	}
	if again := o.Do(http.MethodPost, adminAt+"/initial-access-tokens", object{}, key, "three"); string(again.Body) != string(token.Body) {
		t.Errorf("again: %s, first %s", again.Body, token.Body)
	}
	if tokens, err := s.Records.ClientInvites(t.Context()); err != nil || len(tokens) != 1 {
		t.Errorf("there are %d tokens, %v", len(tokens), err)
	}
	for range 2 {
		reply := o.Do(http.MethodPost, adminAt+"/clients", object{"name": "Other"}, key, "two")
		if expect(t, "the client is there", reply, http.StatusConflict, "conflict"); reply.Text("by") != made.Text("id") {
			t.Errorf("%s, the client is %s", reply.Body, made.Text("id"))
		}
	}
}

func TestSecretsAreGivenAndWithdrawn(t *testing.T) {
	operated(t, func(t *testing.T, s *servertest.Server, o *servertest.Operator) {
		at := adminAt + "/clients/builder"
		made := o.Do(http.MethodPost, adminAt+"/clients", object{"id": "builder", "name": "Builder", "grants": []string{oauth.GrantClient}})
		good := func(secret string) bool {
			d := terminal(t, s, "builder")
			d.Secret = secret
			s.Clock.Advance(6 * time.Second) // so long a client is remembered
			return d.Post("/oauth/token", clientCredentials()).Status == http.StatusOK
		}
		secrets := []string{made.Text("secret")}
		for range 2 {
			secrets = append(secrets, o.Do(http.MethodPost, at+"/secrets", nil).Text("secret"))
		}
		for i, want := range []bool{false, true, true} {
			if good(secrets[i]) != want {
				t.Errorf("secret %d is good: %v", i, !want)
			}
		}
		expect(t, "withdraw", o.Do(http.MethodDelete, at+"/secrets", nil), http.StatusOK, "")
		if good(secrets[1]) || !good(secrets[2]) {
			t.Error("the newest alone should be good")
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				mine := *o
				mine.Do(http.MethodPost, at+"/secrets", nil)
			})
		}
		wg.Wait()
		c, err := s.Records.Client(t.Context(), "builder")
		if err != nil || len(c.SecretHashes) != store.SecretsMost {
			t.Errorf("after eight at once there are %d secrets, %v", len(c.SecretHashes), err)
		}
		expect(t, "with keys", o.Do(http.MethodPatch, at, object{"jwks": json.RawMessage(someKeys)}), http.StatusOK, "")
		gone := o.Do(http.MethodPatch, at, object{"jwks": nil})
		expect(t, "without", gone, http.StatusOK, "")
		if strings.Contains(string(gone.Body), "jwks") {
			t.Errorf("the keys are there: %s", gone.Body)
		}
	})
}

const someKeys = `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`

func TestTwoOperatorsDoNotOverwriteEachOther(t *testing.T) {
	operated(t, func(t *testing.T, _ *servertest.Server, o *servertest.Operator) {
		for path, form := range map[string]object{
			"/clients":   {"id": "builder", "name": "Builder"},
			"/resources": {"id": "builds:api", "name": "Builds"},
		} {
			expect(t, path, o.Do(http.MethodPost, adminAt+path, form), http.StatusCreated, "")
			at := adminAt + path + "/" + form["id"].(string)
			tag := o.Get(at).Header.Get("ETag")
			var wg sync.WaitGroup
			replies := make([]servertest.Reply, 12)
			for i := range replies {
				wg.Go(func() {
					mine := *o
					replies[i] = mine.Do(http.MethodPatch, at, object{"name": "N" + strconv.Itoa(i)}, "If-Match", tag)
				})
			}
			wg.Wait()
			won := 0
			for _, reply := range replies {
				if reply.Status == http.StatusOK {
					won++
				} else {
					expect(t, at, reply, http.StatusPreconditionFailed, "precondition_failed")
				}
			}
			if won != 1 {
				t.Errorf("%s: %d changes upon one look", path, won)
			}
			expect(t, "any version", o.Do(http.MethodPatch, at, object{"name": "X"}, "If-Match", "*"), http.StatusOK, "")
			expect(t, "no version", o.Do(http.MethodPatch, at, object{"name": "X"}, "If-Match", "W/x"), http.StatusBadRequest, "invalid_request")
			expect(t, "upon an older look", o.Do(http.MethodDelete, at, nil, "If-Match", tag), http.StatusBadRequest, "invalid_request")
			expect(t, "it is there", o.Get(at), http.StatusOK, "")
		}
	})
}

func TestEveryChangeSaysWhoMadeIt(t *testing.T) {
	operated(t, func(t *testing.T, s *servertest.Server, o *servertest.Operator) {
		b := s.Browser(t)
		b.SignIn("mara@example.test")
		s.Terminal(t).LogIn(b)
		user, err := s.Records.UserByEmail(t.Context(), "mara@example.test")
		if err != nil {
			t.Fatal(err)
		}
		o.Do(http.MethodPost, adminAt+"/clients", object{"id": "builder", "name": "Builder"})
		o.Do(http.MethodPatch, adminAt+"/clients/builder", object{"name": "Mason"})
		o.Do(http.MethodPost, adminAt+"/clients/builder/secrets", nil)
		o.Do(http.MethodDelete, adminAt+"/clients/builder/secrets", nil)
		o.Do(http.MethodPost, adminAt+"/clients/builder/disable", nil)
		o.Do(http.MethodPost, adminAt+"/clients/builder/enable", nil)
		o.Do(http.MethodDelete, adminAt+"/clients/builder", nil)
		var token struct{ ID string }
		o.Do(http.MethodPost, adminAt+"/initial-access-tokens", object{}).Decode(t, &token)
		o.Do(http.MethodDelete, adminAt+"/initial-access-tokens/"+token.ID, nil)
		o.Do(http.MethodPost, adminAt+"/resources", object{"id": "builds:api", "name": "Builds"})
		o.Do(http.MethodPatch, adminAt+"/resources/builds:api", object{"name": "X"})
		o.Do(http.MethodDelete, adminAt+"/resources/builds:api", nil)
		o.Do(http.MethodDelete, adminAt+"/users/"+user.ID+"/sessions", nil)
		o.Do(http.MethodPost, adminAt+"/invitations", object{"email": "nora@example.test"})
		o.Do(http.MethodPost, adminAt+"/users/"+user.ID+"/disable", nil)
		o.Do(http.MethodPost, adminAt+"/users/"+user.ID+"/enable", nil)
		o.Do(http.MethodDelete, adminAt+"/users/"+user.ID, nil)
		o.Do(http.MethodPost, adminAt+"/keys/rotate", object{"now": true})
		said := map[string]bool{}
		for line := range strings.Lines(s.Events.String()) {
			var e store.Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			if e.Actor == "client:operator" && e.Address != "" && e.RequestID != "" {
				said[e.Type] = true
			}
		}
		for _, want := range []string{
			"client.create", "client.update", "client.secret", "client.withdraw", "client.disable", "client.enable", "client.delete", "client.invite", "client.uninvite", "resource.add", "resource.change",
			"resource.remove", "session.end", "user.invite", "user.end_sessions", "user.disable", "user.enable", "user.delete", "key.rotate",
		} {
			if !said[want] {
				t.Errorf("nobody has done %s", want)
			}
		}
	})
}

func TestDeletedUserIsNobodyAndMayComeAnew(t *testing.T) {
	operated(t, func(t *testing.T, s *servertest.Server, o *servertest.Operator) {
		b, d := s.Browser(t), s.Terminal(t)
		b.SignIn("mara@example.test")
		tokens := d.LogIn(b)
		user, err := s.Records.UserByEmail(t.Context(), "mara@example.test")
		if err != nil {
			t.Fatal(err)
		}
		at := adminAt + "/users/" + user.ID
		expect(t, "delete", o.Do(http.MethodDelete, at, nil), http.StatusNoContent, "")
		expect(t, "look", o.Get(at), http.StatusNotFound, "not_found")
		expect(t, "delete again", o.Do(http.MethodDelete, at, nil), http.StatusNotFound, "not_found")
		expect(t, "enable", o.Do(http.MethodPost, at+"/enable", nil), http.StatusNotFound, "not_found")
		expect(t, "the terminal", d.Call(http.MethodGet, "/v1/me", tokens.AccessToken), http.StatusUnauthorized, "invalid_token")
		expect(t, "its refresh", d.Refresh(tokens.RefreshToken), http.StatusBadRequest, "invalid_grant")
		anew := s.Browser(t)
		anew.SignIn("mara@example.test")
		now, err := s.Records.UserByEmail(t.Context(), "mara@example.test")
		if err != nil || now.ID == user.ID {
			t.Errorf("who comes anew is %s, %v", now.ID, err)
		}
	})
}

// What an operator is told of a session's last use comes from the records, which follow the tickets from time to time.
func TestAnOperatorSeesWhichSessionsAreUsed(t *testing.T) {
	operated(t, func(t *testing.T, s *servertest.Server, o *servertest.Operator) {
		b, used := signedIn(t, s, mara), s.Terminal(t)
		tokens := used.LogIn(b)
		for range 10 {
			s.Clock.Advance(24 * time.Hour)
			tokens = used.Refresh(tokens.RefreshToken).Tokens(t)
			if err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		o.Renew(oauth.ScopeAdminRead)
		var page struct {
			Items []struct {
				SeenAt time.Time `json:"seen_at"`
			}
		}
		reply := o.Get(adminAt + "/sessions?state=live&client=handclasp")
		if err := json.Unmarshal(reply.Body, &page); err != nil || len(page.Items) != 1 {
			t.Fatalf("%d %s", reply.Status, reply.Body)
		}
		if ago := s.Clock.Now().Sub(page.Items[0].SeenAt); ago > 2*time.Hour {
			t.Errorf("a session that has just been refreshed was seen %s ago", ago)
		}
	})
}
