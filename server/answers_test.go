package server_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// Everything that openapi.yaml promises is brought about here, on a real server and by those who use it, and everything
// that happens on the way is held against it.
func TestEveryAnswerIsAsDescribed(t *testing.T) {
	t.Parallel()
	w := newWitness(t)
	s := servertest.Start(t, servertest.Options{LimitScale: 1000, Transport: w.watch, Registration: oauth.RegistrationToken})
	for _, c := range otherClients {
		if err := s.Records.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	mara := s.Browser(t)
	mara.SignIn("mara@example.test")
	for _, story := range []struct {
		name string
		tell func(*testing.T, *servertest.Server, *servertest.Browser)
	}{
		{"documents", documents},
		{"asking for codes", askingForCodes},
		{"polling", polling},
		{"refreshing", refreshing},
		{"revoking", revoking},
		{"services", services},
		{"keys", keysOfClients},
		{"status lists", statusLists},
		{"links into apps", linksIntoApps},
		{"keys of apps", keysOfApps},
		{"codes for apps", codesForApps},
		{"operators", operators},
		{"keys of operators", keysOfOperators},
		{"signing out of apps", signingOutOfApps},
		{"registering", registering},
		{"the account", theAccount},
		{"signing in", signingIn},
		{"the mailed link", theMailedLink},
		{"deciding", deciding},
		{"the account page", theAccountPage},
		{"forms that are not ours", formsThatAreNotOurs},
	} {
		t.Run(story.name, func(t *testing.T) { story.tell(t, s, mara) })
	}
	t.Run("limits", func(t *testing.T) { limits(t, servertest.Options{Transport: w.watch}) })
	t.Run("registering in vain", func(t *testing.T) { registeringInVain(t, servertest.Options{Transport: w.watch}) })
	t.Run("an outage", func(t *testing.T) { outage(t, servertest.Options{Transport: w.watch}) })
	t.Run("an outage of the records", func(t *testing.T) { outageOfRecords(t, servertest.Options{Transport: w.watch}) })
	t.Run("a fault", func(t *testing.T) { fault(t, servertest.Options{Transport: w.watch}) })
	if !t.Failed() {
		w.compare()
	}
}

const secret = "correct-horse-battery-staple"

// otherClients are not our own: a tool of a team, a confidential one, and one that may do nothing.
var otherClients = []store.Client{
	{
		ID: "deploy-tool", Name: "Deploy", Public: true, Grants: []string{oauth.GrantDevice},
		Scopes:    []store.Scope{{Name: "deploy:write", Words: "Deploy to production"}},
		Audiences: []string{"https://api.example.test"},
	},
	{
		ID: "confidential", Name: "Confidential", SecretHashes: []string{oauth.HashSecret(secret)},
		Grants: []string{oauth.GrantDevice, oauth.GrantRefresh}, Audiences: []string{"https://api.example.test"},
	},
	{ID: "idle", Name: "Idle", Public: true},
}

// terminal returns a terminal of another client, which sends nothing that only we know.
func terminal(t *testing.T, s *servertest.Server, clientID string) *servertest.Terminal {
	d := s.Terminal(t)
	d.ClientID, d.Fingerprint, d.Name, d.Platform, d.Scope, d.Resource = clientID, "", "", "", "", ""
	return d
}

// expect compares status and error code, the latter empty for a success.
func expect(t *testing.T, what string, reply servertest.Reply, status int, code string) {
	t.Helper()
	if reply.Status != status || reply.Error() != code {
		t.Errorf("%s: want %d %s, have %d %s", what, status, code, reply.Status, reply.Body)
	}
}

func documents(t *testing.T, s *servertest.Server, _ *servertest.Browser) {
	d := s.Terminal(t)
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/oauth/jwks", "/openapi.yaml"} {
		reply := d.Call(http.MethodGet, path, "")
		expect(t, path, reply, http.StatusOK, "")
		if tag := reply.Header.Get("ETag"); tag != "" {
			expect(t, path+" again", d.CallWith(http.MethodGet, path, "If-None-Match", tag), http.StatusNotModified, "")
		}
	}
}

func askingForCodes(t *testing.T, s *servertest.Server, _ *servertest.Browser) {
	s.Terminal(t).Ask()
	expect(t, "another client", terminal(t, s, "deploy-tool").TryAsk(), http.StatusOK, "")
	expect(t, "without a fingerprint", terminal(t, s, "handclasp").TryAsk(), http.StatusBadRequest, "invalid_request")
	expect(t, "an unknown client", terminal(t, s, "nobody").TryAsk(), http.StatusBadRequest, "invalid_client")
	expect(t, "without the grant", terminal(t, s, "idle").TryAsk(), http.StatusBadRequest, "unauthorized_client")
	d := terminal(t, s, "deploy-tool")
	d.Scope = "account:read"
	expect(t, "a foreign scope", d.TryAsk(), http.StatusBadRequest, "invalid_scope")
	d.Scope, d.Resource = "deploy:write", "https://other.example.test"
	expect(t, "a foreign resource", d.TryAsk(), http.StatusBadRequest, "invalid_target")
	d = terminal(t, s, "confidential")
	d.Secret = "wrong"
	expect(t, "a wrong secret", d.TryAsk(), http.StatusUnauthorized, "invalid_client")
	d.Secret, d.Scope = secret, "openid"
	d.Ask()
}

func polling(t *testing.T, s *servertest.Server, mara *servertest.Browser) {
	s.Clock.Hold() // what is a repeat, and what comes too early, is a matter of seconds
	defer s.Clock.Run()
	d := s.Terminal(t)
	asked := d.Ask()
	expect(t, "the first poll", d.Poll(asked), http.StatusBadRequest, "authorization_pending")
	expect(t, "its repeat", d.Poll(asked), http.StatusBadRequest, "authorization_pending")
	expect(t, "a poll too many", d.Poll(asked), http.StatusBadRequest, "slow_down")
	mara.Approve(asked.UserCode)
	expect(t, "after the approval", d.Poll(asked), http.StatusOK, "")
	expect(t, "the same code again", d.Poll(asked), http.StatusBadRequest, "invalid_grant")

	asked = d.Ask()
	held := d.Wait(asked, 1)
	expect(t, "a held poll", held, http.StatusBadRequest, "authorization_pending")
	if applied := held.Header.Get("Preference-Applied"); applied != "wait=1" {
		t.Errorf("a held poll: Preference-Applied is %q", applied)
	}
	mara.Deny(asked.UserCode)
	refused := d.Poll(asked)
	expect(t, "after the denial", refused, http.StatusBadRequest, "access_denied")
	if refused.Text("reason") != store.ReasonUser {
		t.Errorf("after the denial: %s", refused.Body)
	}
	guessing(t, d)
	mistakes(t, s, d)
}

// guessing ends a code by three wrong fingerprints.
func guessing(t *testing.T, d *servertest.Terminal) {
	asked, thief := d.Ask(), *d
	thief.Fingerprint = "another-device-that-has-found-the-code"
	for range store.WrongFingerprints {
		expect(t, "another device", thief.Poll(asked), http.StatusBadRequest, "invalid_grant")
	}
	refused := d.Poll(asked)
	expect(t, "after three wrong fingerprints", refused, http.StatusBadRequest, "access_denied")
	if refused.Text("reason") != store.ReasonFingerprint {
		t.Errorf("after three wrong fingerprints: %s", refused.Body)
	}
}

func mistakes(t *testing.T, s *servertest.Server, d *servertest.Terminal) {
	old := d.Ask()
	s.Clock.Advance(11 * time.Minute)
	expect(t, "an old code", d.Poll(old), http.StatusBadRequest, "expired_token")
	asked := d.Ask()
	expect(t, "an idle client", terminal(t, s, "idle").Poll(asked), http.StatusBadRequest, "unauthorized_client")
	expect(t, "an unknown client", terminal(t, s, "nobody").Poll(asked), http.StatusBadRequest, "invalid_client")
	expect(t, "no code", d.Poll(servertest.Asked{}), http.StatusBadRequest, "invalid_request")
	foreign := url.Values{"grant_type": {"password"}, "client_id": {d.ClientID}}
	expect(t, "a foreign grant", d.Post("/oauth/token", foreign), http.StatusBadRequest, "unsupported_grant_type")
	liar := terminal(t, s, "confidential")
	liar.Secret = "wrong"
	expect(t, "a wrong secret", liar.Poll(asked), http.StatusUnauthorized, "invalid_client")
}

func refreshing(t *testing.T, s *servertest.Server, mara *servertest.Browser) {
	d := s.Terminal(t)
	tokens := d.LogIn(mara)
	reply := d.Refresh(tokens.RefreshToken)
	expect(t, "refresh", reply, http.StatusOK, "")
	next := reply.Tokens(t).RefreshToken
	wider := *d
	form := url.Values{
		"grant_type": {oauth.GrantRefresh}, "client_id": {d.ClientID}, "refresh_token": {next},
		"device_fingerprint": {d.Fingerprint}, "scope": {"openid"},
	}
	expect(t, "a scope that was not granted", wider.Post("/oauth/token", form), http.StatusBadRequest, "invalid_scope")
	form.Set("scope", "account:read")
	form.Set("resource", "https://other.example.test")
	expect(t, "a resource that was not granted", wider.Post("/oauth/token", form), http.StatusBadRequest, "invalid_target")
	expect(t, "garbage", d.Refresh("hcr_garbage"), http.StatusBadRequest, "invalid_grant")

	d = terminal(t, s, "confidential")
	d.Secret, d.Scope = secret, "openid"
	tokens = d.LogIn(mara)
	expect(t, "a confidential client", d.Refresh(tokens.RefreshToken), http.StatusOK, "")
}

func revoking(t *testing.T, s *servertest.Server, mara *servertest.Browser) {
	d := s.Terminal(t)
	tokens := d.LogIn(mara)
	foreign := terminal(t, s, "deploy-tool")
	expect(t, "another client's token", foreign.Revoke(tokens.RefreshToken), http.StatusBadRequest, "unauthorized_client")
	expect(t, "no token", d.Revoke(""), http.StatusBadRequest, "invalid_request")
	expect(t, "an unknown client", terminal(t, s, "nobody").Revoke(tokens.RefreshToken), http.StatusBadRequest, "invalid_client")
	liar := terminal(t, s, "confidential")
	liar.Secret = "wrong"
	expect(t, "a wrong secret", liar.Revoke(tokens.RefreshToken), http.StatusUnauthorized, "invalid_client")
	expect(t, "the access token", d.Revoke(tokens.AccessToken), http.StatusOK, "")
	expect(t, "the revoked token", d.Call(http.MethodGet, "/v1/me", tokens.AccessToken), http.StatusUnauthorized, "invalid_token")
	expect(t, "the session", d.Revoke(tokens.RefreshToken), http.StatusOK, "")
	expect(t, "the ended session", d.Refresh(tokens.RefreshToken), http.StatusBadRequest, "invalid_grant")
	expect(t, "garbage", d.Revoke("garbage"), http.StatusOK, "")
}

// ours are the operations of /v1, each with an id that is nobody's.
var ours = []struct{ method, path string }{
	{http.MethodGet, "/v1/me"},
	{http.MethodGet, "/v1/devices"},
	{http.MethodGet, "/v1/sessions"},
	{http.MethodDelete, "/v1/devices/" + nobodysDevice},
	{http.MethodDelete, "/v1/sessions/" + nobodysSession},
	{http.MethodDelete, "/v1/sessions"},
}

const (
	nobodysDevice  = "dev_00000000000000000000000000"
	nobodysSession = "ses_00000000000000000000000000"

	nobodysAuthorization = "aut_00000000000000000000000000"
)

func theAccount(t *testing.T, s *servertest.Server, mara *servertest.Browser) {
	d := s.Terminal(t)
	tokens := d.LogIn(mara)
	narrow := s.Terminal(t)
	narrow.Scope = "openid"
	lesser := narrow.LogIn(mara)
	for _, o := range ours {
		expect(t, "without a token "+o.path, d.Call(o.method, o.path, ""), http.StatusUnauthorized, "invalid_token")
		expect(t, "without the scope "+o.path, d.Call(o.method, o.path, lesser.AccessToken), http.StatusForbidden, "insufficient_scope")
	}
	for _, o := range ours[:3] {
		expect(t, o.path, d.Call(o.method, o.path, tokens.AccessToken), http.StatusOK, "")
	}
	for _, o := range ours[3:5] {
		expect(t, o.path, d.Call(o.method, o.path, tokens.AccessToken), http.StatusNotFound, "not_found")
	}
	var list struct {
		Devices []struct {
			ID       string
			Current  bool
			Sessions []struct{ ID string }
		}
	}
	d.Call(http.MethodGet, "/v1/devices", tokens.AccessToken).Decode(t, &list)
	for _, device := range list.Devices {
		path := "/v1/devices/" + device.ID
		if device.Current {
			path = "/v1/sessions/" + device.Sessions[0].ID
			defer func() { expect(t, path, d.Call(http.MethodDelete, path, tokens.AccessToken), http.StatusNoContent, "") }()
			continue
		}
		expect(t, path, d.Call(http.MethodDelete, path, tokens.AccessToken), http.StatusNoContent, "")
	}
	other := s.Browser(t) // a session of hers that she can do without
	other.SignIn("mara@example.test")
	everythingElse(t, s)
}

// everythingElse ends the other sessions of somebody who is not needed any more.
func everythingElse(t *testing.T, s *servertest.Server) {
	jon, d := s.Browser(t), s.Terminal(t)
	jon.SignIn("jon@example.test")
	tokens := d.LogIn(jon)
	reply := d.Call(http.MethodDelete, "/v1/sessions", tokens.AccessToken)
	expect(t, "end the others", reply, http.StatusOK, "")
	if string(reply.Body) != `{"ended":1}`+"\n" {
		t.Errorf("end the others: %s", reply.Body)
	}
}
