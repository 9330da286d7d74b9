package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

const (
	plannerHome = "https://planner.example.test/back"
	plannerBye  = "https://planner.example.test/bye?from=login"
)

// registerPlanner makes a web app that has a page for whoever has signed out, and hears of ended sessions at this address.
func registerPlanner(t *testing.T, s *servertest.Server, hears string) {
	t.Helper()
	err := s.Records.CreateClient(t.Context(), store.Client{
		ID: "planner", Name: "Planner", SecretHashes: []string{oauth.HashSecret(secret)},
		Grants: []string{oauth.GrantCode, oauth.GrantRefresh}, RedirectURIs: []string{plannerHome, notesHome},
		LogoutRedirectURIs: []string{plannerBye}, LogoutURI: hears,
		Scopes: []store.Scope{{Name: "plans:read", Words: "Read your plans"}}, Audiences: []string{"https://plans.example.test"},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func planner(t *testing.T, s *servertest.Server) *servertest.App {
	a := s.App(t, "planner", plannerHome)
	a.Secret, a.Scope = secret, "openid plans:read"
	return a
}

func logoutForm(fields []string) url.Values {
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return form
}

// leave follows an app's link to the end-session endpoint.
func leave(b *servertest.Browser, fields ...string) *servertest.Page {
	return b.Open("/oauth/logout?" + logoutForm(fields).Encode())
}

// leaveByForm sends an app's own form there, across sites.
func leaveByForm(b *servertest.Browser, fields ...string) *servertest.Page {
	r := b.Request(http.MethodPost, "/oauth/logout", logoutForm(fields))
	r.Header.Set("Origin", "https://planner.example.test")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	return b.Do(r)
}

// wantGone fails the test unless the app has nothing left that works.
func wantGone(t *testing.T, a *servertest.App, tokens servertest.Tokens) {
	t.Helper()
	expect(t, a.ClientID+"'s refresh token", a.Refresh(tokens.RefreshToken), http.StatusBadRequest, "invalid_grant")
	expect(t, a.ClientID+"'s access token", a.Call(http.MethodGet, "/oauth/userinfo", tokens.AccessToken), http.StatusUnauthorized, "invalid_token")
}

func wantAlive(t *testing.T, a *servertest.App, tokens servertest.Tokens) {
	t.Helper()
	expect(t, a.ClientID+"'s access token", a.Call(http.MethodGet, "/oauth/userinfo", tokens.AccessToken), http.StatusOK, "")
}

func TestAnAppSignsItsPersonOutOfEverythingThatWasOpenedInTheBrowser(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		registerPlanner(t, s, "")
		b, elsewhere := signedIn(t, s, mara), signedIn(t, s, mara)
		a, other, terminal, program := planner(t, s), calendar(t, s), s.Terminal(t), notes(t, s)
		shell, desk := terminal.LogIn(b), program.LogIn(b)
		mine, others, far := a.LogIn(b), other.LogIn(b), other.LogIn(elsewhere)

		page := leave(b, "id_token_hint", mine.IDToken, "post_logout_redirect_uri", plannerBye, "state", "st&te")
		if got, want := page.URL.String(), plannerBye+"&state=st%26te"; got != want {
			t.Fatalf("the browser is at %s, want %s", got, want)
		}
		wantPath(t, b.Open("/account"), "/signin")
		wantGone(t, a, mine)
		wantGone(t, other, others)
		wantAlive(t, other, far)
		wantPath(t, elsewhere.Open("/account"), "/account")
		wantAlive(t, program, desk)
		expect(t, "the terminal", terminal.Refresh(shell.RefreshToken), http.StatusOK, "")
	})
}

func TestAnAppThatMayGoOnOfflineGoesOn(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		registerPlanner(t, s, "")
		b, a, other := signedIn(t, s, mara), planner(t, s), calendar(t, s)
		other.Scope = "openid offline_access"
		mine, goesOn := a.LogIn(b), other.LogIn(b)
		wantPage(t, leave(b, "id_token_hint", mine.IDToken), http.StatusOK, "You are signed out")
		wantGone(t, a, mine)
		expect(t, "the app with offline_access", other.Refresh(goesOn.RefreshToken), http.StatusOK, "")
	})
}

// A link on anybody's page must not be enough.
func TestAForeignPageCannotSignAnybodyOut(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	registerPlanner(t, s, "")
	a, b, elsewhere := planner(t, s), signedIn(t, s, mara), signedIn(t, s, mara)
	mine, far, omars := a.LogIn(b), a.LogIn(elsewhere), a.LogIn(signedIn(t, s, omar))
	for what, page := range map[string]*servertest.Page{
		"nothing":                     leave(b),
		"a client alone":              leave(b, "client_id", "planner", "post_logout_redirect_uri", plannerBye),
		"a token of another browser":  leave(b, "id_token_hint", far.IDToken),
		"a token of somebody else":    leave(b, "id_token_hint", omars.IDToken),
		"an access token":             leave(b, "id_token_hint", mine.AccessToken),
		"a token that was changed":    leave(b, "id_token_hint", mine.IDToken+"A"),
		"a token without a signature": leave(b, "id_token_hint", unsigned(mine.IDToken)),
		"nothing, by a form":          leaveByForm(b),
	} {
		if page.Status != http.StatusOK || !strings.Contains(page.Text(), "Sign out?") {
			t.Errorf("%s: %d %s", what, page.Status, page.Text())
		}
	}
	head := b.Request(http.MethodHead, "/oauth/logout?"+url.Values{"id_token_hint": {mine.IDToken}}.Encode(), nil)
	if page := b.Do(head); page.Status != http.StatusOK {
		t.Errorf("HEAD: %d", page.Status)
	}
	wantPath(t, b.Open("/account"), "/account")
	for _, tokens := range []servertest.Tokens{mine, far, omars} {
		wantAlive(t, a, tokens)
	}
	page := leave(b, "id_token_hint", omars.IDToken, "post_logout_redirect_uri", plannerBye)
	wantPage(t, page, http.StatusOK, "Planner asks you to sign out here", "signed in as "+mara)
	if page = page.Press("Sign out"); page.URL.String() != plannerBye {
		t.Errorf("after the button: %s", page.URL)
	}
	wantGone(t, a, mine)
	wantAlive(t, a, omars)
}

// unsigned takes the signature of a token off, and says so in its header.
func unsigned(token string) string {
	parts := strings.Split(token, ".")
	return "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + parts[1] + "."
}

func TestWhoHasSignedOutIsSentOnlyWhereTheClientIsAtHome(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	registerPlanner(t, s, "")
	a, b := planner(t, s), signedIn(t, s, mara)
	hint := a.LogIn(b).IDToken
	for what, page := range map[string]*servertest.Page{
		"another address":    leave(b, "id_token_hint", hint, "post_logout_redirect_uri", "https://planner.example.test/bye"),
		"a redirect URI":     leave(b, "id_token_hint", hint, "post_logout_redirect_uri", plannerHome),
		"no client":          leave(b, "post_logout_redirect_uri", plannerBye),
		"two clients":        leave(b, "id_token_hint", hint, "client_id", "handclasp"),
		"an unknown client":  leave(b, "client_id", "nobody"),
		"a parameter twice":  b.Open("/oauth/logout?state=a&state=b"),
		"control characters": b.Open("/oauth/logout?state=%00"),
	} {
		if page.Status != http.StatusBadRequest || page.URL.Path != "/oauth/logout" {
			t.Errorf("%s: %d at %s", what, page.Status, page.URL)
		}
	}
	wantPath(t, b.Open("/account"), "/account")
	s.Clock.Advance(24 * time.Hour) // the token has expired, and the browser's session with it
	if page := leave(b, "id_token_hint", hint, "post_logout_redirect_uri", plannerBye); page.URL.String() != plannerBye {
		t.Errorf("an old token: %d at %s", page.Status, page.URL)
	}
	if page := leave(b); page.Status != http.StatusOK || !strings.Contains(page.Text(), "You are signed out") {
		t.Errorf("nobody signs out: %d %s", page.Status, page.Text())
	}
}

// A person who proves who they are once more has not left: the apps of the browser go on, and end with the new session.
func TestAppsGoOverToTheNextSignInOfTheSamePerson(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		a, b := calendar(t, s), signedIn(t, s, mara)
		tokens := a.LogIn(b)
		s.Clock.Advance(2 * time.Minute)
		signInAgain(t, s, a, b)
		wantAlive(t, a, tokens)
		wantPage(t, b.Open("/account").Press("Sign out of this browser"), http.StatusOK, "You are signed out")
		wantGone(t, a, tokens)
	})
}

// A browser's session runs out within hours, and its apps go on for weeks: every morning is a new sign-in.
func TestAppsGoOverToTheSignInAfterTheBrowsersHasRunOut(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		a, b := calendar(t, s), signedIn(t, s, mara)
		tokens := a.LogIn(b)
		for range 3 {
			nextMorning(t, s, b, mara)
			tokens = a.Refresh(tokens.RefreshToken).Tokens(t)
		}
		wantPage(t, b.Open("/account").Press("Sign out of this browser"), http.StatusOK, "You are signed out")
		wantGone(t, a, tokens)
	})
}

func TestSomebodyElseWhoSignsInTheNextMorningEndsWhatWasOpened(t *testing.T) {
	t.Parallel()
	s, app := servertest.Start(t, servertest.Options{}), listen(t)
	registerPlanner(t, s, app.URL)
	a, b, elsewhere := planner(t, s), signedIn(t, s, mara), signedIn(t, s, mara)
	tokens, far := a.LogIn(b), a.LogIn(elsewhere)
	nextMorning(t, s, b, omar)
	expect(t, "what mara opened here", a.Refresh(tokens.RefreshToken), http.StatusBadRequest, "invalid_grant")
	expect(t, "what mara opened elsewhere", a.Refresh(far.RefreshToken), http.StatusOK, "")
	if heard := app.heard(t, s); len(heard) != 1 {
		t.Errorf("the app heard of %d ends", len(heard))
	}
}

// nextMorning is the first sign-in of a day, after the session of the day before has run out and been swept up.
func nextMorning(t *testing.T, s *servertest.Server, b *servertest.Browser, email string) {
	t.Helper()
	s.Clock.Advance(24 * time.Hour)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.SignIn(email)
}

// In the evening nobody has been on our pages for half an hour, and the browser's session has run out.
func TestAnAppSignsItsPersonOutOfABrowserWhoseSessionHasRunOut(t *testing.T) {
	t.Parallel()
	s, app := servertest.Start(t, servertest.Options{}), listen(t)
	registerWebApps(t, s)
	registerPlanner(t, s, app.URL)
	a, other, b, elsewhere := planner(t, s), calendar(t, s), signedIn(t, s, mara), signedIn(t, s, mara)
	mine, others, far := a.LogIn(b), other.LogIn(b), other.LogIn(elsewhere)
	s.Clock.Advance(time.Hour)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	page := leave(b, "id_token_hint", far.IDToken) // as any page could that has got hold of one
	wantPage(t, page, http.StatusOK, "Sign out?", "own sign-in has run out")
	page = leave(b, "id_token_hint", mine.IDToken, "post_logout_redirect_uri", plannerBye)
	if page.URL.String() != plannerBye {
		t.Fatalf("the browser is at %s: %s", page.URL, page.Text())
	}
	expect(t, "the app", a.Refresh(mine.RefreshToken), http.StatusBadRequest, "invalid_grant")
	expect(t, "the other app", other.Refresh(others.RefreshToken), http.StatusBadRequest, "invalid_grant")
	expect(t, "the app elsewhere", other.Refresh(far.RefreshToken), http.StatusOK, "")
	if heard := app.heard(t, s); len(heard) != 1 {
		t.Errorf("the app heard of %d ends", len(heard))
	}
	wantPage(t, leave(b), http.StatusOK, "You are signed out")
}

func TestTheButtonSignsOutOfABrowserWhoseSessionHasRunOut(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	registerWebApps(t, s)
	a, b := calendar(t, s), signedIn(t, s, mara)
	tokens := a.LogIn(b)
	s.Clock.Advance(time.Hour)
	wantPage(t, leave(b).Press("Sign out"), http.StatusOK, "You are signed out")
	expect(t, "the app", a.Refresh(tokens.RefreshToken), http.StatusBadRequest, "invalid_grant")
}

// The page with the devices has stood open over lunch. Whoever presses its button and is led away takes themselves for signed out.
func TestTheButtonOfAPageThatOutlivedItsSessionSignsOutToo(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	registerWebApps(t, s)
	a, b := calendar(t, s), signedIn(t, s, mara)
	tokens := a.LogIn(b)
	left := b.Open("/account")
	s.Clock.Advance(time.Hour)
	page := left.Press("Sign out of this browser")
	wantPage(t, page, http.StatusOK, "Sign out?", "own sign-in has run out")
	wantPage(t, page.Press("Sign out"), http.StatusOK, "You are signed out")
	expect(t, "the app", a.Refresh(tokens.RefreshToken), http.StatusBadRequest, "invalid_grant")
	wantPage(t, left.Press("Sign out of this browser"), http.StatusOK, "You are signed out")
}

// The question of an app has stood open for as long.
func TestTheButtonOfAQuestionThatOutlivedItsSessionSignsOutToo(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	registerPlanner(t, s, "")
	a, b := planner(t, s), signedIn(t, s, mara)
	tokens := a.LogIn(b)
	page := leave(b, "client_id", "planner", "post_logout_redirect_uri", plannerBye, "state", "st&te")
	wantPage(t, page, http.StatusOK, "Planner asks you to sign out here", "signed in as "+mara)
	s.Clock.Advance(time.Hour)
	page = page.Press("Sign out")
	wantPage(t, page, http.StatusOK, "Planner asks you to sign out here", "own sign-in has run out")
	if page = page.Press("Sign out"); page.URL.String() != plannerBye+"&state=st%26te" {
		t.Errorf("after the button: %s %s", page.URL, page.Text())
	}
	expect(t, "the app", a.Refresh(tokens.RefreshToken), http.StatusBadRequest, "invalid_grant")
}

// An app has one ID token for as long as its session, which may be weeks; a key is published for half an hour after it was retired.
func TestATokenOfARetiredKeyStillSignsOut(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	registerPlanner(t, s, "")
	a, b := planner(t, s), signedIn(t, s, mara)
	a.Scope = "openid offline_access"
	mine := a.LogIn(b)
	for range 2 {
		s.Clock.Advance(time.Hour)
		if err := s.Keys.Rotate(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	}
	b.SignIn(mara)
	fields := []string{"id_token_hint", mine.IDToken, "post_logout_redirect_uri", plannerBye}
	for who, page := range map[string]*servertest.Page{
		"somebody else": leave(signedIn(t, s, omar), fields...).Press("Sign out"), "nobody": leave(s.Browser(t), fields...),
	} {
		if page.URL.String() != plannerBye {
			t.Errorf("%s: the browser is at %s: %s", who, page.URL, page.Text())
		}
	}
	mine.RefreshToken = a.Refresh(mine.RefreshToken).Tokens(t).RefreshToken // they could not end it
	page := leave(b, fields...)
	wantPage(t, page, http.StatusOK, "Planner asks you to sign out here")
	if page = page.Press("Sign out"); page.URL.String() != plannerBye {
		t.Errorf("after the button: %s %s", page.URL, page.Text())
	}
	expect(t, "the app", a.Refresh(mine.RefreshToken), http.StatusBadRequest, "invalid_grant")
}

// signInAgain signs mara in again where she is signed in, because an app wants it so.
func signInAgain(t *testing.T, s *servertest.Server, a *servertest.App, b *servertest.Browser) {
	t.Helper()
	wantPath(t, a.Open(b, "prompt", "login"), "/signin")
	wantPath(t, b.Open("/signin").Press("Send me a link", "email", mara), "/signin/sent")
	asker, _, _ := strings.Cut(b.Cookie("hc_asker"), ".")
	mail := s.WaitForMail(t, func(m servertest.Mail) bool { return strings.Contains(m.Link, asker) })
	b.Open(mail.Link).Press("Sign in")
}

// listener is the back channel of an app.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	tokens []string
}

func listen(t *testing.T) *listener {
	l := &listener{status: http.StatusOK}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if r.Method == http.MethodPost && r.FormValue("logout_token") != "" {
			l.tokens = append(l.tokens, r.FormValue("logout_token"))
		}
		if l.status == 0 {
			panic(http.ErrAbortHandler) // the connection is closed without an answer
		}
		w.WriteHeader(l.status)
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *listener) answer(status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status = status
}

// heard takes the tokens that have come, after one round of telling.
func (l *listener) heard(t *testing.T, s *servertest.Server) []string {
	t.Helper()
	if err := s.TellLogouts(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	tokens := l.tokens
	l.tokens = nil
	return tokens
}

// logoutToken is what an app reads of one (Back-Channel Logout §2.6).
type logoutToken struct {
	jwt.Claims
	SID    string                     `json:"sid"`
	Nonce  *string                    `json:"nonce"`
	Events map[string]json.RawMessage `json:"events"`
}

// readLogoutToken checks a token as an app has to.
func readLogoutToken(t *testing.T, s *servertest.Server, raw string) logoutToken {
	t.Helper()
	parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	var token logoutToken
	key, ok := s.Keys.Public(parsed.Headers[0].KeyID)
	if !ok || parsed.Claims(key, &token) != nil {
		t.Fatalf("the signature of %s is not the issuer's", raw)
	}
	if typ := parsed.Headers[0].ExtraHeaders[jose.HeaderType]; typ != "logout+jwt" {
		t.Errorf("typ is %v", typ)
	}
	err = token.Validate(jwt.Expected{Issuer: s.Issuer, AnyAudience: jwt.Audience{"planner"}, Time: s.Clock.Now()})
	if err != nil || token.Subject == "" || token.ID == "" || token.Expiry == nil || token.IssuedAt == nil {
		t.Errorf("the claims are %+v: %v", token, err)
	}
	if string(token.Events["http://schemas.openid.net/event/backchannel-logout"]) != "{}" || token.Nonce != nil {
		t.Errorf("it is no logout token: %+v", token)
	}
	return token
}

func sidOfIDToken(t *testing.T, raw string) string {
	t.Helper()
	var claims struct {
		SID string `json:"sid"`
	}
	parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || parsed.UnsafeClaimsWithoutVerification(&claims) != nil {
		t.Fatalf("cannot read %s: %v", raw, err)
	}
	return claims.SID
}

func TestAnAppHearsOfEachEndOnce(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, s *servertest.Server, b *servertest.Browser, a *servertest.App, tokens servertest.Tokens){
		"the app signs out": func(_ *testing.T, _ *servertest.Server, b *servertest.Browser, _ *servertest.App, tokens servertest.Tokens) {
			leave(b, "id_token_hint", tokens.IDToken)
		},
		"the person signs out of the browser": func(_ *testing.T, _ *servertest.Server, b *servertest.Browser, _ *servertest.App, _ servertest.Tokens) {
			b.Open("/account").Press("Sign out of this browser")
		},
		"the person shuts the app out": func(_ *testing.T, _ *servertest.Server, b *servertest.Browser, _ *servertest.App, _ servertest.Tokens) {
			b.Open("/account").Press("Shut it out")
		},
		"the account is disabled": func(t *testing.T, s *servertest.Server, _ *servertest.Browser, _ *servertest.App, tokens servertest.Tokens) {
			row, err := s.Records.Session(t.Context(), sidOfIDToken(t, tokens.IDToken))
			if err == nil {
				err = s.Sessions.Disable(t.Context(), row.UserID)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
		"a refresh token is used twice": func(t *testing.T, s *servertest.Server, _ *servertest.Browser, a *servertest.App, tokens servertest.Tokens) {
			second := a.Refresh(tokens.RefreshToken).Tokens(t)
			a.Refresh(second.RefreshToken)
			expect(t, "a spent token", a.Refresh(tokens.RefreshToken), http.StatusBadRequest, "invalid_grant")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, app := servertest.Start(t, servertest.Options{}), listen(t)
			registerPlanner(t, s, app.URL)
			a, b := planner(t, s), signedIn(t, s, mara)
			tokens := a.LogIn(b)
			if heard := app.heard(t, s); len(heard) > 0 {
				t.Fatalf("heard of an end while the session lives: %v", heard)
			}
			end(t, s, b, a, tokens)
			heard := app.heard(t, s)
			if len(heard) != 1 {
				t.Fatalf("heard %d times", len(heard))
			}
			if got, want := readLogoutToken(t, s, heard[0]).SID, sidOfIDToken(t, tokens.IDToken); got != want {
				t.Errorf("heard of %s, want %s", got, want)
			}
			s.Clock.Advance(time.Hour)
			if heard := app.heard(t, s); len(heard) > 0 {
				t.Errorf("heard again: %v", heard)
			}
		})
	}
}

func TestAnAppThatIsSilentIsNotAskedForEachOfItsEnds(t *testing.T) {
	t.Parallel()
	s, app := servertest.Start(t, servertest.Options{}), listen(t)
	registerPlanner(t, s, app.URL)
	a, b := planner(t, s), signedIn(t, s, mara)
	for range 20 {
		a.LogIn(b)
		b.Open("/account").Press("Shut it out")
	}
	app.answer(0)
	if heard := app.heard(t, s); len(heard) == 0 || len(heard) > 8 {
		t.Errorf("tried %d times in one round", len(heard))
	}
	app.answer(http.StatusOK)
	s.Clock.Advance(6 * time.Second)
	if heard := app.heard(t, s); len(heard) != 20 {
		t.Errorf("heard of %d ends when it answers again", len(heard))
	}
}

// An app that only wants to know who somebody is has no refresh token, and a session of its own for as long as it likes.
func TestAnAppWithoutRefreshTokensHearsOfAnEndTheNextDay(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(s *servertest.Server, b *servertest.Browser, userID string) error{
		"the person signs out of the browser": func(_ *servertest.Server, b *servertest.Browser, _ string) error {
			b.Open("/account").Press("Sign out of this browser")
			return nil
		},
		"the person shuts the app out": func(_ *servertest.Server, b *servertest.Browser, _ string) error {
			b.Open("/account").Press("Shut it out")
			return nil
		},
		"the person has left the company": func(s *servertest.Server, _ *servertest.Browser, userID string) error {
			return s.Sessions.Disable(t.Context(), userID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, app := servertest.Start(t, servertest.Options{}), listen(t)
			registerPlanner(t, s, app.URL)
			client, err := s.Records.Client(t.Context(), "planner")
			if client.Grants = []string{oauth.GrantCode}; err == nil {
				err = s.Records.UpdateClient(t.Context(), client)
			}
			if err != nil {
				t.Fatal(err)
			}
			a, b := planner(t, s), signedIn(t, s, mara)
			sid := sidOfIDToken(t, a.LogIn(b).IDToken)
			nextMorning(t, s, b, mara)
			wantPage(t, b.Open("/account"), http.StatusOK, "End this session")
			row, err := s.Records.Session(t.Context(), sid)
			if err == nil {
				err = end(s, b, row.UserID)
			}
			if err != nil {
				t.Fatal(err)
			}
			if heard := app.heard(t, s); len(heard) != 1 || readLogoutToken(t, s, heard[0]).SID != sid {
				t.Errorf("heard %d times", len(heard))
			}
		})
	}
}

// A new login in the same browser takes the place of the one before. Whoever goes by the person alone would sign them out
// the moment they have signed in.
func TestAnAppHearsNothingOfASessionThatItReplacedItself(t *testing.T) {
	t.Parallel()
	s, app := servertest.Start(t, servertest.Options{}), listen(t)
	registerPlanner(t, s, app.URL)
	a, b := planner(t, s), signedIn(t, s, mara)
	a.LogIn(b)
	a.LogIn(b)
	if heard := app.heard(t, s); len(heard) > 0 {
		t.Errorf("heard %v", heard)
	}
	b.Open("/account").Press("Sign out of this browser")
	if heard := app.heard(t, s); len(heard) != 1 {
		t.Errorf("heard %d times of the end of the new one", len(heard))
	}
}

func TestAnAppThatDoesNotAnswerIsToldAgainForADay(t *testing.T) {
	t.Parallel()
	s, app := servertest.Start(t, servertest.Options{}), listen(t)
	registerPlanner(t, s, app.URL)
	a, b := planner(t, s), signedIn(t, s, mara)
	ids := []string{}
	tell := func() (n int) {
		for _, raw := range app.heard(t, s) {
			ids = append(ids, readLogoutToken(t, s, raw).ID)
			n++
		}
		return n
	}
	s.Clock.Hold()
	a.LogIn(b)
	app.answer(http.StatusServiceUnavailable)
	b.Open("/account").Press("Shut it out")
	if n := tell(); n != 1 {
		t.Fatalf("told %d times", n)
	}
	s.Clock.Advance(4 * time.Second)
	if n := tell(); n != 0 {
		t.Errorf("told again after 4 s")
	}
	s.Clock.Advance(2 * time.Second)
	if n := tell(); n != 1 {
		t.Errorf("told %d times after 6 s", n)
	}
	app.answer(http.StatusNoContent)
	s.Clock.Advance(11 * time.Second)
	if n := tell(); n != 1 {
		t.Errorf("told %d times after 17 s", n)
	}
	s.Clock.Advance(time.Hour)
	if n := tell(); n != 0 {
		t.Errorf("told again after the app has heard")
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 3 {
		t.Errorf("two tries had one jti: %v", ids)
	}

	app.answer(http.StatusTemporaryRedirect) // no answer either: a token goes to nobody else
	b = signedIn(t, s, mara)
	a.LogIn(b)
	b.Open("/account").Press("Shut it out")
	for range 40 {
		tell()
		s.Clock.Advance(time.Hour)
	}
	if n := tell(); n != 0 {
		t.Errorf("told after a day")
	}
	if !strings.Contains(s.Events.String(), "logout.untold") {
		t.Error("the journal does not say that the app never heard")
	}
}

func TestOfTwoReplicasOneTells(t *testing.T) {
	t.Parallel()
	clock := &servertest.Clock{}
	clock.Hold() // a replica that is slow to tell is taken for one that has died
	dir, app := t.TempDir(), listen(t)
	s := servertest.Start(t, servertest.Options{Dir: dir, Clock: clock})
	replica := servertest.Start(t, servertest.Options{Dir: dir, Clock: clock, Issuer: s.Issuer})
	registerPlanner(t, s, app.URL)
	a, b := planner(t, s), signedIn(t, s, mara)
	for range 5 {
		a.LogIn(b)
		b.Open("/account").Press("Shut it out")
	}
	var both sync.WaitGroup
	for _, each := range []*servertest.Server{s, replica} {
		both.Go(func() {
			if err := each.TellLogouts(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if heard := app.heard(t, s); len(heard) != 5 {
		t.Errorf("heard %d times of 5 ends", len(heard))
	}
}
