package server_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// service makes a client known that acts for itself, and returns it as it calls.
func service(t *testing.T, s *servertest.Server, id string, audiences ...string) *servertest.Terminal {
	t.Helper()
	if err := s.Records.CreateClient(t.Context(), store.Client{
		ID: id, Name: id, SecretHashes: []string{oauth.HashSecret(secret)}, Grants: []string{oauth.GrantClient},
		Scopes: []store.Scope{{Name: "deploy:write", Words: "Deploy to production"}}, Audiences: audiences,
	}); err != nil {
		t.Fatal(err)
	}
	d := terminal(t, s, id)
	d.Secret = secret
	return d
}

func clientCredentials(pairs ...string) url.Values {
	return apiForm(append([]string{"grant_type", oauth.GrantClient}, pairs...)...)
}

// withAssertion gives a service a new key in place of its secret, and puts a proof by it into a form.
func withAssertion(t *testing.T, s *servertest.Server, d *servertest.Terminal, form url.Values) url.Values {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Records.Client(t.Context(), d.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: public}}})
	if err != nil {
		t.Fatal(err)
	}
	d.Secret, c.SecretHashes, c.JWKS = "", nil, string(set)
	if err := s.Records.UpdateClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(6 * time.Second) // so long a client is remembered
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", forged(t, jose.EdDSA, private, nil, map[string]any{
		"iss": c.ID, "sub": c.ID, "aud": s.Issuer, "jti": store.RandomText(16), "exp": s.Clock.Now().Add(time.Minute).Unix(),
	}))
	return form
}

// services are clients without a person: they get tokens of their own, and ask about the tokens that they are shown.
func services(t *testing.T, s *servertest.Server, mara *servertest.Browser) {
	robot := service(t, s, "robot", "https://api.example.test", s.Issuer)
	reply := robot.Post("/oauth/token", clientCredentials("scope", "deploy:write"))
	expect(t, "a service", reply, http.StatusOK, "")
	token := reply.Tokens(t).AccessToken
	expect(t, "a person's scope", robot.Post("/oauth/token", clientCredentials("scope", "openid")), http.StatusBadRequest, "invalid_scope")
	expect(t, "a foreign resource", robot.Post("/oauth/token", clientCredentials("resource", "https://other.example.test")), http.StatusBadRequest, "invalid_target")
	public := terminal(t, s, "deploy-tool")
	expect(t, "a public client", public.Post("/oauth/token", clientCredentials("client_id", "deploy-tool")), http.StatusBadRequest, "unauthorized_client")

	ask := func(d *servertest.Terminal, token string) servertest.Reply {
		return d.Post("/oauth/introspect", apiForm("token", token))
	}
	expect(t, "its own token", ask(robot, token), http.StatusOK, "")
	expect(t, "garbage", ask(robot, "garbage"), http.StatusOK, "")
	signed := robot.Post("/oauth/introspect", apiForm("token", token), "Accept", "application/token-introspection+jwt")
	expect(t, "a signed answer", signed, http.StatusOK, "")
	expect(t, "no token", ask(robot, ""), http.StatusBadRequest, "invalid_request")
	expect(t, "nobody", public.Post("/oauth/introspect", apiForm("token", token, "client_id", "nobody")), http.StatusBadRequest, "invalid_client")
	liar := *robot
	liar.Secret = "wrong"
	expect(t, "a wrong secret", ask(&liar, token), http.StatusUnauthorized, "invalid_client")

	keyed := service(t, s, "keyed", "https://api.example.test")
	expect(t, "a token by a key", keyed.Post("/oauth/token", withAssertion(t, s, keyed, clientCredentials())), http.StatusOK, "")
	expect(t, "introspect by a key", keyed.Post("/oauth/introspect", withAssertion(t, s, keyed, apiForm("token", token))), http.StatusOK, "")
	expect(t, "revoke by a key", keyed.Post("/oauth/revoke", withAssertion(t, s, keyed, apiForm("token", "garbage"))), http.StatusOK, "")

	tool := terminal(t, s, "confidential")
	tool.Secret, tool.Scope = secret, "openid"
	tokens := tool.LogIn(mara)
	expect(t, "a person's token", ask(robot, tokens.AccessToken), http.StatusOK, "")
	expect(t, "a refresh token", ask(tool, tokens.RefreshToken), http.StatusOK, "")
	expect(t, "revoke", robot.Revoke(token), http.StatusOK, "")
}

// outageOfServices is their part in an outage of the tickets.
func outageOfServices(t *testing.T, s *servertest.Server, tokens servertest.Tokens) {
	robot := service(t, s, "robot", s.Issuer)
	own := robot.Post("/oauth/token", clientCredentials())
	expect(t, "a token without tickets", own, http.StatusOK, "")
	for _, token := range []string{tokens.AccessToken, own.Tokens(t).AccessToken} {
		expect(t, "introspect", robot.Post("/oauth/introspect", apiForm("token", token)), http.StatusServiceUnavailable, "temporarily_unavailable")
	}
	expect(t, "revoke a service's token", robot.Revoke(own.Tokens(t).AccessToken), http.StatusServiceUnavailable, "temporarily_unavailable")
}
