package server_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

func TestUnknownAddressBecomesAUserWhenTheLinkOfAnAppIsUsed(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		p := pictures(t, s)
		link := p.AskForLink("new@example.test", "")
		half, _ := servertest.MailHalf(t, s.MailOf(t, link).Link)
		if _, err := s.Records.UserByEmail(t.Context(), "new@example.test"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("before the link is used: %v", err)
		}
		mustSignIn(t, "a new person", p.Use(link.DeviceHalf, half))
		if _, err := s.Records.UserByEmail(t.Context(), "new@example.test"); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestDisabledUserDoesNotComeInThroughAnApp(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		p := pictures(t, s)
		link := p.AskForLink("mara@example.test", "")
		half, _ := servertest.MailHalf(t, s.MailOf(t, link).Link)
		mustSignIn(t, "while enabled", p.Use(link.DeviceHalf, half))
		user, err := s.Records.UserByEmail(t.Context(), "mara@example.test")
		if err != nil {
			t.Fatal(err)
		}
		late := pictures(t, s)
		link = late.AskForLink("mara@example.test", "")
		half, _ = servertest.MailHalf(t, s.MailOf(t, link).Link)
		if err := s.Sessions.Disable(t.Context(), user.ID); err != nil {
			t.Fatal(err)
		}
		mustSay(t, late.Use(link.DeviceHalf, half), http.StatusBadRequest, "access_denied")
		mustLeadBack(t, "again", late.Use(link.DeviceHalf, half))
		before := len(s.Mails(t))
		asked := late.TryAskForLink("mara@example.test", "") // it hears the same as everybody, and no mail goes out
		if asked.Status != http.StatusAccepted {
			t.Errorf("a disabled user hears %d %s", asked.Status, asked.Body)
		}
		s.MailOf(t, late.AskForLink("jon@example.test", "")) // a mail that was asked for later has arrived
		if n := len(s.Mails(t)) - before; n != 1 {
			t.Errorf("%d mails went out", n)
		}
	})
}

func TestEveryAddressHearsTheSameFromAnApp(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 1000, Signup: "invite"})
	registerApps(t, s)
	if err := s.Records.Invite(t.Context(), "invited@example.test", "", s.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	p := pictures(t, s)
	for _, email := range []string{"invited@example.test", "nobody@example.test"} {
		reply := p.TryAskForLink(email, "")
		shape := strings.NewReplacer(reply.Text("device_half"), "half", reply.Text("link_id"), "id").Replace(string(reply.Body))
		if want := `{"link_id":"id","device_half":"half","expires_in":900}` + "\n"; reply.Status != http.StatusAccepted || shape != want {
			t.Errorf("%s hears %d %s", email, reply.Status, reply.Body)
		}
		if cookies := reply.Header["Set-Cookie"]; cookies != nil {
			t.Errorf("%s gets cookies: %v", email, cookies)
		}
	}
}

func TestAnotherClientNeitherSpendsALinkNorCountsAgainstIt(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		p := pictures(t, s)
		link := p.AskForLink("mara@example.test", "")
		m := s.MailOf(t, link)
		half, _ := servertest.MailHalf(t, m.Link)
		rival := s.Phone(t, "rival", universal)
		rival.Fingerprint, rival.Verifier = p.Fingerprint, p.Verifier
		for range 2 * store.WrongHalves {
			mustLeadBack(t, "another client with both halves", rival.Use(link.DeviceHalf, half))
			mustLeadBack(t, "another client with the letters", rival.UseLetters(link.DeviceHalf, m.Code))
		}
		mustSignIn(t, "the client that asked", p.Use(link.DeviceHalf, half))
	})
}

func TestLinkOfABrowserIsNoneOfAnApp(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		b, p := s.Browser(t), s.Phone(t, "pictures", universal)
		p.Fingerprint = ""
		m := b.AskForLink("mara@example.test")
		_, half, _ := strings.Cut(m.Link, "?t=")
		mustLeadBack(t, "the link of a browser", p.Use(b.Cookie("hc_asker"), half))
		mustLeadBack(t, "the letters of a browser", p.UseLetters(b.Cookie("hc_asker"), m.Code))
		b.Open(m.Link).Press("Sign in")
	})
}

func TestLinkIsBoundToTheVerifierAndTheDevice(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		p := pictures(t, s)
		link := p.AskForLink("mara@example.test", "")
		half, _ := servertest.MailHalf(t, s.MailOf(t, link).Link)
		for what, spoil := range map[string]func(*servertest.Phone){
			"a wrong verifier":      func(p *servertest.Phone) { p.Verifier = strings.Repeat("w", 43) },
			"no verifier":           func(p *servertest.Phone) { p.Verifier = "" },
			"another fingerprint":   func(p *servertest.Phone) { p.Fingerprint = strings.Repeat("f", 40) },
			"without a fingerprint": func(p *servertest.Phone) { p.Fingerprint = "" },
		} {
			terminal := *p.Terminal
			thief := *p
			thief.Terminal = &terminal
			spoil(&thief)
			mustLeadBack(t, what, thief.Use(link.DeviceHalf, half))
		}
		mustSignIn(t, "the app itself", p.Use(link.DeviceHalf, half))

		plain := s.Phone(t, "pictures", universal) // a verifier that nobody announced proves nothing
		link = plain.AskForLink("mara@example.test", "")
		half, _ = servertest.MailHalf(t, s.MailOf(t, link).Link)
		plain.Verifier = verifier
		mustLeadBack(t, "a verifier without a challenge", plain.Use(link.DeviceHalf, half))
		plain.Verifier = ""
		mustSignIn(t, "without either", plain.Use(link.DeviceHalf, half))
	})
}

// A device has one owner, also when it is an app that signs in; the link is spent by finding out.
func TestDeviceOfSomebodyElseIsRefusedToAnApp(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		p := pictures(t, s)
		link := p.AskForLink("mara@example.test", "")
		half, _ := servertest.MailHalf(t, s.MailOf(t, link).Link)
		hers := mustSignIn(t, "its owner", p.Use(link.DeviceHalf, half))

		link = p.AskForLink("jon@example.test", "")
		half, _ = servertest.MailHalf(t, s.MailOf(t, link).Link)
		mustLeadBack(t, "a guess", p.UseLetters(link.DeviceHalf, "BBBBBB")) // tells nothing of the device
		refused := p.Use(link.DeviceHalf, half)
		mustSay(t, refused, http.StatusBadRequest, "access_denied")
		if refused.Text("reason") != store.ReasonConflict {
			t.Errorf("the reason is %q", refused.Text("reason"))
		}
		mustLeadBack(t, "once more", p.Use(link.DeviceHalf, half))
		if p.Call(http.MethodGet, "/v1/me", hers.AccessToken).Status != http.StatusOK {
			t.Error("the owner's session has ended")
		}

		link = p.AskForLink("mara@example.test", "") // the owner again: the older session is replaced
		half, _ = servertest.MailHalf(t, s.MailOf(t, link).Link)
		mustSignIn(t, "the owner again", p.Use(link.DeviceHalf, half))
		if p.Call(http.MethodGet, "/v1/me", hers.AccessToken).Status != http.StatusUnauthorized {
			t.Error("the older session lives on")
		}
	})
}

func TestAppsRequestIsReadStrictly(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 1000})
	registerApps(t, s)
	p := s.Phone(t, "pictures", universal)
	good := `"client_id":"pictures","email":"mara@example.test","redirect_uri":"` + universal + `"`
	for body, want := range map[string]string{
		`{` + good + `}`:                        "",
		`{` + good + `,"later":{"a":[1,true]}}`: "", // what a newer app says is left alone
		``:                                      "invalid_request",
		`[]`:                                    "invalid_request",
		`"a"`:                                   "invalid_request",
		`{` + good + `}{}`:                      "invalid_request",
		`{` + good + `,"scope":["openid"]}`:     "invalid_request",
		`{` + good + `,"scope":null}`:           "invalid_request",
		`{` + good + `,"state":7}`:              "invalid_request",
		`{` + good + `,"email":"jon@example.test"}`:                               "invalid_request",
		`{` + good + `,"x":1,"x":2}`:                                              "invalid_request",
		`{` + good + `,"state":"a\u0000b"}`:                                       "invalid_request",
		`{` + good + ",\"state\":\"\xff\"}":                                       "invalid_request",
		`{` + good + `,"state":"` + strings.Repeat("s", 5000) + `"}`:              "invalid_request",
		`{` + good + `,"state":"` + strings.Repeat("s", 70_000) + `"}`:            "invalid_request",
		`{` + good + `,"code_challenge":"x"}`:                                     "invalid_request",
		`{` + good + `,"code_challenge":"x","code_challenge_method":"plain"}`:     "invalid_request",
		`{` + good + `,"device_fingerprint":"short"}`:                             "invalid_request",
		`{` + good + `,"scope":"nothing:known"}`:                                  "invalid_scope",
		`{` + good + `,"resource":"https://other.example.test"}`:                  "invalid_target",
		`{"client_id":"pictures","redirect_uri":"` + universal + `"}`:             "invalid_request",
		strings.Replace(`{`+good+`}`, "mara@", "mara@example.test,jon@", 1):       "invalid_request",
		strings.Replace(`{`+good+`}`, universal, universal+"/", 1):                "invalid_request",
		strings.Replace(`{`+good+`}`, universal, "http://127.0.0.1/done", 1):      "invalid_request",
		strings.Replace(`{`+good+`}`, universal, "https://rival.example.test", 1): "invalid_request",
		strings.Replace(`{`+good+`}`, `"pictures"`, `"handclasp"`, 1):             "unauthorized_client",
		strings.Replace(`{`+good+`}`, `"pictures"`, `"nobody"`, 1):                "invalid_client",
		strings.Replace(`{`+good+`}`, `"pictures"`, `"kiosk"`, 1):                 "invalid_client",
		strings.Replace(`{`+good+`}`, `"email"`, `"Email"`, 1):                    "invalid_request",
	} {
		reply := p.SendJSON("/v1/magic-links", body)
		if want == "" && reply.Status != http.StatusAccepted || want != "" && (reply.Status != http.StatusBadRequest || reply.Error() != want) {
			t.Errorf("%.120s: want %q, have %d %s", body, want, reply.Status, reply.Body)
		}
	}
	for _, headers := range [][]string{{"Content-Type", "text/plain"}, {"Content-Encoding", "gzip"}} {
		mustSay(t, p.SendJSON("/v1/magic-links", `{`+good+`}`, headers...), http.StatusBadRequest, "invalid_request")
	}
	mustSay(t, p.SendJSON("/v1/magic-links?email=a", `{`+good+`}`), http.StatusBadRequest, "invalid_request")
}

func TestConfidentialAppProvesItselfTwice(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		p := s.Phone(t, "kiosk", universal)
		p.Secret = "wrong"
		mustSay(t, p.TryAskForLink("mara@example.test", ""), http.StatusUnauthorized, "invalid_client")
		p.Secret = secret
		link := p.AskForLink("mara@example.test", "")
		half, _ := servertest.MailHalf(t, s.MailOf(t, link).Link)
		p.Secret = "wrong"
		mustSay(t, p.Use(link.DeviceHalf, half), http.StatusUnauthorized, "invalid_client")
		p.Secret = secret
		if tokens := mustSignIn(t, "a kiosk", p.Use(link.DeviceHalf, half)); tokens.RefreshToken != "" {
			t.Error("a client that may not refresh has a refresh token")
		}
	})
}

func TestNetworkOfManyAppsIsToldToWaitAndAKnownDeviceIsNot(t *testing.T) {
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerApps(t, s)
		p := pictures(t, s)
		link := p.AskForLink("mara@example.test", "")
		half, _ := servertest.MailHalf(t, s.MailOf(t, link).Link)
		mustSignIn(t, "the first time", p.Use(link.DeviceHalf, half))
		stranger, last := s.Phone(t, "rival", universal), servertest.Reply{}
		for range 20 {
			last = stranger.TryAskForLink("mara@example.test", "")
		}
		mustSay(t, last, http.StatusTooManyRequests, "too_many_requests")
		if last.Header.Get("Retry-After") == "" {
			t.Error("nobody says for how long")
		}
		link = p.AskForLink("mara@example.test", "") // strangers have used up everything but her own allowance
		half, _ = servertest.MailHalf(t, s.MailOf(t, link).Link)
		mustSignIn(t, "her own phone", p.Use(link.DeviceHalf, half))
	})
}

func TestMetadataNamesTheMagicLink(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	body := string(s.Terminal(t).Call(http.MethodGet, "/.well-known/oauth-authorization-server", "").Body)
	if !strings.Contains(body, oauth.GrantMagicLink) {
		t.Errorf("the metadata says %s", body)
	}
}

func TestAccountWithTooManyDevicesIsSaidToTheApp(t *testing.T) {
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{LimitScale: 1000, MostDevices: 1}, func(t *testing.T, s *servertest.Server) {
		registerApps(t, s)
		for i, want := range []string{"", oauth.ReasonFull} {
			p := pictures(t, s)
			link := p.AskForLink("mara@example.test", "")
			half, _ := servertest.MailHalf(t, s.MailOf(t, link).Link)
			if reply := p.Use(link.DeviceHalf, half); reply.Text("reason") != want {
				t.Errorf("phone %d: %d %s", i+1, reply.Status, reply.Body)
			}
		}
	})
}
