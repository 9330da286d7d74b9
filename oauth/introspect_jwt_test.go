package oauth_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

const signedType = "application/token-introspection+jwt"

// signedAnswer asks for a signed answer and reads it as anybody with the published keys can.
func signedAnswer(t testing.TB, s *servertest.Server, d *servertest.Terminal, token string) (string, map[string]any) {
	t.Helper()
	reply := introspect(d, token, "Accept", signedType)
	if reply.Status != http.StatusOK || reply.Header.Get("Content-Type") != signedType || reply.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the answer is %d %v %s", reply.Status, reply.Header, reply.Body)
	}
	parsed, err := jwt.ParseSigned(string(reply.Body), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	if typ := parsed.Headers[0].ExtraHeaders[jose.HeaderType]; typ != "token-introspection+jwt" {
		t.Errorf("typ is %v", typ)
	}
	var claims map[string]any
	if err := parsed.Claims(published(t, s).Key(parsed.Headers[0].KeyID)[0], &claims); err != nil {
		t.Fatal(err)
	}
	return string(reply.Body), claims
}

func TestAnswerIsSignedForWhoeverAsksForIt(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		x := openShop(t, s)
		_, claims := signedAnswer(t, s, x.api, x.tokens.AccessToken)
		if names := slices.Sorted(maps.Keys(claims)); !slices.Equal(names, []string{"aud", "iat", "iss", "token_introspection"}) {
			t.Errorf("the claims are %v", names)
		}
		if claims["iss"] != s.Issuer || claims["aud"] != "api" {
			t.Errorf("the claims are %v", claims)
		}
		told, _ := claims["token_introspection"].(map[string]any)
		mustTell(t, told, mustKnow(t, x.api, x.tokens.AccessToken))

		_, claims = signedAnswer(t, s, x.api, "x")
		if told, _ := json.Marshal(claims["token_introspection"]); string(told) != inactive {
			t.Errorf("of a token that is none the answer says %s", told)
		}
		for accept, want := range map[string]string{
			"application/json": "application/json", "*/*": "application/json", signedType + ";q=0": "application/json",
			"text/html, " + signedType + ";q=0.9": signedType, strings.ToUpper(signedType): signedType,
		} {
			if got := introspect(x.api, "x", "Accept", accept).Header.Get("Content-Type"); got != want {
				t.Errorf("Accept %s is answered with %s", accept, got)
			}
		}
		wrong := *x.api
		wrong.Secret = "wrong"
		mustAnswer(t, introspect(&wrong, "x", "Accept", signedType), http.StatusUnauthorized, oauth.CodeInvalidClient)
	})
}

func TestSignedAnswerIsNoToken(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := service(t, s, "robot", func(c *store.Client) { c.Audiences = []string{s.Issuer} })
		text, _ := signedAnswer(t, s, d, mustGive(t, asService(d)).AccessToken)
		mustAnswer(t, d.Call(http.MethodGet, "/v1/me", text), http.StatusUnauthorized, oauth.CodeInvalidToken)
		mustNotKnow(t, d, text)
	})
}
