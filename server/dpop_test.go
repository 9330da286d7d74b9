package server_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
)

// keyless returns the same client, which knows all that this one knows but not its key.
func keyless(a *servertest.App, w *servertest.Wallet) *servertest.App {
	d, other := *a.Terminal, *a
	d.Wallet = w
	other.Terminal = &d
	return &other
}

func boundTo(t testing.TB, tokens servertest.Tokens) string {
	t.Helper()
	var claims oauth.Claims
	if err := json.Unmarshal(segment(t, tokens.AccessToken, 1), &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Confirmation == nil {
		return ""
	}
	return claims.Confirmation.Thumbprint
}

func TestCodeIsGoodForTheKeyThatItsRequestHasNamed(t *testing.T) {
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{LimitScale: 1000}, func(t *testing.T, s *servertest.Server) {
		registerWebApps(t, s)
		mara, a := signedIn(t, s, "mara@example.test"), notes(t, s)
		a.Wallet = s.Wallet(t)
		for what, code := range map[string]func() string{
			"named at the endpoint": func() string { return a.Code(mara, "dpop_jkt", a.Wallet.Thumbprint()) },
			"pushed with a proof":   func() string { return fromPush(t, a, mara) },
			"pushed with both":      func() string { return fromPush(t, a, mara, "dpop_jkt", a.Wallet.Thumbprint()) },
			"named by a push":       func() string { return fromPush(t, keyless(a, nil), mara, "dpop_jkt", a.Wallet.Thumbprint()) },
		} {
			c := code()
			expect(t, what+", without the key", keyless(a, nil).Redeem(c), http.StatusBadRequest, "invalid_grant")
			expect(t, what+", with another key", keyless(a, s.Wallet(t)).Redeem(c), http.StatusBadRequest, "invalid_grant")
			reply := a.Redeem(c) // nothing was spent
			expect(t, what, reply, http.StatusOK, "")
			tokens := reply.Tokens(t)
			if tokens.TokenType != "DPoP" || boundTo(t, tokens) != a.Wallet.Thumbprint() {
				t.Errorf("%s: a token of type %s, bound to %q", what, tokens.TokenType, boundTo(t, tokens))
			}
			expect(t, what+", who it is", a.Call(http.MethodGet, "/oauth/userinfo", tokens.AccessToken), http.StatusOK, "")
			expect(t, what+", as a bearer token", a.CallWith(http.MethodGet, "/oauth/userinfo", "Authorization", "Bearer "+tokens.AccessToken), http.StatusUnauthorized, "invalid_token")
			expect(t, what+", a copied refresh token", keyless(a, nil).Refresh(tokens.RefreshToken), http.StatusBadRequest, "invalid_grant")
			expect(t, what+", its own refresh token", a.Refresh(tokens.RefreshToken), http.StatusOK, "")
		}
		expect(t, "a proof of another key than the one named", a.Push("dpop_jkt", s.Wallet(t).Thumbprint()), http.StatusBadRequest, oauth.CodeInvalidProof)
		expect(t, "a key that is none", a.Push("dpop_jkt", "short"), http.StatusBadRequest, oauth.CodeInvalidRequest)
		if answer, ok := a.Answer(a.Open(mara, "dpop_jkt", "short")); !ok || answer.Get("error") != "invalid_request" {
			t.Errorf("a key that is none, at the endpoint: %v", answer)
		}
	})
}

// fromPush is the code of a request that was pushed.
func fromPush(t *testing.T, a *servertest.App, b *servertest.Browser, fields ...string) string {
	t.Helper()
	reply := a.Push(fields...)
	expect(t, "push", reply, http.StatusCreated, "")
	page := b.Open("/oauth/authorize?client_id=" + a.ClientID + "&request_uri=" + reply.Text("request_uri"))
	if strings.HasPrefix(page.URL.Path, "/authorize/") {
		page = page.Press("Approve")
	}
	answer, _ := a.Answer(page)
	return answer.Get("code")
}

func TestCodeWithoutANamedKeyIsBoundByWhoeverRedeemsIt(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 1000})
	registerWebApps(t, s)
	mara, a := signedIn(t, s, "mara@example.test"), notes(t, s)
	code := a.Code(mara)
	a.Wallet = s.Wallet(t)
	reply := a.Redeem(code)
	expect(t, "redeem", reply, http.StatusOK, "")
	expect(t, "without the key", keyless(a, nil).Refresh(reply.Tokens(t).RefreshToken), http.StatusBadRequest, "invalid_grant")
	expect(t, "with it", a.Refresh(reply.Tokens(t).RefreshToken), http.StatusOK, "")
}

func TestLinkIsGoodForTheKeyThatItsRequestHasNamed(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		p := pictures(t, s)
		p.Wallet = s.Wallet(t)
		link := p.AskForLink("mara@example.test", "")
		half, _ := servertest.MailHalf(t, s.MailOf(t, link).Link)
		for what, w := range map[string]*servertest.Wallet{"without the key": nil, "with another key": s.Wallet(t)} {
			d, thief := *p.Terminal, *p
			d.Wallet = w
			thief.Terminal = &d
			mustLeadBack(t, what, thief.Use(link.DeviceHalf, half))
		}
		tokens := mustSignIn(t, "with its key", p.Use(link.DeviceHalf, half))
		if tokens.TokenType != "DPoP" || boundTo(t, tokens) != p.Wallet.Thumbprint() {
			t.Errorf("a token of type %s, bound to %q", tokens.TokenType, boundTo(t, tokens))
		}
		d := *p.Terminal
		d.Wallet = nil
		expect(t, "a copied refresh token", d.Refresh(tokens.RefreshToken), http.StatusBadRequest, "invalid_grant")
		mustSignIn(t, "its own refresh token", p.Refresh(tokens.RefreshToken))
	})
}

func TestKeyOfALinkIsNamedWhenItIsAskedFor(t *testing.T) {
	withApps(t, func(t *testing.T, s *servertest.Server) {
		p := pictures(t, s)
		link := p.AskForLink("mara@example.test", "")
		half, _ := servertest.MailHalf(t, s.MailOf(t, link).Link)
		p.Wallet = s.Wallet(t)
		mustLeadBack(t, "a key that nobody has named", p.Use(link.DeviceHalf, half))
		p.Wallet = nil
		mustSignIn(t, "without one", p.Use(link.DeviceHalf, half))
		w := s.Wallet(t)
		body := `{"client_id":"pictures","email":"mara@example.test","redirect_uri":"` + universal + `"}`
		reply := p.SendJSON("/v1/magic-links", body, "DPoP", w.Proof("POST", s.Issuer+"/v1/magic-links"))
		expect(t, "by a proof", reply, http.StatusAccepted, "")
		expect(t, "by a proof for something else", p.SendJSON("/v1/magic-links", body, "DPoP", w.Proof("POST", s.Issuer+"/oauth/token")), http.StatusBadRequest, oauth.CodeInvalidProof)
	})
}

// segment decodes one of the three parts of a token.
func segment(t testing.TB, token string, i int) []byte {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no token", token)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[i])
	if err != nil {
		t.Fatal(err)
	}
	return text
}
