package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
)

// keysOfClients are shown at every endpoint that knows of them, well and badly.
func keysOfClients(t *testing.T, s *servertest.Server, mara *servertest.Browser) {
	d := s.Terminal(t)
	d.Wallet = s.Wallet(t)
	tokens := d.LogIn(mara)
	expect(t, "a bound refresh", d.Refresh(tokens.RefreshToken), http.StatusOK, "")
	expect(t, "a bound token", d.Call(http.MethodGet, "/v1/me", tokens.AccessToken), http.StatusOK, "")
	bare := *d
	bare.Wallet = nil
	expect(t, "a copied token", bare.Refresh(tokens.RefreshToken), http.StatusBadRequest, "invalid_grant")
	for _, path := range []string{"/oauth/token", "/oauth/device_authorization", "/oauth/par"} {
		form := apiForm("client_id", d.ClientID, "grant_type", oauth.GrantDevice)
		elsewhere := d.Wallet.Proof(http.MethodPost, s.Issuer+"/elsewhere")
		old := d.Wallet.Proof(http.MethodPost, s.Issuer+path, "nonce", "", "iat", s.Clock.Now().Add(-time.Hour).Unix())
		expect(t, path+", a proof for elsewhere", bare.Post(path, form, "DPoP", elsewhere), http.StatusBadRequest, "invalid_dpop_proof")
		mustOfferNonce(t, path+", an old proof", bare.Post(path, form, "DPoP", old), http.StatusBadRequest)
	}
	shownToResources(t, s, d.Wallet, tokens.AccessToken)
}

// shownToResources goes through every operation that takes an access token.
func shownToResources(t *testing.T, s *servertest.Server, w *servertest.Wallet, token string) {
	d := s.Terminal(t)
	for template, item := range description(t).Paths.Map() {
		path := strings.NewReplacer("{id}", nobodysSession).Replace(template)
		for method, operation := range item.Operations() {
			if operation.Security == nil || len(*operation.Security) == 0 || (*operation.Security)[0]["accessToken"] == nil {
				continue
			}
			authorization, ath := "DPoP "+token, servertest.AccessHash(token)
			expect(t, path+" without a proof", d.CallWith(method, path, "Authorization", authorization), http.StatusUnauthorized, "invalid_dpop_proof")
			old := w.Proof(method, s.Issuer+path, "ath", ath, "nonce", "", "iat", s.Clock.Now().Add(-time.Hour).Unix())
			mustOfferNonce(t, path+" with an old proof", d.CallWith(method, path, "Authorization", authorization, "DPoP", old), http.StatusUnauthorized)
		}
	}
}

func mustOfferNonce(t *testing.T, what string, reply servertest.Reply, status int) {
	t.Helper()
	expect(t, what, reply, status, "use_dpop_nonce")
	if reply.Header.Get("DPoP-Nonce") == "" {
		t.Errorf("%s: there is no nonce to use", what)
	}
}

// keysOfApps are named when a link is asked for.
func keysOfApps(t *testing.T, s *servertest.Server, _ *servertest.Browser) {
	p, w, path := pictures(t, s), s.Wallet(t), "/v1/magic-links"
	body := `{"client_id":"` + p.ClientID + `","email":"mara@example.test","redirect_uri":"` + p.RedirectURI + `"}`
	elsewhere := w.Proof(http.MethodPost, s.Issuer+"/elsewhere")
	old := w.Proof(http.MethodPost, s.Issuer+path, "iat", s.Clock.Now().Add(-time.Hour).Unix())
	expect(t, "a proof for elsewhere", p.SendJSON(path, body, "DPoP", elsewhere), http.StatusBadRequest, "invalid_dpop_proof")
	mustOfferNonce(t, "an old proof", p.SendJSON(path, body, "DPoP", old), http.StatusBadRequest)
}
