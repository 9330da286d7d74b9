package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

func TestTokenDoesOnlyWhatItsScopesSay(t *testing.T) {
	apiEverywhere(t, func(t *testing.T, s *servertest.Server) {
		mara := apiPerson(t, s, "mara")
		reader, ender, nobody := s.Terminal(t), s.Terminal(t), s.Terminal(t)
		reader.Scope, ender.Scope, nobody.Scope = oauth.ScopeAccountRead, oauth.ScopeAccountDevices, "openid"
		read, end, none := reader.LogIn(mara), ender.LogIn(mara), nobody.LogIn(mara)
		for _, c := range []struct {
			method, path, needs, lacking string
		}{
			{http.MethodGet, "/v1/me", oauth.ScopeAccountRead, end.AccessToken},
			{http.MethodGet, "/v1/devices", oauth.ScopeAccountRead, end.AccessToken},
			{http.MethodGet, "/v1/sessions", oauth.ScopeAccountRead, none.AccessToken},
			{http.MethodDelete, "/v1/sessions", oauth.ScopeAccountDevices, read.AccessToken},
			{http.MethodDelete, "/v1/sessions/" + store.NewID(store.SessionPrefix), oauth.ScopeAccountDevices, read.AccessToken},
			{http.MethodDelete, "/v1/devices/" + store.NewID(store.DevicePrefix), oauth.ScopeAccountDevices, none.AccessToken},
		} {
			reply := reader.Call(c.method, c.path, c.lacking)
			mustSay(t, reply, http.StatusForbidden, oauth.CodeInsufficientScope)
			want := `Bearer error="insufficient_scope", scope="` + c.needs + `"`
			if got := reply.Header.Get("WWW-Authenticate"); got != want {
				t.Errorf("%s %s challenges with %q, want %q", c.method, c.path, got, want)
			}
			reply = reader.Call(c.method, c.path, "")
			mustSay(t, reply, http.StatusUnauthorized, oauth.CodeInvalidToken)
			if got := reply.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer") {
				t.Errorf("%s %s challenges with %q", c.method, c.path, got)
			}
		}
		for _, token := range []string{read.AccessToken, end.AccessToken, none.AccessToken} {
			if _, err := s.Tickets.Grant(t.Context(), apiSession(t, token), ""); err != nil {
				t.Errorf("a refusal has ended a session: %v", err)
			}
		}
	})
}

func TestMeSaysWhoAndWhere(t *testing.T) {
	apiEverywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		tokens := d.LogIn(apiPerson(t, s, "mara"))
		reply := d.Call(http.MethodGet, "/v1/me", tokens.AccessToken)
		var me struct {
			ID, Email string
			Session   struct {
				ID, Kind, Scope, Name, Address string
				ClientID                       string `json:"client_id"`
				Current                        bool
				Device                         struct{ ID, Name, Platform string }
			}
		}
		reply.Decode(t, &me)
		at := me.Session
		if me.Email != "mara@example.test" || !store.ValidID(store.UserPrefix, me.ID) || reply.Header.Get("Cache-Control") != "no-store" ||
			at.ID != apiSession(t, tokens.AccessToken) || at.Kind != "device" || at.Scope != d.Scope || at.ClientID != "handclasp" ||
			!at.Current || at.Device.Name != "dev-box" || at.Device.Platform != "linux/amd64" || at.Address != "127.0.0.1" {
			t.Errorf("/v1/me says %s", reply.Body)
		}
	})
}

func TestForeignIdsDoNotExist(t *testing.T) {
	apiEverywhere(t, func(t *testing.T, s *servertest.Server) {
		d, other := s.Terminal(t), s.Terminal(t)
		mine, theirs := d.LogIn(apiPerson(t, s, "mara")), other.LogIn(apiPerson(t, s, "noor"))
		sid := apiSession(t, theirs.AccessToken)
		row, err := s.Records.Session(t.Context(), sid)
		if err != nil {
			t.Fatal(err)
		}
		bodies := map[string]bool{}
		for _, path := range []string{
			"/v1/sessions/" + sid, "/v1/sessions/" + store.NewID(store.SessionPrefix), "/v1/sessions/" + row.UserID,
			"/v1/sessions/x", "/v1/sessions/%7B%7D%2A", "/v1/sessions/ses_%0d%0a", "/v1/sessions/..%2f..%2fdevices", "/v1/sessions/%ff%00",
			"/v1/devices/" + row.DeviceID, "/v1/devices/" + store.NewID(store.DevicePrefix), "/v1/devices/" + sid,
			"/v1/sessions/" + strings.Repeat("a", 5000),
		} {
			reply := d.Call(http.MethodDelete, path, mine.AccessToken)
			mustSay(t, reply, http.StatusNotFound, "not_found")
			bodies[string(reply.Body)] = true
		}
		if len(bodies) != 1 {
			t.Errorf("the answers differ: %v", bodies)
		}
		if reply := other.Call(http.MethodGet, "/v1/me", theirs.AccessToken); reply.Status != http.StatusOK {
			t.Errorf("somebody else's session has ended: %d %s", reply.Status, reply.Body)
		}
	})
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	apiEverywhere(t, func(t *testing.T, s *servertest.Server) {
		mara := apiPerson(t, s, "mara")
		one, two, three := s.Terminal(t), s.Terminal(t), s.Terminal(t)
		first, second, third := one.LogIn(mara), two.LogIn(mara), three.LogIn(mara)
		noor := s.Terminal(t)
		stranger := noor.LogIn(apiPerson(t, s, "noor"))

		sessions := apiList(t, one.Call(http.MethodGet, "/v1/sessions", first.AccessToken), "sessions")
		devices := apiList(t, one.Call(http.MethodGet, "/v1/devices", first.AccessToken), "devices")
		if len(sessions) != 4 || len(devices) != 3 { // and the browser
			t.Fatalf("listed are %d sessions and %d devices", len(sessions), len(devices))
		}
		current := 0
		for _, session := range sessions {
			if session["current"] == true {
				current++
			}
		}
		if current != 1 {
			t.Errorf("%d sessions are the current one", current)
		}

		gone := func(d *servertest.Terminal, tokens servertest.Tokens) {
			t.Helper()
			mustSay(t, d.Call(http.MethodGet, "/v1/me", tokens.AccessToken), http.StatusUnauthorized, oauth.CodeInvalidToken)
			mustSay(t, d.Refresh(tokens.RefreshToken), http.StatusBadRequest, oauth.CodeInvalidGrant)
		}
		path := "/v1/sessions/" + apiSession(t, second.AccessToken)
		for range 2 { // ending it again is as wished
			if reply := one.Call(http.MethodDelete, path, first.AccessToken); reply.Status != http.StatusNoContent {
				t.Fatalf("end one: %d %s", reply.Status, reply.Body)
			}
		}
		gone(two, second)

		row, err := s.Records.Session(t.Context(), apiSession(t, third.AccessToken))
		if err != nil {
			t.Fatal(err)
		}
		if reply := one.Call(http.MethodDelete, "/v1/devices/"+row.DeviceID, first.AccessToken); reply.Status != http.StatusNoContent {
			t.Fatalf("end a device: %d %s", reply.Status, reply.Body)
		}
		gone(three, third)

		third = three.LogIn(mara)
		reply := one.Call(http.MethodDelete, "/v1/sessions", first.AccessToken)
		var ended struct{ Ended int }
		reply.Decode(t, &ended)
		if reply.Status != http.StatusOK || ended.Ended != 2 {
			t.Errorf("end the others: %d %s", reply.Status, reply.Body)
		}
		gone(three, third)
		if page := mara.Open("/account"); page.URL.Path != "/signin" {
			t.Errorf("the browser is still signed in: %s", page.URL.Path)
		}
		if left := apiList(t, one.Call(http.MethodGet, "/v1/sessions", first.AccessToken), "sessions"); len(left) != 1 {
			t.Errorf("left are %v", left)
		}
		if reply := noor.Call(http.MethodGet, "/v1/me", stranger.AccessToken); reply.Status != http.StatusOK {
			t.Errorf("somebody else's session has ended: %d", reply.Status)
		}
	})
}

func TestTokenOfAnotherAudienceIsNoneHere(t *testing.T) {
	apiEverywhere(t, func(t *testing.T, s *servertest.Server) {
		apiClient(t, s, "tool", "https://api.example.test", s.Issuer)
		d := s.Terminal(t)
		d.ClientID, d.Resource = "tool", ""
		tokens := d.LogIn(apiPerson(t, s, "mara"))
		for method, path := range map[string]string{http.MethodGet: "/v1/me", http.MethodDelete: "/v1/sessions"} {
			mustSay(t, d.Call(method, path, tokens.AccessToken), http.StatusUnauthorized, oauth.CodeInvalidToken)
		}
		reply := d.Post("/oauth/token", apiForm("grant_type", oauth.GrantRefresh, "client_id", "tool",
			"refresh_token", tokens.RefreshToken, "device_fingerprint", d.Fingerprint, "resource", s.Issuer))
		if ours := reply.Tokens(t); d.Call(http.MethodGet, "/v1/me", ours.AccessToken).Status != http.StatusOK {
			t.Errorf("a token for us is refused: %s", reply.Body)
		}
	})
}

func TestDisabledUserHasNoTokens(t *testing.T) {
	apiEverywhere(t, func(t *testing.T, s *servertest.Server) {
		mara, d, waiting := apiPerson(t, s, "mara"), s.Terminal(t), s.Terminal(t)
		tokens := d.LogIn(mara)
		approved := waiting.Ask()
		mara.Approve(approved.UserCode)
		user, err := s.Records.UserByEmail(t.Context(), "mara@example.test")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Sessions.Disable(t.Context(), user.ID); err != nil {
			t.Fatal(err)
		}
		mustSay(t, d.Call(http.MethodGet, "/v1/me", tokens.AccessToken), http.StatusUnauthorized, oauth.CodeInvalidToken)
		mustSay(t, d.Refresh(tokens.RefreshToken), http.StatusBadRequest, oauth.CodeInvalidGrant)
		mustSay(t, waiting.Poll(approved), http.StatusBadRequest, oauth.CodeAccessDenied)
		if page := mara.Open("/account"); page.URL.Path != "/signin" {
			t.Errorf("the browser is still signed in: %s", page.URL.Path)
		}
		if err := s.Sessions.Enable(t.Context(), user.ID); err != nil {
			t.Fatal(err)
		}
		mustSay(t, d.Refresh(tokens.RefreshToken), http.StatusBadRequest, oauth.CodeInvalidGrant) // what was ended stays ended
		mustSay(t, waiting.Poll(approved), http.StatusBadRequest, oauth.CodeInvalidGrant)
		d.LogIn(apiPerson(t, s, "mara"))
	})
}
