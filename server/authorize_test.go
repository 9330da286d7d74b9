package server_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/handclasp/handclasp/server/servertest"
)

// A web app that knows nothing of us but our address: strict libraries of others find everything by discovery.
func TestAStrictLibrarySignsAPersonIn(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		b := signedIn(t, s, mara)
		ctx := oidc.ClientContext(t.Context(), s.Client())
		provider, err := oidc.NewProvider(ctx, s.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		app := oauth2.Config{
			ClientID: "calendar", ClientSecret: secret, Endpoint: provider.Endpoint(), RedirectURL: calendarHome,
			Scopes: []string{oidc.ScopeOpenID, "email", "profile", "dates:read"},
		}
		verifier := oauth2.GenerateVerifier()
		ask := app.AuthCodeURL("the state", oauth2.S256ChallengeOption(verifier), oidc.Nonce("the nonce"))
		page := b.Open(ask)
		wantQuestion(t, page, "Let Calendar sign in as you?", "Read your dates", "Goes to calendar.example.test", "You "+mara)
		answer := page.Press("Approve").URL.Query()
		if answer.Get("state") != "the state" || answer.Get("iss") != s.Issuer {
			t.Fatalf("the answer is %v", answer)
		}
		tokens, err := app.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		holdIDToken(t, ctx, s, provider, tokens)
		info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
		if err != nil || info.Email != mara || !info.EmailVerified {
			t.Fatalf("userinfo says %+v, %v", info, err)
		}
		if _, err := app.TokenSource(ctx, &oauth2.Token{RefreshToken: tokens.RefreshToken}).Token(); err != nil {
			t.Errorf("refresh: %v", err)
		}
	})
}

func holdIDToken(t *testing.T, ctx context.Context, s *servertest.Server, provider *oidc.Provider, tokens *oauth2.Token) {
	t.Helper()
	raw, _ := tokens.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: "calendar", Now: s.Clock.Now}).Verify(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := id.VerifyAccessToken(tokens.AccessToken); err != nil {
		t.Errorf("at_hash: %v", err)
	}
	var claims struct {
		AuthTime int64    `json:"auth_time"`
		AMR      []string `json:"amr"`
		ACR      string   `json:"acr"`
		SID      string   `json:"sid"`
		AZP      string   `json:"azp"`
	}
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if id.Nonce != "the nonce" || claims.AuthTime == 0 || len(claims.AMR) != 1 || claims.ACR == "" || claims.AZP != "calendar" ||
		!strings.HasPrefix(claims.SID, "ses_") {
		t.Errorf("the id token says %+v with nonce %q", claims, id.Nonce)
	}
}

func TestACodeIsGoodForItsOwnRequestOnly(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		a := calendar(t, s)
		code := a.Code(signedIn(t, s, mara))
		public := notes(t, s)
		const oneText = "The code is unknown, used, too old, belongs to another client or device, or does not fit redirect_uri or code_verifier."
		said := map[string]string{}
		for name, try := range map[string]func() servertest.Reply{
			"another verifier":     func() servertest.Reply { return a.Redeem(code, "code_verifier", strings.Repeat("v", 43)) },
			"a short verifier":     func() servertest.Reply { return a.Redeem(code, "code_verifier", "v") },
			"the challenge itself": func() servertest.Reply { return a.Redeem(code, "code_verifier", a.Request().Get("code_challenge")) },
			"another redirect_uri": func() servertest.Reply { return a.Redeem(code, "redirect_uri", calendarHome+"/") },
			"another client": func() servertest.Reply {
				return public.Redeem(code, "code_verifier", a.Verifier, "redirect_uri", calendarHome)
			},
			"an altered code":       func() servertest.Reply { return a.Redeem(code[:len(code)-1] + "x") },
			"a code of nobody":      func() servertest.Reply { return a.Redeem("hca_k1.e30.AAAA") },
			"a fingerprint of none": func() servertest.Reply { return a.Redeem(code, "device_fingerprint", strings.Repeat("f", 40)) },
		} {
			reply := try()
			expect(t, name, reply, http.StatusBadRequest, "invalid_grant")
			said[reply.Text("error_description")] = name
		}
		if len(said) != 1 || said[oneText] == "" {
			t.Errorf("the refusals tell what it was that did not fit: %q", said)
		}
		for _, missing := range []string{"code_verifier", "redirect_uri"} {
			expect(t, "without "+missing, a.Redeem(code, missing, ""), http.StatusBadRequest, "invalid_request")
		}
		expect(t, "a foreign resource", a.Redeem(code, "resource", "https://other.example.test"), http.StatusBadRequest, "invalid_target")
		expect(t, "none of which has spent it", a.Redeem(code), http.StatusOK, "")
	})
}

func TestASecondUseOfACodeEndsWhatTheFirstBegan(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		a := calendar(t, s)
		code := a.Code(signedIn(t, s, mara))
		first := a.Redeem(code)
		expect(t, "the first use", first, http.StatusOK, "")
		tokens := first.Tokens(t)
		expect(t, "userinfo", a.Call(http.MethodGet, "/oauth/userinfo", tokens.AccessToken), http.StatusOK, "")
		expect(t, "the second", a.Redeem(code), http.StatusBadRequest, "invalid_grant")
		expect(t, "its refresh token", a.Refresh(tokens.RefreshToken), http.StatusBadRequest, "invalid_grant")
		expect(t, "its access token", a.Call(http.MethodGet, "/oauth/userinfo", tokens.AccessToken), http.StatusUnauthorized, "invalid_token")
	})
}

func TestOfTwoThatRedeemACodeOneDoes(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		a := calendar(t, s)
		code := a.Code(signedIn(t, s, mara))
		replies := make(chan servertest.Reply, 8)
		for range cap(replies) {
			go func() { replies <- calendarOf(a).Redeem(code) }()
		}
		won := 0
		for range cap(replies) {
			if reply := <-replies; reply.Status == http.StatusOK {
				won++
			} else if reply.Error() != "invalid_grant" {
				t.Errorf("a loser hears %d %s", reply.Status, reply.Body)
			}
		}
		if won > 1 {
			t.Errorf("%d of them got tokens", won)
		}
	})
}

// calendarOf is the same app in another process.
func calendarOf(a *servertest.App) *servertest.App {
	terminal := *a.Terminal
	other := *a
	other.Terminal = &terminal
	return &other
}

func TestACodeLivesForAMinute(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		a, b := calendar(t, s), signedIn(t, s, mara)
		s.Clock.Hold()
		young, old := a.Code(b), a.Code(b)
		s.Clock.Advance(50 * time.Second)
		expect(t, "after 50 seconds", a.Redeem(young), http.StatusOK, "")
		s.Clock.Advance(11 * time.Second)
		expect(t, "after 61 seconds", a.Redeem(old), http.StatusBadRequest, "invalid_grant")
	})
}

// What is wrong is told to the app at its own address, but for the two things that make that address one to believe.
func TestAuthorizationRequestsThatAreNotInOrder(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 1000})
	registerWebApps(t, s)
	a, b := calendar(t, s), signedIn(t, s, mara)
	for name, c := range map[string]struct{ field, value, code string }{
		"no challenge":            {"code_challenge", "", "invalid_request"},
		"a plain challenge":       {"code_challenge_method", "plain", "invalid_request"},
		"no method":               {"code_challenge_method", "", "invalid_request"}, // RFC 7636 would make it plain
		"a short challenge":       {"code_challenge", "abc", "invalid_request"},
		"no response type":        {"response_type", "", "invalid_request"},
		"the implicit grant":      {"response_type", "token", "unsupported_response_type"},
		"the hybrid flow":         {"response_type", "code id_token", "unsupported_response_type"},
		"another response mode":   {"response_mode", "fragment", "invalid_request"},
		"a request object":        {"request", "eyJ.e30.", "request_not_supported"},
		"a scope of nobody":       {"scope", "openid everything", "invalid_scope"},
		"a scope of others":       {"scope", "account:read", "invalid_scope"},
		"a resource of others":    {"resource", "https://other.example.test", "invalid_target"},
		"a prompt of nobody":      {"prompt", "create", "invalid_request"},
		"none and more":           {"prompt", "none login", "invalid_request"},
		"an age that is none":     {"max_age", "-1", "invalid_request"},
		"a long nonce":            {"nonce", strings.Repeat("n", 600), "invalid_request"},
		"a fingerprint of spaces": {"device_fingerprint", strings.Repeat(" ", 40), "invalid_request"},
	} {
		page := a.Open(b, c.field, c.value)
		if answer, ok := a.Answer(page); !ok || answer.Get("error") != c.code || answer.Get("state") != a.State || answer.Get("iss") != s.Issuer {
			t.Errorf("%s: at %s (%d), want %s", name, page.URL, page.Status, c.code)
		}
	}
	twice := b.Open("/oauth/authorize?" + a.Request().Encode() + "&scope=openid")
	land(t, "a parameter twice", twice, "/oauth/authorize", http.StatusBadRequest)
	land(t, "an unknown client", a.Open(b, "client_id", "nobody"), "/oauth/authorize", http.StatusBadRequest)
	land(t, "no client", a.Open(b, "client_id", ""), "/oauth/authorize", http.StatusBadRequest)
}

func TestRedirectURIsMatchToTheLetter(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 1000})
	registerWebApps(t, s)
	a, b := calendar(t, s), signedIn(t, s, mara)
	for _, wrong := range []string{
		"", "https://calendar.example.test/callback/", "https://calendar.example.test/Callback", "https://calendar.example.test/",
		"https://calendar.example.test/callback?x=1", "https://calendar.example.test/callback#x", "http://calendar.example.test/callback",
		"https://calendar.example.test:8443/callback", "https://calendar.example.test.evil.example.test/callback",
		"https://evil.example.test/callback", "https://calendar.example.test@evil.example.test/callback",
		"https://calendar.example.test/callback/../other", "https://calendar.example.test/callback%00", "//evil.example.test",
		"https://calendar.example.test/other", "javascript:alert(1)", "http://127.0.0.1/callback", "https://calendar.example.test\\callback",
	} {
		land(t, "redirect_uri="+wrong, a.Open(b, "redirect_uri", wrong), "/oauth/authorize", http.StatusBadRequest)
	}
	a.RedirectURI = "https://calendar.example.test/other?tenant=1"
	answer := wantAnswer(t, s, a, a.Open(b).Press("Approve"), "")
	if answer.Get("tenant") != "1" {
		t.Errorf("its own query is lost: %v", answer)
	}
}

func TestThePortOfALoopbackAddressIsFree(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 1000})
	registerWebApps(t, s)
	a, b := notes(t, s), signedIn(t, s, mara)
	for _, right := range []string{
		"http://127.0.0.1/back", "http://127.0.0.1:1/back", "http://127.0.0.1:65535/back", "http://[::1]", "http://[::1]:50000",
		"http://127.0.0.1:50000", "test.example.notes:/back",
	} {
		a.RedirectURI = right
		wantQuestion(t, a.Open(b), "Let Notes sign in as you?", "Goes to a program on this machine")
	}
	for _, wrong := range []string{
		"http://localhost:50000/back", "http://127.0.0.1:50000/other", "http://127.0.0.2:50000/back", "https://127.0.0.1:50000/back",
		"http://[::1]:50000/other", "http://0.0.0.0:50000/back", "http://127.0.0.1.evil.example.test:50000/back",
		"http://127.0.0.1:50000@evil.example.test/back", "http://me@127.0.0.1:50000/back", "http://127.0.0.1:50000/b%61ck", "HTTP://127.0.0.1:50000/back",
		"http://127.0.0.1:50000/back#", "http://127.0.0.1:65536/back", "http://127.0.0.1:+80/back", "http://127.0.0.1:/back", "http://[::1]:50000/back",
		"http://127.0.0.1:50000/back?x=1", "http://127.0.0.1:50000/", "test.example.notes:/other",
	} {
		land(t, "redirect_uri="+wrong, a.Open(b, "redirect_uri", wrong), "/oauth/authorize", http.StatusBadRequest)
	}
	a.RedirectURI = "http://127.0.0.1:50000/back"
	code := a.Code(b)
	expect(t, "another port", a.Redeem(code, "redirect_uri", "http://127.0.0.1:50001/back"), http.StatusBadRequest, "invalid_grant")
	expect(t, "its own", a.Redeem(code), http.StatusOK, "")
}

// A form of another site may lead here (OpenID Connect Core §3.1.2.1), and nothing is decided by it.
func TestAFormOfAnotherSiteMayAsk(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	registerWebApps(t, s)
	a, b := calendar(t, s), signedIn(t, s, mara)
	r := b.Request(http.MethodPost, "/oauth/authorize", a.Request())
	r.Header.Set("Origin", "https://calendar.example.test")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	page := b.Do(r)
	wantQuestion(t, page, "Let Calendar sign in as you?")
	decision := b.Request(http.MethodPost, page.URL.Path, url.Values{"decision": {"approve"}})
	decision.Header.Set("Origin", "https://calendar.example.test")
	decision.Header.Set("Sec-Fetch-Site", "cross-site")
	land(t, "a decision of another site", b.Do(decision), page.URL.Path, http.StatusForbidden)
	wantAnswer(t, s, a, page.Press("Approve"), "")
}
