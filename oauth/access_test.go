package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// part is one of the three parts of a token, decoded.
func part(t testing.TB, token string, i int) []byte {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts", len(parts))
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[i])
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAccessTokenSaysWhatTheDesignSays(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		mara, d := person(t, s, "mara"), s.Terminal(t)
		asked := d.Ask()
		mara.Approve(asked.UserCode)
		tokens := mustGive(t, d.Poll(asked))
		if tokens.TokenType != "Bearer" || tokens.ExpiresIn != 900 || tokens.Scope != d.Scope {
			t.Errorf("the answer is %+v", tokens)
		}

		var header map[string]string
		if err := json.Unmarshal(part(t, tokens.AccessToken, 0), &header); err != nil {
			t.Fatal(err)
		}
		if want := map[string]string{"alg": "RS256", "typ": "at+jwt", "kid": s.Keys.Current().KID}; !maps.Equal(header, want) {
			t.Errorf("the header is %v, want %v", header, want)
		}

		var claims map[string]any
		if err := json.Unmarshal(part(t, tokens.AccessToken, 1), &claims); err != nil {
			t.Fatal(err)
		}
		names := slices.Sorted(maps.Keys(claims))
		if want := strings.Fields("amr aud auth_time client_id device exp iat iss jti scope sid status sub"); !slices.Equal(names, want) {
			t.Errorf("the claims are %v, want %v", names, want)
		}
		row := sessionOf(t, s, asked)
		for name, want := range map[string]any{
			"iss": s.Issuer, "sub": row.UserID, "aud": s.Issuer, "client_id": "handclasp", "sid": row.ID,
			"scope": d.Scope, "device": row.DeviceID, "auth_time": float64(row.AuthTime.Unix()),
		} {
			if claims[name] != want {
				t.Errorf("%s is %v, want %v", name, claims[name], want)
			}
		}
		if amr, _ := claims["amr"].([]any); len(amr) != 1 || amr[0] != "mail" {
			t.Errorf("amr is %v", claims["amr"])
		}
		if life := claims["exp"].(float64) - claims["iat"].(float64); life != 900 {
			t.Errorf("the token lives for %v seconds", life)
		}
		if strings.Contains(string(part(t, tokens.AccessToken, 1)), "@") {
			t.Error("a mail address stands in the token")
		}
		if next := mustGive(t, d.Refresh(tokens.RefreshToken)); claimsOf(t, next.AccessToken).ID == claims["jti"] {
			t.Error("two tokens have one jti")
		}
	})
}

func TestAccessTokenVerifiesWithThePublishedKeys(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		tokens := d.LogIn(person(t, s, "mara"))
		parsed, err := jwt.ParseSigned(tokens.AccessToken, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			t.Fatal(err)
		}
		var claims jwt.Claims
		if err := parsed.Claims(published(t, s).Key(parsed.Headers[0].KeyID)[0], &claims); err != nil {
			t.Fatal(err)
		}
		if err := claims.Validate(jwt.Expected{Issuer: s.Issuer, AnyAudience: jwt.Audience{s.Issuer}, Time: s.Clock.Now()}); err != nil {
			t.Error(err)
		}
	})
}

// published reads the JWKS as anybody can.
func published(t testing.TB, s *servertest.Server) *jose.JSONWebKeySet {
	t.Helper()
	var set jose.JSONWebKeySet
	s.Terminal(t).Call(http.MethodGet, "/oauth/jwks", "").Decode(t, &set)
	for _, key := range set.Keys {
		if !key.Valid() || !key.IsPublic() || key.Use != "sig" || key.Algorithm != "RS256" {
			t.Errorf("published: %+v", key)
		}
	}
	return &set
}

func TestKeyThatIsReplacedStillVerifies(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		tokens := d.LogIn(person(t, s, "mara"))
		if err := s.Keys.Rotate(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if !alive(d, tokens.AccessToken) {
			t.Error("a rotation of the keys ends access tokens")
		}
		next := mustGive(t, d.Refresh(tokens.RefreshToken)) // made under the root before
		if kidOf(t, next.AccessToken) == kidOf(t, tokens.AccessToken) {
			t.Error("the old key still signs")
		}
		if !alive(d, next.AccessToken) {
			t.Error("the new key does not verify")
		}
		if set := published(t, s); len(set.Key(kidOf(t, tokens.AccessToken))) != 1 || len(set.Key(kidOf(t, next.AccessToken))) != 1 {
			t.Error("a key is not published")
		}
	})
}

func kidOf(t testing.TB, token string) string {
	t.Helper()
	var header struct {
		KeyID string `json:"kid"`
	}
	if err := json.Unmarshal(part(t, token, 0), &header); err != nil {
		t.Fatal(err)
	}
	return header.KeyID
}

func TestDeviceWithoutFingerprintHasAnEntryOfItsOwn(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		register(t, s, "tool", nil)
		mara := person(t, s, "mara")
		first, second := foreign(t, s, "tool").LogIn(mara), foreign(t, s, "tool").LogIn(mara)
		one, two := claimsOf(t, first.AccessToken), claimsOf(t, second.AccessToken)
		if one.Device == two.Device || !store.ValidID(store.DevicePrefix, one.Device) {
			t.Errorf("the devices are %q and %q", one.Device, two.Device)
		}
		live, err := s.Records.LiveSessions(t.Context(), one.Subject)
		if err != nil || len(live) != 3 { // and the browser
			t.Errorf("live are %+v, %v", live, err)
		}
	})
}
