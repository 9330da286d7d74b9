package server_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

func registering(t *testing.T, s *servertest.Server, _ *servertest.Browser) {
	web := `{"redirect_uris":["https://app.example.test/back"],"client_name":"Board"}`
	ask := func(token, body string) servertest.Reply { return register(t, s, token, body) }
	info := mustRegister(t, s, invite(t, s, 1), web)
	expect(t, "without an initial access token", ask("", web), http.StatusUnauthorized, "invalid_token")
	token := invite(t, s, 1)
	expect(t, "no redirect URI", ask(token, `{}`), http.StatusBadRequest, "invalid_redirect_uri")
	expect(t, "a strange grant", ask(token, `{"grant_types":["password"]}`), http.StatusBadRequest, "invalid_client_metadata")
	expect(t, "a software statement", ask(token, `{"software_statement":"eyJ"}`), http.StatusBadRequest, "unapproved_software_statement")

	d := s.Terminal(t)
	own := "/oauth/register/" + info.ID
	manage := func(method, body string) servertest.Reply { return manageClient(t, s, method, own, info.Token, body) }
	expect(t, "read", manage(http.MethodGet, ""), http.StatusOK, "")
	expect(t, "read without a token", d.Call(http.MethodGet, own, ""), http.StatusUnauthorized, "invalid_token")
	expect(t, "replace without a token", d.Call(http.MethodPut, own, ""), http.StatusUnauthorized, "invalid_token")
	expect(t, "delete without a token", d.Call(http.MethodDelete, own, ""), http.StatusUnauthorized, "invalid_token")
	expect(t, "replace another", manage(http.MethodPut, web), http.StatusBadRequest, "invalid_request")
	mine := `"client_id":"` + info.ID + `"`
	expect(t, "replace with nothing", manage(http.MethodPut, `{`+mine+`}`), http.StatusBadRequest, "invalid_redirect_uri")
	expect(t, "replace with a strange grant", manage(http.MethodPut, `{`+mine+`,"grant_types":["password"]}`), http.StatusBadRequest, "invalid_client_metadata")
	expect(t, "replace with a statement", manage(http.MethodPut, `{`+mine+`,"software_statement":"eyJ"}`), http.StatusBadRequest, "unapproved_software_statement")
	expect(t, "replace", manage(http.MethodPut, `{`+mine+`,"redirect_uris":["https://app.example.test/new"]}`), http.StatusOK, "")
	expect(t, "delete", manage(http.MethodDelete, ""), http.StatusNoContent, "")
}

// invite makes an initial access token for so many clients.
func invite(t *testing.T, s *servertest.Server, uses int) string {
	t.Helper()
	token, now := oauth.InvitePrefix+store.RandomText(32), s.Clock.Now()
	err := s.Records.CreateClientInvite(t.Context(), store.ClientInvite{
		ID: store.NewID(store.InvitePrefix), Token: oauth.HashInvite(token), Uses: uses, Left: uses, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func register(t *testing.T, s *servertest.Server, token, body string) servertest.Reply {
	t.Helper()
	return manageClient(t, s, http.MethodPost, "/oauth/register", token, body)
}

func manageClient(t *testing.T, s *servertest.Server, method, path, token, body string) servertest.Reply {
	t.Helper()
	headers := []string{"Content-Type", "application/json"}
	if token != "" {
		headers = append(headers, "Authorization", "Bearer "+token)
	}
	return s.Terminal(t).Send(method, path, body, headers...)
}

// registered is the answer to a registration.
type registered struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
	Token  string `json:"registration_access_token"`
	URI    string `json:"registration_client_uri"`
}

func mustRegister(t *testing.T, s *servertest.Server, token, body string) registered {
	t.Helper()
	reply := register(t, s, token, body)
	if reply.Status != http.StatusCreated {
		t.Fatalf("register: %d %s", reply.Status, reply.Body)
	}
	var info registered
	reply.Decode(t, &info)
	if info.URI != s.Issuer+"/oauth/register/"+info.ID || !strings.HasPrefix(info.ID, "cli_") || info.Token == "" {
		t.Fatalf("registered as %s", reply.Body)
	}
	return info
}

// lost are records that cannot be reached when it is about clients that came by themselves.
type lost struct{ store.Records }

var errLost = errors.New("no answer")

func (lost) RegisterClient(context.Context, store.Client, store.Registration, string, int) error {
	return errLost
}

func (lost) Registration(context.Context, string) (store.Registration, error) {
	return store.Registration{}, errLost
}

func (l lost) Client(ctx context.Context, id string) (store.Client, error) {
	if strings.HasPrefix(id, store.ClientPrefix) {
		return store.Client{}, errLost
	}
	return l.Records.Client(ctx, id)
}

func (lost) LeaveClient(context.Context, string, string, time.Time) error { return errLost }

// registeringInVain is what clients hear where they cannot register, too often, or just now.
func registeringInVain(t *testing.T, o servertest.Options) {
	const web, nobodys = `{"redirect_uris":["https://app.example.test/back"]}`, "/oauth/register/cli_0123456789abcdefghjkmnpqrs"
	methods := []string{http.MethodGet, http.MethodPut, http.MethodDelete}
	off := servertest.Start(t, o)
	expect(t, "while it is off", register(t, off, "", web), http.StatusNotFound, "not_found")
	for _, method := range methods {
		expect(t, method+" while it is off", manageClient(t, off, method, nobodys, "hcm_x", web), http.StatusNotFound, "not_found")
	}
	o.Registration = oauth.RegistrationOpen
	open := servertest.Start(t, o)
	for range 80 {
		if register(t, open, "", web).Status == http.StatusTooManyRequests {
			break
		}
	}
	expect(t, "too often", register(t, open, "", web), http.StatusTooManyRequests, "too_many_requests")
	o.Records = func(below store.Records) store.Records { return lost{below} }
	away := servertest.Start(t, o)
	expect(t, "while the records are away", register(t, away, "", web), http.StatusServiceUnavailable, "temporarily_unavailable")
	for _, method := range methods {
		expect(t, method+" while the records are away", manageClient(t, away, method, nobodys, "hcm_x", web), http.StatusServiceUnavailable, "temporarily_unavailable")
	}
}
