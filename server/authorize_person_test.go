package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// Somebody who is not signed in reads a mail first, and comes back to the question by a button: a redirect behind a form
// would be held against the form's page by the browser.
func TestTheSignInLeadsBackToTheApp(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		a, b := calendar(t, s), s.Browser(t)
		page := a.Open(b, "login_hint", mara)
		wantPath(t, page, "/signin")
		wantPage(t, page, http.StatusOK, "to go on to an app")
		wantPath(t, page.Press("Send me a link"), "/signin/sent") // the app knew the address
		asker, _, _ := strings.Cut(b.Cookie("hc_asker"), ".")
		mail := s.WaitForMail(t, func(m servertest.Mail) bool { return m.To == mara && strings.Contains(m.Link, asker) })
		page = b.Open(mail.Link).Press("Sign in")
		wantPage(t, page, http.StatusOK, "You are signed in")
		wantQuestion(t, page.Follow("Continue"), "Let Calendar sign in as you?")
	})
}

func TestConsentIsRememberedForAsMuchAsWasAllowed(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		a, b := calendar(t, s), signedIn(t, s, mara)
		wantAnswer(t, s, a, a.Open(b).Press("Approve"), "")
		wantAnswer(t, s, a, a.Open(b), "")
		wantAnswer(t, s, a, a.Open(b, "scope", "openid"), "")
		wantQuestion(t, a.Open(b, "scope", "openid dates:write"), "Change your dates")
		wantQuestion(t, a.Open(b, "prompt", "consent"), "Read your dates")
		wantAnswer(t, s, a, a.Open(b), "")

		another := signedIn(t, s, omar)
		wantQuestion(t, a.Open(another), "You "+omar)
	})
}

func TestWhatWasAllowedCanBeTakenBack(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		a, b := calendar(t, s), signedIn(t, s, mara)
		tokens := a.LogIn(b)
		page := b.Open("/account")
		wantPage(t, page, http.StatusOK, "Calendar", "Read your dates")
		wantPage(t, page.Press("Shut it out"), http.StatusOK, "The app may do nothing any more, and its sessions have ended.")
		expect(t, "its refresh token", a.Refresh(tokens.RefreshToken), http.StatusBadRequest, "invalid_grant")
		expect(t, "its access token", a.Call(http.MethodGet, "/oauth/userinfo", tokens.AccessToken), http.StatusUnauthorized, "invalid_token")
		wantQuestion(t, a.Open(b), "Let Calendar sign in as you?")
	})
}

// Whoever listens on a port can pretend to be the program that was registered, so yes is never said by itself.
func TestAProgramOnTheMachineIsAskedAboutEachTime(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	registerWebApps(t, s)
	a, b := notes(t, s), signedIn(t, s, mara)
	a.LogIn(b)
	wantQuestion(t, a.Open(b), "Let Notes sign in as you?")
	wantAnswer(t, s, a, a.Open(b, "prompt", "none"), "consent_required")
}

// A record from before such an address was refused.
func TestAnAddressInCapitalsIsNoProgramOnTheMachine(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	const home = "HTTPS://calendar.example.test/callback"
	c := store.Client{
		ID: "capitals", Name: "Capitals", Public: true, Grants: []string{oauth.GrantCode}, RedirectURIs: []string{home}, Audiences: []string{s.Issuer},
	}
	if err := s.Records.CreateClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	a := s.App(t, c.ID, home)
	a.Scope = "openid"
	wantQuestion(t, a.Open(signedIn(t, s, mara)), "Goes to calendar.example.test")
}

// Whoever lost an address has it taken from the client, and waits for no question that is open somewhere.
func TestAnAddressThatTheClientHasLostGetsNoCode(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		a, b := calendar(t, s), signedIn(t, s, mara)
		page := a.Open(b)
		c, err := s.Records.Client(t.Context(), "calendar")
		if err != nil {
			t.Fatal(err)
		}
		c.RedirectURIs = []string{"https://calendar.example.test/new"}
		if err := s.Records.UpdateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		page = page.Press("Approve")
		if answer, came := a.Answer(page); came || page.Status != http.StatusNotFound {
			t.Errorf("%d at %s: %v %s", page.Status, page.URL, answer, page.Text())
		}
	})
}

func TestPromptNoneNeverShowsAPage(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		a, b := calendar(t, s), s.Browser(t)
		wantAnswer(t, s, a, a.Open(b, "prompt", "none"), "login_required")
		b.SignIn(mara)
		wantAnswer(t, s, a, a.Open(b, "prompt", "none"), "consent_required")
		wantAnswer(t, s, a, a.Open(b).Press("Approve"), "")
		wantAnswer(t, s, a, a.Open(b, "prompt", "none"), "")
		s.Clock.Advance(10 * time.Minute)
		wantAnswer(t, s, a, a.Open(b, "prompt", "none", "max_age", "60"), "login_required")
	})
}

// Everybody in an office has one address, and silent requests come from each of their browsers every few minutes.
func TestOneAddressIsRoomForEverybodyWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	s.Clock.Hold()
	registerWebApps(t, s)
	a := calendar(t, s)
	for _, b := range []*servertest.Browser{signedIn(t, s, mara), signedIn(t, s, omar)} {
		a.Code(b)
		for range 50 {
			wantAnswer(t, s, a, a.Open(b, "prompt", "none"), "")
		}
	}
	b := s.Browser(t)
	for range 60 {
		wantAnswer(t, s, a, a.Open(b, "prompt", "none"), oauth.CodeLoginRequired)
	}
	wantPage(t, a.Open(b, "prompt", "none"), http.StatusTooManyRequests)
	stuffed := s.Browser(t)
	stuffed.Jar.SetCookies(stuffed.Open("/signin").URL, []*http.Cookie{{Name: "hc_session", Path: "/", Value: "ses_" + strings.Repeat("0", 26) + "." + strings.Repeat("a", 43)}})
	wantPage(t, a.Open(stuffed, "prompt", "none"), http.StatusTooManyRequests)
}

func TestAnAppMayWantASignInOfNow(t *testing.T) {
	t.Parallel()
	for name, fields := range map[string][]string{
		"prompt=login": {"prompt", "login"}, "prompt=select_account": {"prompt", "select_account"}, "max_age": {"max_age", "300"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := servertest.Start(t, servertest.Options{})
			registerWebApps(t, s)
			a, b := calendar(t, s), signedIn(t, s, mara)
			a.LogIn(b)
			s.Clock.Advance(10 * time.Minute)
			page := a.Open(b, fields...)
			wantPath(t, page, "/signin")
			waiting := page.Press("Send me a link", "email", mara)
			wantPath(t, waiting, "/signin/sent")
			asker, _, _ := strings.Cut(b.Cookie("hc_asker"), ".")
			mail := s.WaitForMail(t, func(m servertest.Mail) bool { return strings.Contains(m.Link, asker) })
			before := s.Clock.Now().Unix()
			page = b.Open(mail.Link).Press("Sign in").Follow("Continue")
			answer := wantAnswer(t, s, a, page, "") // it was allowed before
			tokens := a.Redeem(answer.Get("code")).Tokens(t)
			if signed := signedInAt(t, tokens.IDToken); signed < before {
				t.Errorf("auth_time is %d, and the sign-in was not before %d", signed, before)
			}
		})
	}
}

// A script on the person's machine that opens the app right after the sign-in is quicker than a second.
func TestASignInOfAMomentAgoIsStillTooOldForAnAppThatWantsANewOne(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	registerWebApps(t, s)
	a, b := calendar(t, s), signedIn(t, s, mara)
	a.LogIn(b)
	s.Clock.Advance(time.Microsecond)
	wantPath(t, a.Open(b, "prompt", "login"), "/signin")
}

// signedInAt reads the auth_time of a token.
func signedInAt(t *testing.T, token string) int64 {
	t.Helper()
	var claims struct {
		AuthTime int64 `json:"auth_time"`
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err == nil {
		err = parsed.UnsafeClaimsWithoutVerification(&claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims.AuthTime
}

func TestNoMeansNo(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	registerWebApps(t, s)
	a, b := calendar(t, s), signedIn(t, s, mara)
	page := a.Open(b)
	answer := wantAnswer(t, s, a, page.Press("Deny"), "access_denied")
	if answer.Get("reason") != store.ReasonUser {
		t.Errorf("the reason is %q", answer.Get("reason"))
	}
	wantPage(t, page.Press("Approve"), http.StatusNotFound, "This request is over")
	wantQuestion(t, a.Open(b), "Let Calendar sign in as you?") // and nothing was remembered
	wantEvent(t, s, "authorize.deny", "ok", 1)
}

func TestOneDecisionOfManyCounts(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		a, b := calendar(t, s), signedIn(t, s, mara)
		page := a.Open(b)
		action, form := page.Form("Approve")
		came := make(chan string, 6)
		for range cap(came) {
			go func() {
				client := *b.Client
				client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
				r := b.Request(http.MethodPost, action, form)
				r.Header.Set("Origin", s.Issuer)
				reply, err := client.Do(r)
				if err != nil {
					came <- err.Error()
					return
				}
				_ = reply.Body.Close()
				came <- reply.Header.Get("Location")
			}()
		}
		codes := 0
		for range cap(came) {
			if strings.Contains(<-came, "code=") {
				codes++
			}
		}
		if codes != 1 {
			t.Errorf("%d codes for one question", codes)
		}
	})
}

func TestWhoIsDisabledIsNotLetIn(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	registerWebApps(t, s)
	a, b := calendar(t, s), signedIn(t, s, mara)
	tokens, page := a.LogIn(b), a.Open(b, "prompt", "consent")
	user, err := s.Records.UserByEmail(t.Context(), mara)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Sessions.Disable(t.Context(), user.ID); err != nil {
		t.Fatal(err)
	}
	if page = page.Press("Approve"); strings.Contains(page.URL.RawQuery, "code=") {
		t.Errorf("she came to %s", page.URL)
	}
	expect(t, "userinfo", a.Call(http.MethodGet, "/oauth/userinfo", tokens.AccessToken), http.StatusUnauthorized, "invalid_token")
}

// The fingerprint binds the session of a terminal to its device whichever way it was begun.
func TestADeviceOfSomebodyElseIsRefusedAtTheApp(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		laptop := s.Terminal(t)
		laptop.LogIn(signedIn(t, s, mara))
		a := s.App(t, laptop.ClientID, "http://127.0.0.1:40000/callback")
		a.Fingerprint, a.Name, a.Platform, a.Scope = laptop.Fingerprint, "dev-box", "linux/amd64", "account:read"

		hers := signedIn(t, s, mara)
		page := a.Open(hers)
		wantQuestion(t, page, "Let handclasp on dev-box sign in as you?", "one of yours")
		answer := wantAnswer(t, s, a, page.Press("Approve"), "")
		expect(t, "without the fingerprint", a.Redeem(answer.Get("code"), "device_fingerprint", ""), http.StatusBadRequest, "invalid_grant")
		expect(t, "with it", a.Redeem(answer.Get("code")), http.StatusOK, "")

		his := signedIn(t, s, omar)
		page = a.Open(his)
		wantQuestion(t, page, "new to you")
		answer = wantAnswer(t, s, a, page.Press("Approve"), "access_denied")
		if answer.Get("reason") != store.ReasonConflict {
			t.Errorf("the reason is %q", answer.Get("reason"))
		}
	})
}

// A company signs people in to many apps in the browser; only what stands beside it is a device.
func TestAppsInABrowserTakeNoDevicesAway(t *testing.T) {
	servertest.Everywhere(t, servertest.Options{LimitScale: 1000, MostDevices: 1}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		b := signedIn(t, s, mara)
		for _, scope := range []string{"openid", "openid offline_access"} {
			for _, a := range []*servertest.App{calendar(t, s), notes(t, s)} {
				a.Scope = scope
				wantAlive(t, a, a.LogIn(b))
			}
		}
		s.Terminal(t).LogIn(b)
		wantAlive(t, calendar(t, s), calendar(t, s).LogIn(signedIn(t, s, mara)))
		full := b.EnterCode(s.Terminal(t).Ask().UserCode).Press("Approve")
		if full.Status != http.StatusForbidden || !strings.Contains(full.Text(), "as many devices signed in") {
			t.Errorf("a second terminal: %d %s", full.Status, full.Text())
		}
	})
}

// A person with thirty web apps must find the one to end.
func TestAppsInABrowserAreListedByTheirNames(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	registerWebApps(t, s)
	registerPlanner(t, s, "")
	b, ends, stays := signedIn(t, s, mara), planner(t, s), calendar(t, s)
	stays.LogIn(b)
	tokens := ends.LogIn(b)
	page := b.Open("/account")
	wantPage(t, page, http.StatusOK, "Calendar In Firefox on Linux", "Planner In Firefox on Linux", "End the session on Planner")
	page = b.Post("/account/end", url.Values{"csrf": {page.FormToken()}, "session": {sidOfIDToken(t, tokens.IDToken)}})
	wantPage(t, page, http.StatusOK, "The session of Planner in Firefox on Linux has ended.", "Calendar In Firefox on Linux")
	wantGone(t, ends, tokens)
}

// Redis was flushed: nobody is signed in any more, and no list shows what was.
func TestWhatTheTicketsHaveLostTakesNoPlace(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{MostDevices: 1}, func(t *testing.T, s *servertest.Server) {
		b, lost, next := signedIn(t, s, mara), s.Terminal(t), s.Terminal(t)
		tokens := lost.LogIn(b)
		rows, err := s.Records.ListSessions(t.Context(), store.SessionQuery{ClientID: lost.ClientID, Limit: 1})
		if err == nil {
			err = s.Tickets.Drop(t.Context(), rows[0].ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		expect(t, "the lost session", lost.Refresh(tokens.RefreshToken), http.StatusBadRequest, "invalid_grant")
		next.LogIn(b)
		if full := b.EnterCode(s.Terminal(t).Ask().UserCode).Press("Approve"); full.Status != http.StatusForbidden {
			t.Errorf("one device more than may be: %d %s", full.Status, full.Text())
		}
	})
}

func TestANewAppIsToldOfOnceAndCanBeEnded(t *testing.T) {
	onBothKeepers(t, servertest.Options{LimitScale: 1000}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		first, other := signedIn(t, s, mara), signedIn(t, s, mara)
		a := calendar(t, s)
		a.LogIn(first)
		again, elsewhere := a.LogIn(first), a.LogIn(other)
		notes(t, s).LogIn(first)
		of := func(app string) func(servertest.Mail) bool {
			return func(m servertest.Mail) bool { return m.Subject == "You signed in to "+app }
		}
		s.WaitForMail(t, of("Notes"))
		told := slices.DeleteFunc(s.Mails(t), func(m servertest.Mail) bool { return m.To != mara || strings.HasPrefix(m.Subject, "Sign in to") })
		if len(told) != 2 {
			t.Errorf("there are %d mails of two new apps: %+v", len(told), told)
		}
		mail := s.WaitForMail(t, of("Calendar"))
		page := s.Browser(t).Open(mail.Link)
		wantPage(t, page, http.StatusOK, "End this session?", "Calendar")
		wantPage(t, page.Press("End this session"), http.StatusOK, "has ended")
		// It has taken the place of the one that the mail was about.
		expect(t, "the app's access token", a.Call(http.MethodGet, "/oauth/userinfo", again.AccessToken), http.StatusUnauthorized, "invalid_token")
		wantAlive(t, a, elsewhere)
	})
}
