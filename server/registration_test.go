package server_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

const board = `{"redirect_uris":["https://board.example.test/back"],"client_name":"Board","grant_types":["authorization_code","refresh_token"]}`

// appOf is the app that has registered itself.
func appOf(t *testing.T, s *servertest.Server, info registered) *servertest.App {
	a := s.App(t, info.ID, "https://board.example.test/back")
	a.Secret, a.Scope = info.Secret, "openid email"
	return a
}

func TestAClientThatRegistersItselfSignsPeopleIn(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{Registration: oauth.RegistrationToken}, func(t *testing.T, s *servertest.Server) {
		a, b := appOf(t, s, mustRegister(t, s, invite(t, s, 1), board)), signedIn(t, s, mara)
		page := a.Open(b)
		wantQuestion(t, page, "Let Board sign in as you?", "It registered itself, and nobody here has checked its name.")
		tokens := a.LogIn(b)
		wantAlive(t, a, tokens)
		expect(t, "a refresh", a.Refresh(tokens.RefreshToken), http.StatusOK, "")
		page = b.Open("/account")
		wantPage(t, page, http.StatusOK, "Board")
	})
}

func TestAClientWithoutANameIsCalledByWhereItSendsPeople(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{Registration: oauth.RegistrationOpen, LimitScale: 1000})
	const nobody = "a program without a name"
	own := store.Client{ID: "acme", Name: "Acme", Public: true, Grants: []string{oauth.GrantDevice}, Audiences: []string{s.Issuer}}
	if err := s.Records.CreateClient(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	for uris, want := range map[string]string{
		`"http://127.0.0.1/back","https://board.example.test/back"`:                           "board.example.test",
		`"https://www.board.example.test:8443/back","https://board.example.test/other"`:       "board.example.test",
		`"test.example.board:/back"`:                                                          "test.example.board",
		`"http://127.0.0.1/back"`:                                                             nobody,
		`"https://accounts.example.test/","https://board.example.test/back"`:                  nobody,
		`"https://Acme/","http://127.0.0.1/back"`:                                             nobody,
		`"https://4cme/","http://127.0.0.1/back"`:                                             nobody,
		`"https://handclasp/","http://127.0.0.1/back"`:                                        nobody,
		`"com.handclasp.app:/back"`:                                                           nobody,
		`"https://` + strings.Repeat("board.", 20) + `example.test/","http://127.0.0.1/back"`: nobody,
	} {
		// Some libraries write out what they leave empty.
		reply := register(t, s, "", `{"redirect_uris":[`+uris+`],"client_name":null,"software_statement":null,"jwks":null}`)
		if reply.Status != http.StatusCreated || reply.Text("client_name") != want {
			t.Errorf("%s: %d %s", uris, reply.Status, reply.Body)
		}
	}
	a := appOf(t, s, mustRegister(t, s, "", `{"redirect_uris":["https://board.example.test/back"]}`))
	wantQuestion(t, a.Open(signedIn(t, s, mara)), "Let board.example.test sign in as you?")
}

func TestAnInitialAccessTokenLetsInAsManyAsItWasMadeFor(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{Registration: oauth.RegistrationToken, LimitScale: 1000})
	token := invite(t, s, 3)
	var in sync.Map
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() { in.Store(i, register(t, s, token, board).Status) })
	}
	all.Wait()
	got := map[int]int{}
	in.Range(func(_, status any) bool { got[status.(int)]++; return true })
	if got[http.StatusCreated] != 3 || got[http.StatusUnauthorized] != 9 {
		t.Errorf("of twelve at once: %v", got)
	}
	token = invite(t, s, 1)
	s.Clock.Advance(2 * time.Hour)
	expect(t, "an old token", register(t, s, token, board), http.StatusUnauthorized, "invalid_token")
	expect(t, "a made-up one", register(t, s, oauth.InvitePrefix+store.RandomText(32), board), http.StatusUnauthorized, "invalid_token")
}

func TestWhatAClientMayNotSayOfItself(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{Registration: oauth.RegistrationOpen, LimitScale: 1000})
	const back = `"redirect_uris":["https://board.example.test/back"]`
	for body, code := range map[string]string{
		`{"redirect_uris":["http://board.example.test/back"]}`:                          "invalid_redirect_uri",
		`{"redirect_uris":["https://board.example.test/*"]}`:                            "invalid_redirect_uri",
		`{"redirect_uris":["https://board.example.test/#x"]}`:                           "invalid_redirect_uri",
		`{"redirect_uris":["https://ann@board.example.test/"]}`:                         "invalid_redirect_uri",
		`{"redirect_uris":["javascript:alert(1)"]}`:                                     "invalid_redirect_uri",
		`{"redirect_uris":["HTTPS://board.example.test/back"]}`:                         "invalid_redirect_uri",
		`{"redirect_uris":["Test.Example.Board:/back"]}`:                                "invalid_redirect_uri",
		`{"redirect_uris":["https://b%D0%BEard.example.test/back"]}`:                    "invalid_redirect_uri",
		`{"redirect_uris":["https://board.example.test;sandbox/back"]}`:                 "invalid_redirect_uri",
		`{"redirect_uris":["board:/back"]}`:                                             "invalid_redirect_uri",
		`{` + back + `,"post_logout_redirect_uris":["http://board.example.test/"]}`:     "invalid_redirect_uri",
		`{` + back + `,"grant_types":["client_credentials"]}`:                           "invalid_client_metadata",
		`{` + back + `,"grant_types":["implicit"]}`:                                     "invalid_client_metadata",
		`{` + back + `,"response_types":["token"]}`:                                     "invalid_client_metadata",
		`{` + back + `,"token_endpoint_auth_method":"client_secret_jwt"}`:               "invalid_client_metadata",
		`{` + back + `,"token_endpoint_auth_method":"private_key_jwt"}`:                 "invalid_client_metadata",
		`{` + back + `,"jwks_uri":"https://board.example.test/keys"}`:                   "invalid_client_metadata",
		`{` + back + `,"scope":"admin:write"}`:                                          "invalid_client_metadata",
		`{` + back + `,"scope":"account:devices"}`:                                      "invalid_client_metadata",
		`{` + back + `,"client_name":"Handclasp"}`:                                      "invalid_client_metadata",
		`{` + back + `,"client_name":"H4ndclasp, your bank"}`:                           "invalid_client_metadata",
		`{` + back + `,"client_name":"hand clasp 2"}`:                                   "invalid_client_metadata",
		`{` + back + `,"client_name":"Hándclasp"}`:                                      "invalid_client_metadata",
		`{` + back + `,"client_name":"Hand\u0301clasp"}`:                                "invalid_client_metadata",
		`{` + back + `,"client_name":"𝐇andclasp"}`:                                      "invalid_client_metadata",
		`{` + back + `,"client_name":"𝗛𝗮𝗻𝗱𝗰𝗹𝗮𝘀𝗽"}`:                                      "invalid_client_metadata",
		`{` + back + `,"client_name":"Ｈandclasp"}`:                                      "invalid_client_metadata",
		`{` + back + `,"client_name":"ʜᴀɴᴅᴄʟᴀꜱᴘ"}`:                                      "invalid_client_metadata",
		`{` + back + `,"client_name":"Handclaſp"}`:                                      "invalid_client_metadata",
		`{` + back + `,"client_name":"Ħandcłasp"}`:                                      "invalid_client_metadata",
		`{` + back + `,"client_name":"Board \u202e"}`:                                   "invalid_client_metadata",
		`{` + back + `,"client_name":"Board\u3164"}`:                                    "invalid_client_metadata",
		`{` + back + `,"client_name":"Board\uffa0\u115f"}`:                              "invalid_client_metadata",
		`{` + back + `,"client_name":"Hand\u1160clasp"}`:                                "invalid_client_metadata",
		`{` + back + `,"client_name":"Go to https://evil.example.test"}`:                "invalid_client_metadata",
		`{` + back + `,"client_name":"Воard"}`:                                          "invalid_client_metadata",
		`{` + back + `,"software_statement":"eyJhbGciOiJub25lIn0.e30."}`:                "unapproved_software_statement",
		`{` + back + `,"client_id":"handclasp","built_in":true,"admin":["admin:read"]}`: "",
		`[]`:  "invalid_client_metadata",
		`{"x`: "invalid_client_metadata",
	} {
		reply := register(t, s, "", body)
		if reply.Error() != code {
			t.Errorf("%s: %d %s, want %q", body, reply.Status, reply.Body, code)
		}
		if id := reply.Text("client_id"); id == "handclasp" {
			t.Errorf("%s: the client has chosen its id", body)
		}
	}
	form := s.Terminal(t).Send(http.MethodPost, "/oauth/register", board, "Content-Type", "application/x-www-form-urlencoded")
	expect(t, "a form", form, http.StatusBadRequest, "invalid_client_metadata")
	large := `{` + back + `,"client_uri":"` + strings.Repeat("x", 1<<20) + `"}`
	expect(t, "a megabyte", register(t, s, "", large), http.StatusBadRequest, "invalid_client_metadata")
}

// The answer to a change holds a new token. A client that never got it asks again with the one that it has.
func TestAClientThatLostTheAnswerChangesItselfAgain(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{Registration: oauth.RegistrationOpen}, func(t *testing.T, s *servertest.Server) {
		info := mustRegister(t, s, "", board)
		path := "/oauth/register/" + info.ID
		change := strings.Replace(board, "{", `{"client_id":"`+info.ID+`",`, 1)
		change = strings.Replace(change, "Board", "Boards", 1)
		put := func(token string) servertest.Reply { return manageClient(t, s, http.MethodPut, path, token, change) }
		expect(t, "an answer that is lost", put(info.Token), http.StatusOK, "")
		again := put(info.Token)
		expect(t, "the same again", again, http.StatusOK, "")
		if again.Text("client_name") != "Boards" || again.Text("client_secret") != "" {
			t.Errorf("changed to %s", again.Body)
		}
		next := again.Text("registration_access_token")
		expect(t, "with the new token", put(next), http.StatusOK, "")
		expect(t, "with the first, which was replaced", put(info.Token), http.StatusUnauthorized, "invalid_token")
		a := appOf(t, s, info)
		wantQuestion(t, a.Open(signedIn(t, s, mara)), "Let Boards sign in as you?")
	})
}

// What somebody has allowed is a yes to a name and an address. A client that changes either has nobody's yes.
func TestAClientThatBecomesAnotherIsAskedForAgain(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{Registration: oauth.RegistrationOpen}, func(t *testing.T, s *servertest.Server) {
		info, b := mustRegister(t, s, "", board), signedIn(t, s, mara)
		a := appOf(t, s, info)
		a.LogIn(b)
		if page := a.Open(b); page.Status != http.StatusSeeOther {
			t.Fatalf("unchanged, it is asked for again: %d %s", page.Status, page.Text())
		}
		change := strings.NewReplacer("{", `{"client_id":"`+info.ID+`",`, "Board", "Bank", "board.", "bank.").Replace(board)
		expect(t, "a change", manageClient(t, s, http.MethodPut, "/oauth/register/"+info.ID, info.Token, change), http.StatusOK, "")
		a = s.App(t, info.ID, "https://bank.example.test/back")
		a.Secret, a.Scope = info.Secret, "openid email"
		wantQuestion(t, a.Open(b), "Let Bank sign in as you?", "It registered itself, and nobody here has checked its name.")
	})
}

func TestAClientThatLeavesTakesItsSessionsAlong(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{Registration: oauth.RegistrationOpen}, func(t *testing.T, s *servertest.Server) {
		info, other := mustRegister(t, s, "", board), mustRegister(t, s, "", strings.Replace(board, "Board", "Other", 1))
		path := "/oauth/register/" + info.ID
		a, b := appOf(t, s, info), signedIn(t, s, mara)
		tokens := a.LogIn(b)
		expect(t, "by another client", manageClient(t, s, http.MethodDelete, path, other.Token, ""), http.StatusUnauthorized, "invalid_token")
		wantAlive(t, a, tokens)
		expect(t, "by itself", manageClient(t, s, http.MethodDelete, path, info.Token, ""), http.StatusNoContent, "")
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			expect(t, method+" afterwards", manageClient(t, s, method, path, info.Token, ""), http.StatusUnauthorized, "invalid_token")
		}
		expect(t, "its access token", a.Call(http.MethodGet, "/oauth/userinfo", tokens.AccessToken), http.StatusUnauthorized, "invalid_token")
		page := a.Open(b)
		if page.Status != http.StatusBadRequest {
			t.Errorf("it asks again: %d %s", page.Status, page.Text())
		}
	})
}

func TestAClientThatAnOperatorKeepsOutDoesNotGoAway(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{Registration: oauth.RegistrationOpen})
	info, operator := mustRegister(t, s, "", board), s.Operator(t, "operator", oauth.ScopeAdminRead, oauth.ScopeAdminWrite)
	expect(t, "disable", operator.Do(http.MethodPost, "/v1/admin/clients/"+info.ID+"/disable", nil), http.StatusOK, "")
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		reply := manageClient(t, s, method, "/oauth/register/"+info.ID, info.Token, "")
		expect(t, method, reply, http.StatusUnauthorized, "invalid_token")
	}
	expect(t, "who it was", operator.Get("/v1/admin/clients/"+info.ID), http.StatusOK, "")
}

func TestClientsThatNobodyUsesAreForgotten(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{Registration: oauth.RegistrationOpen})
	used, unused := mustRegister(t, s, "", board), mustRegister(t, s, "", strings.Replace(board, "Board", "Other", 1))
	s.Clock.Advance(80 * 24 * time.Hour)
	appOf(t, s, used).LogIn(signedIn(t, s, mara))
	s.Clock.Advance(20 * 24 * time.Hour)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	get := func(info registered) servertest.Reply {
		return manageClient(t, s, http.MethodGet, "/oauth/register/"+info.ID, info.Token, "")
	}
	expect(t, "the one in use", get(used), http.StatusOK, "")
	expect(t, "the one that nobody uses", get(unused), http.StatusUnauthorized, "invalid_token")
}

func TestThereAreNoMoreOfThemThanMayBe(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{Registration: oauth.RegistrationOpen, SelfMade: oauth.SelfMade{Most: 1}})
	mustRegister(t, s, "", board)
	expect(t, "one too many", register(t, s, "", board), http.StatusServiceUnavailable, "temporarily_unavailable")
}

func TestMetadataNamesTheRegistrationOnlyWhereThereIsOne(t *testing.T) {
	t.Parallel()
	for mode, want := range map[oauth.RegistrationMode]bool{oauth.RegistrationOff: false, oauth.RegistrationToken: true} {
		s := servertest.Start(t, servertest.Options{Registration: mode})
		reply := s.Terminal(t).Call(http.MethodGet, "/.well-known/oauth-authorization-server", "")
		if got := reply.Text("registration_endpoint"); (got == s.Issuer+"/oauth/register") != want {
			t.Errorf("with %q the metadata says %q", mode, got)
		}
	}
}

func TestAnOperatorsClientIsNobodysToManage(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{Registration: oauth.RegistrationOpen})
	info := mustRegister(t, s, "", board)
	path := "/oauth/register/"
	expect(t, "our own client", manageClient(t, s, http.MethodGet, path+"handclasp", info.Token, ""), http.StatusUnauthorized, "invalid_token")
	c, err := s.Records.Client(t.Context(), info.ID)
	if err == nil {
		c.Admin, c.Grants = []string{oauth.ScopeAdminRead}, append(c.Grants, oauth.GrantClient)
		err = s.Records.UpdateClient(t.Context(), c)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		expect(t, method+" of a client with rights of the admin API", manageClient(t, s, method, path+info.ID, info.Token, board), http.StatusUnauthorized, "invalid_token")
	}
}
