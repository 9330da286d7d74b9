package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

const (
	universal = "https://pictures.example.test/signin"
	ownScheme = "test.example.pictures:/signin?from=mail"
	verifier  = "a-verifier-of-forty-three-characters-or-more"
)

// appClients are apps that sign in by a magic link: one of two clients, a rival, and a confidential one.
var appClients = []store.Client{
	{
		ID: "pictures", Name: "Pictures", Public: true, Grants: []string{oauth.GrantMagicLink, oauth.GrantRefresh},
		Scopes:       []store.Scope{{Name: "pictures:see", Words: "See your pictures"}, {Name: oauth.ScopeAccountRead}},
		RedirectURIs: []string{universal, ownScheme, "http://127.0.0.1/done"},
	},
	{
		ID: "rival", Name: "Rival", Public: true, Grants: []string{oauth.GrantMagicLink, oauth.GrantRefresh},
		RedirectURIs: []string{universal, "https://rival.example.test/in"},
	},
	{
		ID: "kiosk", Name: "Kiosk", SecretHashes: []string{oauth.HashSecret(secret)}, Grants: []string{oauth.GrantMagicLink},
		RedirectURIs: []string{universal},
	},
}

func registerApps(t testing.TB, s *servertest.Server) {
	t.Helper()
	for _, c := range appClients {
		c.Audiences = []string{s.Issuer, "https://api.example.test"}
		if err := s.Records.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
}

// withApps tells a story on both keepers, with limits that are out of the way: all phones of a story share one address.
func withApps(t *testing.T, story func(t *testing.T, s *servertest.Server)) {
	t.Helper()
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{LimitScale: 1000}, func(t *testing.T, s *servertest.Server) {
		registerApps(t, s)
		story(t, s)
	})
}

func pictures(t testing.TB, s *servertest.Server) *servertest.Phone {
	p := s.Phone(t, "pictures", universal)
	p.Scope, p.Verifier = oauth.ScopeAccountRead+" pictures:see", verifier
	return p
}

// mustLeadBack fails unless the app hears the one reason that leads back to its address screen.
func mustLeadBack(t testing.TB, what string, reply servertest.Reply) {
	t.Helper()
	if reply.Status != http.StatusBadRequest || reply.Error() != "invalid_grant" || reply.Text("reason") != oauth.ReasonLink {
		t.Errorf("%s: %d %s", what, reply.Status, reply.Body)
	}
}

func mustSignIn(t testing.TB, what string, reply servertest.Reply) servertest.Tokens {
	t.Helper()
	if reply.Status != http.StatusOK {
		t.Fatalf("%s: %d %s", what, reply.Status, reply.Body)
	}
	return reply.Tokens(t)
}

func TestAppSignsInByALink(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		for _, redirect := range []string{universal, ownScheme} {
			p := pictures(t, s)
			p.RedirectURI = redirect
			link := p.AskForLink("mara@example.test", "")
			if link.ExpiresIn != 900 || !strings.HasPrefix(link.DeviceHalf, link.LinkID+".") {
				t.Errorf("the app hears %+v", link)
			}
			m := s.MailOf(t, link)
			half, state := servertest.MailHalf(t, m.Link)
			if state != p.State || !strings.HasPrefix(m.Link, redirect) || !strings.Contains(m.Subject, "Pictures") {
				t.Errorf("the mail %q leads to %s", m.Subject, m.Link)
			}
			if strings.Contains(m.Text+m.HTML, strings.TrimPrefix(link.DeviceHalf, link.LinkID)) {
				t.Error("the app's half was mailed")
			}
			tokens := mustSignIn(t, "both halves", p.Use(link.DeviceHalf, half))
			if tokens.Scope != p.Scope || tokens.ExpiresIn != 900 || tokens.RefreshToken == "" {
				t.Errorf("the tokens are %+v", tokens)
			}
			for _, token := range []string{tokens.AccessToken, tokens.RefreshToken} {
				if strings.Contains(m.Text+m.HTML, token) {
					t.Error("a token was mailed")
				}
			}
			whoIs(t, p, tokens, "mara@example.test")
			next := mustSignIn(t, "refresh", p.Refresh(tokens.RefreshToken))
			if reply := p.Revoke(next.RefreshToken); reply.Status != http.StatusOK {
				t.Errorf("sign out: %d %s", reply.Status, reply.Body)
			}
		}
	})
}

// whoIs reads the account by the token, and what the session says of the phone.
func whoIs(t testing.TB, p *servertest.Phone, tokens servertest.Tokens, email string) {
	t.Helper()
	var me struct {
		Email   string
		Session struct {
			Kind     string
			ClientID string `json:"client_id"`
			Device   struct{ Name, Platform string }
		}
	}
	p.Call(http.MethodGet, "/v1/me", tokens.AccessToken).Decode(t, &me)
	if me.Email != email || me.Session.ClientID != p.ClientID || me.Session.Device.Name != p.Name || me.Session.Device.Platform != p.Platform {
		t.Errorf("the session is %+v", me)
	}
}

func TestAppThatWasClosedInBetweenSignsInAllTheSame(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		before := pictures(t, s)
		link := before.AskForLink("mara@example.test", "")
		after := pictures(t, s) // nothing is left but what the app has written down
		after.Fingerprint = before.Fingerprint
		half, _ := servertest.MailHalf(t, s.MailOf(t, link).Link)
		mustSignIn(t, "after a restart", after.Use(link.DeviceHalf, half))
	})
}

func TestSixLettersTypedIntoTheAppSignIn(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		p := pictures(t, s)
		link := p.AskForLink("mara@example.test", "")
		m := s.MailOf(t, link)
		typed := strings.ToLower(m.Code[:3]) + " - " + m.Code[3:]
		mustSignIn(t, "the letters", p.UseLetters(link.DeviceHalf, typed))
		mustLeadBack(t, "the letters again", p.UseLetters(link.DeviceHalf, m.Code))
		half, _ := servertest.MailHalf(t, m.Link)
		mustLeadBack(t, "the link after the letters", p.Use(link.DeviceHalf, half))
	})
}

// A link that is opened on another device carries half of what is needed, and nothing by which it could be completed.
func TestLinkOpenedOnAnotherDeviceDoesNothing(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		p, other := pictures(t, s), pictures(t, s)
		link := p.AskForLink("mara@example.test", "")
		half, _ := servertest.MailHalf(t, s.MailOf(t, link).Link)
		own := other.AskForLink("mara@example.test", "")
		for what, reply := range map[string]servertest.Reply{
			"the mailed half twice":       other.Use(half, half),
			"its own half":                other.Use(own.DeviceHalf, half),
			"its own half under that id":  other.Use(link.LinkID+own.DeviceHalf[len(own.LinkID):], half),
			"the mailed half as a cookie": openLink(t, s, half),
		} {
			if reply.Status == http.StatusOK {
				t.Errorf("%s: %s", what, reply.Body)
			}
		}
		mustSay(t, other.Use("", half), http.StatusBadRequest, "invalid_request")
		mustSignIn(t, "the device that asked", p.Use(link.DeviceHalf, half))
	})
}

// openLink tries the mailed half on the pages for browsers, with GET, HEAD and the form.
func openLink(t testing.TB, s *servertest.Server, half string) servertest.Reply {
	t.Helper()
	b := s.Browser(t)
	page := b.Open("/signin/link?t=" + half)
	if strings.Contains(page.Body, "mara@example.test") {
		t.Error("the page for browsers shows what an app asked for")
	}
	page = b.Post("/signin/link", url.Values{"csrf": {page.FormToken()}, "t": {half}})
	if b.Open("/account").URL.Path == "/account" {
		t.Error("a browser is signed in by the link of an app")
	}
	return servertest.Reply{Status: page.Status + 1000}
}

func TestLinkThatAScannerOpenedFirstIsStillGood(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		p := pictures(t, s)
		link := p.AskForLink("mara@example.test", "")
		m := s.MailOf(t, link)
		half, _ := servertest.MailHalf(t, m.Link)
		at, err := url.Parse(m.Link)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 { // a scanner tries the same path and query on every host that the mail names
			for _, path := range []string{at.RequestURI(), "/signin/link?t=" + half, "/v1/magic-links?link=" + half, "/oauth/token?mail_half=" + half} {
				for _, method := range []string{http.MethodGet, http.MethodHead} {
					p.Call(method, path, "")
				}
			}
		}
		mustSignIn(t, "after the scanner", p.Use(link.DeviceHalf, half))
	})
}

func TestLinkOfAnAppWorksOnce(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		p := pictures(t, s)
		link := p.AskForLink("mara@example.test", "")
		half, _ := servertest.MailHalf(t, s.MailOf(t, link).Link)
		var tries sync.WaitGroup
		replies := make([]servertest.Reply, 50)
		for i := range replies {
			tries.Go(func() { replies[i] = p.Use(link.DeviceHalf, half) })
		}
		tries.Wait()
		won := 0
		for _, reply := range replies {
			if reply.Status == http.StatusOK {
				won++
				continue
			}
			mustLeadBack(t, "one of fifty", reply)
		}
		if won != 1 {
			t.Errorf("%d of fifty signed in", won)
		}
		mustLeadBack(t, "once more", p.Use(link.DeviceHalf, half))
	})
}

func TestHalvesOfDifferentRequestsOfAppsDoNotFit(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		mara, jon := pictures(t, s), pictures(t, s)
		hers, his := mara.AskForLink("mara@example.test", ""), jon.AskForLink("jon@example.test", "")
		herHalf, _ := servertest.MailHalf(t, s.MailOf(t, hers).Link)
		hisHalf, _ := servertest.MailHalf(t, s.MailOf(t, his).Link)
		for range 2 * store.WrongHalves { // an older mail that is opened by mistake ends nothing
			mustLeadBack(t, "her phone, his mail", mara.Use(hers.DeviceHalf, hisHalf))
			mustLeadBack(t, "his phone, her mail", jon.Use(his.DeviceHalf, herHalf))
		}
		mustLeadBack(t, "his secret under her id", mara.Use(hers.LinkID+"."+strings.Split(his.DeviceHalf, ".")[1], herHalf))
		whoIs(t, mara, mustSignIn(t, "hers", mara.Use(hers.DeviceHalf, herHalf)), "mara@example.test")
		whoIs(t, jon, mustSignIn(t, "his", jon.Use(his.DeviceHalf, hisHalf)), "jon@example.test")
	})
}

func TestFiveWrongHalvesEndTheLinkOfAnApp(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		for _, tries := range []int{store.WrongHalves - 1, store.WrongHalves} {
			p := pictures(t, s)
			link := p.AskForLink("mara@example.test", "")
			half, _ := servertest.MailHalf(t, s.MailOf(t, link).Link)
			for i := range tries {
				if i%2 == 0 {
					mustLeadBack(t, "wrong letters", p.UseLetters(link.DeviceHalf, "BBBBBB"))
				} else {
					mustLeadBack(t, "a wrong half", p.Use(link.DeviceHalf, link.DeviceHalf))
				}
			}
			if reply := p.Use(link.DeviceHalf, half); tries < store.WrongHalves {
				mustSignIn(t, "after four", reply)
			} else {
				mustLeadBack(t, "after five", reply)
			}
		}
	})
}

func TestNewerRequestOfTheSameAppEndsTheOlder(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		p := pictures(t, s)
		older := p.AskForLink("mara@example.test", "")
		olderHalf, _ := servertest.MailHalf(t, s.MailOf(t, older).Link)
		newer := p.AskForLink("jon@example.test", older.DeviceHalf)
		if newer.LinkID != older.LinkID || newer.DeviceHalf == older.DeviceHalf {
			t.Errorf("%+v follows %+v", newer, older)
		}
		m := s.WaitForMail(t, func(m servertest.Mail) bool { return m.To == "jon@example.test" })
		newerHalf, _ := servertest.MailHalf(t, m.Link)
		mustLeadBack(t, "the older link", p.Use(older.DeviceHalf, olderHalf))
		mustLeadBack(t, "the older mail with the newer half", p.Use(newer.DeviceHalf, olderHalf))
		whoIs(t, p, mustSignIn(t, "the newer link", p.Use(newer.DeviceHalf, newerHalf)), "jon@example.test")

		own, rival := pictures(t, s), s.Phone(t, "rival", universal) // another client ends nothing by naming a half that it found
		mine := own.AskForLink("mara@example.test", "")
		half, _ := servertest.MailHalf(t, s.MailOf(t, mine).Link)
		rival.AskForLink("eve@example.test", mine.DeviceHalf)
		mustSignIn(t, "after another client", own.Use(mine.DeviceHalf, half))
	})
}

func TestLinkOfAnAppExpires(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		p := pictures(t, s)
		link := p.AskForLink("mara@example.test", "")
		half, _ := servertest.MailHalf(t, s.MailOf(t, link).Link)
		s.Clock.Advance(15*time.Minute + time.Second)
		mustLeadBack(t, "too late", p.Use(link.DeviceHalf, half))
		again := p.AskForLink("mara@example.test", link.DeviceHalf)
		m := s.WaitForMail(t, func(m servertest.Mail) bool {
			return !strings.Contains(m.Link, half) && strings.Contains(m.Link, again.LinkID)
		})
		half, _ = servertest.MailHalf(t, m.Link)
		mustSignIn(t, "a new link", p.Use(again.DeviceHalf, half))
	})
}
