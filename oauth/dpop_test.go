package oauth_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// proving returns a terminal of the built-in client that has a key.
func proving(t testing.TB, s *servertest.Server) *servertest.Terminal {
	d := s.Terminal(t)
	d.Wallet = s.Wallet(t)
	return d
}

// with returns the same client, which knows all that this one knows but shows another key, or none.
func with(d *servertest.Terminal, w *servertest.Wallet) *servertest.Terminal {
	other := *d
	other.Wallet = w
	return &other
}

// thumbprintIn is the key that a token is bound to.
func thumbprintIn(t testing.TB, token string) string {
	t.Helper()
	if cnf := claimsOf(t, token).Confirmation; cnf != nil {
		return cnf.Thumbprint
	}
	return ""
}

func TestFirstRequestBindsTheLogin(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		ana, owner := person(t, s, "ana"), proving(t, s)
		naming := fields("client_id", owner.ClientID, "device_fingerprint", owner.Fingerprint, "resource", s.Issuer,
			"scope", owner.Scope, "dpop_jkt", owner.Wallet.Thumbprint())
		for _, ask := range []func() servertest.Reply{
			owner.TryAsk, // by a proof
			func() servertest.Reply { return with(owner, nil).Post("/oauth/device_authorization", naming) }, // by its name
			func() servertest.Reply { return owner.Post("/oauth/device_authorization", naming) },            // by both
		} {
			reply := ask()
			var asked servertest.Asked
			reply.Decode(t, &asked)
			for range store.WrongFingerprints + 1 {
				mustRefuse(t, with(owner, nil).Poll(asked), oauth.CodeInvalidGrant)
				mustRefuse(t, with(owner, s.Wallet(t)).Poll(asked), oauth.CodeInvalidGrant)
			}
			ana.Approve(asked.UserCode)
			mustRefuse(t, with(owner, nil).Poll(asked), oauth.CodeInvalidGrant)
			tokens := mustGive(t, owner.Poll(asked))
			if tokens.TokenType != "DPoP" || thumbprintIn(t, tokens.AccessToken) != owner.Wallet.Thumbprint() {
				t.Errorf("a token of type %s, bound to %q", tokens.TokenType, thumbprintIn(t, tokens.AccessToken))
			}
			if !alive(owner, tokens.AccessToken) {
				t.Error("its owner cannot use it")
			}
		}
		soon(t, "the tries are on record", func() bool { return strings.Contains(s.Events.String(), "device.key_mismatch") })
	})
}

func TestNameAndProofAreOfOneKey(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := proving(t, s)
		form := func(jkt string) servertest.Reply {
			return d.Post("/oauth/device_authorization", fields("client_id", d.ClientID, "device_fingerprint", d.Fingerprint, "dpop_jkt", jkt))
		}
		mustRefuse(t, form(s.Wallet(t).Thumbprint()), oauth.CodeInvalidProof)
		for _, jkt := range []string{"short", d.Wallet.Thumbprint() + "x", d.Wallet.Thumbprint()[1:] + "*", "*"} {
			mustRefuse(t, form(jkt), oauth.CodeInvalidRequest)
		}
	})
}

func TestCopiedRefreshTokenAloneIsWorthNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		ana, owner := person(t, s, "ana"), proving(t, s)
		tokens := owner.LogIn(ana)
		newest := mustGive(t, owner.Refresh(tokens.RefreshToken))
		newest = mustGive(t, owner.Refresh(newest.RefreshToken))
		// A copy of every token that there ever was, in the hands of somebody who knows the fingerprint too.
		for _, copied := range []string{tokens.RefreshToken, newest.RefreshToken} {
			for _, thief := range []*servertest.Terminal{with(owner, nil), with(owner, s.Wallet(t))} {
				mustRefuse(t, thief.Refresh(copied), oauth.CodeInvalidGrant)
			}
		}
		next := mustGive(t, owner.Refresh(newest.RefreshToken)) // its owner has noticed nothing
		if !alive(owner, next.AccessToken) {
			t.Error("a thief's try has ended the session")
		}
		// In the owner's own hands a spent token is what it always was.
		mustRefuse(t, owner.Refresh(tokens.RefreshToken), oauth.CodeInvalidGrant)
		if alive(owner, next.AccessToken) {
			t.Error("the owner's use of a spent token goes unnoticed")
		}
	})
}

func TestLostAnswerOfABoundLoginIsAskedForAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		ana, owner := person(t, s, "ana"), proving(t, s)
		asked := owner.Ask()
		ana.Approve(asked.UserCode)
		first, again := mustGive(t, owner.Poll(asked)), mustGive(t, owner.Poll(asked))
		if first.RefreshToken != again.RefreshToken || first.AccessToken == again.AccessToken {
			t.Error("asking again begins another session")
		}
		mustRefuse(t, with(owner, nil).Poll(asked), oauth.CodeInvalidGrant)
		mustRefuse(t, with(owner, s.Wallet(t)).Poll(asked), oauth.CodeInvalidGrant)
		mustGive(t, owner.Refresh(again.RefreshToken))
		mustRefuse(t, owner.Poll(asked), oauth.CodeInvalidGrant)
		late := owner.Ask()
		ana.Approve(late.UserCode)
		mustGive(t, owner.Poll(late))
		s.Clock.Advance(store.RedeemAgain + time.Second)
		mustRefuse(t, owner.Poll(late), oauth.CodeInvalidGrant)
	})
}

func TestLostAnswerOfABoundRefreshIsAskedForAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		owner := proving(t, s)
		tokens := owner.LogIn(person(t, s, "ana"))
		first, again := mustGive(t, owner.Refresh(tokens.RefreshToken)), mustGive(t, owner.Refresh(tokens.RefreshToken))
		if first.RefreshToken != again.RefreshToken {
			t.Error("a retry gets another successor")
		}
	})
}

// Each of these proofs is refused, for its own reason, and the refresh token beside it is not spent.
func TestProofIsForOneRequestAndOneUse(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		owner := proving(t, s)
		tokens, w, endpoint := owner.LogIn(person(t, s, "ana")), owner.Wallet, s.Issuer+"/oauth/token"
		bare := with(owner, nil)
		show := func(proof string) servertest.Reply {
			return bare.Post("/oauth/token", fields("grant_type", oauth.GrantRefresh, "client_id", owner.ClientID,
				"device_fingerprint", owner.Fingerprint, "refresh_token", tokens.RefreshToken), "DPoP", proof)
		}
		claims := func() map[string]any {
			return map[string]any{"jti": store.RandomText(16), "htm": "POST", "htu": endpoint, "iat": s.Clock.Now().Unix(), "nonce": w.Nonce}
		}
		header := func(name string, value any) map[string]any {
			h := map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": w.Public()}
			h[name] = value
			return h
		}
		private := map[string]string{"d": "AA"}
		for name, value := range w.Public() {
			private[name] = value
		}
		for what, proof := range map[string]string{
			"nothing":                 "",
			"garbage":                 "garbage",
			"too long":                strings.Repeat("a", 9000),
			"another method":          w.Proof("GET", endpoint),
			"a method in small":       w.Proof("post", endpoint),
			"another URL":             w.Proof("POST", s.Issuer+"/oauth/par"),
			"another host":            w.Proof("POST", "https://evil.example.test/oauth/token"),
			"another scheme":          w.Proof("POST", strings.Replace(endpoint, "http:", "https:", 1)),
			"no URL":                  w.Proof("POST", endpoint, "htu", ""),
			"no method":               w.Proof("POST", endpoint, "htm", ""),
			"no id":                   w.Proof("POST", endpoint, "jti", ""),
			"no time":                 w.Proof("POST", endpoint, "iat", ""),
			"a time before there was": w.Proof("POST", endpoint, "iat", -1),
			"another type":            w.Sign(header("typ", "JWT"), claims()),
			"no signature":            w.Sign(header("alg", "none"), claims()),
			"a shared secret":         w.Sign(header("alg", "HS256"), claims()),
			"another algorithm":       w.Sign(header("alg", "ES384"), claims()),
			"no key":                  w.Sign(header("jwk", nil), claims()),
			"a private key":           w.Sign(header("jwk", private), claims()),
			"a key of somebody else":  w.Sign(header("jwk", s.Wallet(t).Public()), claims()),
			"a critical extension":    w.Sign(header("crit", []string{"exp"}), claims()),
			"the example of §4.1":     "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg",
		} {
			reply := show(proof)
			if reply.Status != http.StatusBadRequest || reply.Error() != oauth.CodeInvalidProof {
				t.Errorf("%s: %d %s", what, reply.Status, reply.Body)
			}
		}
		twice := s.Client()
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader("grant_type=refresh_token&client_id=handclasp"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header["Dpop"] = []string{w.Proof("POST", endpoint), w.Proof("POST", endpoint)}
		answer, err := twice.Do(r)
		if err != nil || answer.StatusCode != http.StatusBadRequest {
			t.Errorf("two proofs: %v, %v", answer, err)
		}
		// The same request under the names that RFC 3986 takes for one.
		good := w.Proof("POST", strings.Replace(endpoint, "/oauth", "/./%6Fauth", 1)+"?query#fragment")
		mustGive(t, show(good))
		mustRefuse(t, show(good), oauth.CodeInvalidProof)
	})
}

func TestNonceSaysHowOldAProofIs(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		owner := proving(t, s)
		tokens, w, endpoint := owner.LogIn(person(t, s, "ana")), owner.Wallet, s.Issuer+"/oauth/token"
		form := fields("grant_type", oauth.GrantRefresh, "client_id", owner.ClientID,
			"device_fingerprint", owner.Fingerprint, "refresh_token", tokens.RefreshToken)
		show := func(proof string) servertest.Reply { return with(owner, nil).Post("/oauth/token", form, "DPoP", proof) }
		old := w.Nonce
		parts := strings.Split(old, ".")
		s.Clock.Advance(4 * time.Minute)
		form.Set("refresh_token", mustGive(t, show(w.Proof("POST", endpoint))).RefreshToken)
		s.Clock.Advance(2 * time.Minute)
		for what, nonce := range map[string]string{
			"none": "", "an old one": old, "garbage": "garbage", "an altered one": parts[0] + ".zzzzzz." + parts[2],
			"of another key": "00000000." + parts[1] + "." + parts[2], "a long one": strings.Repeat("a.", 100),
		} {
			reply := show(w.Proof("POST", endpoint, "nonce", nonce))
			mustRefuse(t, reply, oauth.CodeUseNonce)
			if w.Nonce = reply.Header.Get("DPoP-Nonce"); w.Nonce == "" {
				t.Fatalf("%s: no nonce to use instead", what)
			}
		}
		// A clock that is wrong keeps nobody out: the nonce says it.
		mustGive(t, show(w.Proof("POST", endpoint, "iat", s.Clock.Now().Add(-40*time.Hour).Unix())))
	})
}

func TestReplicasShareNoncesAndProofs(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		second := servertest.Start(t, s.Replica())
		owner := proving(t, s)
		tokens := owner.LogIn(person(t, s, "ana"))
		there := second.Terminal(t)
		there.Fingerprint = owner.Fingerprint
		form := fields("grant_type", oauth.GrantRefresh, "client_id", owner.ClientID,
			"device_fingerprint", owner.Fingerprint, "refresh_token", tokens.RefreshToken)
		proof := owner.Wallet.Proof("POST", s.Issuer+"/oauth/token") // with a nonce of the first
		mustGive(t, there.Post("/oauth/token", form, "DPoP", proof))
		mustRefuse(t, with(owner, nil).Post("/oauth/token", form, "DPoP", proof), oauth.CodeInvalidProof)
		mustRefuse(t, there.Refresh(tokens.RefreshToken), oauth.CodeInvalidGrant)
	})
}

// Of twenty requests with one proof, at two replicas, one is served.
func TestProofShownTwentyTimesAtOnceIsGoodOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		second := servertest.Start(t, s.Replica())
		owner := proving(t, s)
		tokens := owner.LogIn(person(t, s, "ana"))
		form := fields("grant_type", oauth.GrantRefresh, "client_id", owner.ClientID,
			"device_fingerprint", owner.Fingerprint, "refresh_token", tokens.RefreshToken)
		proof := owner.Wallet.Proof("POST", s.Issuer+"/oauth/token")
		answers := make(chan string, 20)
		for i := range cap(answers) {
			d := with(owner, nil)
			if i%2 == 1 {
				d = second.Terminal(t)
			}
			go func() { answers <- d.Post("/oauth/token", form, "DPoP", proof).Error() }()
		}
		served := 0
		for range cap(answers) {
			switch code := <-answers; code {
			case "":
				served++
			case oauth.CodeInvalidProof:
			default:
				t.Errorf("refused with %s", code)
			}
		}
		if served != 1 {
			t.Errorf("%d of the requests were served", served)
		}
	})
}

func TestBoundAccessTokenIsShownWithItsKey(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		ana, owner := person(t, s, "ana"), proving(t, s)
		tokens := owner.LogIn(ana)
		token, other := tokens.AccessToken, mustGive(t, owner.Refresh(tokens.RefreshToken)).AccessToken
		w, me := owner.Wallet, s.Issuer+"/v1/me"
		ath := servertest.AccessHash(token)
		call := func(scheme, proof string) servertest.Reply {
			headers := []string{"Authorization", scheme + " " + token}
			if proof != "" {
				headers = append(headers, "DPoP", proof)
			}
			return owner.CallWith(http.MethodGet, "/v1/me", headers...)
		}
		for what, c := range map[string]struct{ scheme, proof, code string }{
			"as a bearer token":      {"Bearer", "", oauth.CodeInvalidToken},
			"as one with a proof":    {"Bearer", w.Proof("GET", me, "ath", ath), oauth.CodeInvalidToken},
			"without a proof":        {"DPoP", "", oauth.CodeInvalidProof},
			"for no token":           {"DPoP", w.Proof("GET", me), oauth.CodeInvalidProof},
			"for another token":      {"DPoP", w.Proof("GET", me, "ath", servertest.AccessHash(other)), oauth.CodeInvalidProof},
			"for another method":     {"DPoP", w.Proof("POST", me, "ath", ath), oauth.CodeInvalidProof},
			"for another address":    {"DPoP", w.Proof("GET", s.Issuer+"/v1/devices", "ath", ath), oauth.CodeInvalidProof},
			"of another key":         {"DPoP", s.Wallet(t).Proof("GET", me, "ath", ath), oauth.CodeInvalidToken},
			"from an hour ago":       {"DPoP", w.Proof("GET", me, "ath", ath, "nonce", "", "iat", s.Clock.Now().Add(-time.Hour).Unix()), oauth.CodeUseNonce},
			"from in an hour":        {"DPoP", w.Proof("GET", me, "ath", ath, "nonce", "", "iat", s.Clock.Now().Add(time.Hour).Unix()), oauth.CodeUseNonce},
			"with somebody's nonce":  {"DPoP", w.Proof("GET", me, "ath", ath, "nonce", "garbage"), oauth.CodeUseNonce},
			"under a foreign scheme": {"Basic", w.Proof("GET", me, "ath", ath), oauth.CodeInvalidToken},
		} {
			reply := call(c.scheme, c.proof)
			challenges := strings.Join(reply.Header.Values("WWW-Authenticate"), "; ")
			if reply.Status != http.StatusUnauthorized || reply.Error() != c.code || !strings.Contains(challenges, "DPoP ") ||
				!strings.Contains(challenges, `algs="ES256 RS256 PS256 EdDSA"`) || !strings.Contains(challenges, `error="`+c.code+`"`) {
				t.Errorf("%s: %d %s, %s", what, reply.Status, reply.Body, challenges)
			}
		}
		good := w.Proof("GET", me, "ath", ath, "nonce", "")
		if reply := call("dpop", good); reply.Status != http.StatusOK {
			t.Fatalf("a good proof: %d %s", reply.Status, reply.Body)
		}
		mustAnswer(t, call("DPoP", good), http.StatusUnauthorized, oauth.CodeInvalidProof)
		free := mustGive(t, owner.Post("/oauth/token", fields("grant_type", oauth.GrantRefresh, "client_id", owner.ClientID,
			"device_fingerprint", owner.Fingerprint, "refresh_token", owner.LogIn(ana).RefreshToken, "access_token_type", "Bearer"))).AccessToken
		mustAnswer(t, owner.Call(http.MethodGet, "/v1/me", free), http.StatusUnauthorized, oauth.CodeInvalidToken)
		if !alive(with(owner, nil), free) {
			t.Error("a bearer token is not good as one")
		}
	})
}

func TestBoundSessionGivesBearerTokensOnRequest(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		ana := person(t, s, "ana")
		d := twoAPIs(t, s)
		r, err := s.Records.Resource(t.Context(), filesAPI)
		if err != nil {
			t.Fatal(err)
		}
		r.DPoP = true
		if err := s.Records.UpdateResource(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		d.Wallet = s.Wallet(t)
		tokens := d.LogIn(ana)
		want := func(kind, resource, got string) {
			t.Helper()
			reply := d.Post("/oauth/token", fields("grant_type", oauth.GrantRefresh, "client_id", "tool",
				"refresh_token", tokens.RefreshToken, "resource", resource, "access_token_type", kind))
			tokens = mustGive(t, reply)
			if tokens.TokenType != got || (thumbprintIn(t, tokens.AccessToken) != "") != (got == "DPoP") {
				t.Errorf("%s for %s: a token of type %s, bound to %q", kind, resource, tokens.TokenType, thumbprintIn(t, tokens.AccessToken))
			}
		}
		want("Bearer", deployAPI, "Bearer")
		want("", deployAPI, "DPoP")
		want("DPoP", deployAPI, "DPoP")
		want("Bearer", filesAPI, "DPoP") // the resource takes no others
		mustRefuse(t, d.Post("/oauth/token", fields("grant_type", oauth.GrantRefresh, "client_id", "tool",
			"refresh_token", tokens.RefreshToken, "access_token_type", "bearer")), oauth.CodeInvalidRequest)
		mustRefuse(t, with(d, nil).Post("/oauth/token", fields("grant_type", oauth.GrantRefresh, "client_id", "tool",
			"refresh_token", tokens.RefreshToken, "access_token_type", "DPoP")), oauth.CodeInvalidProof)
		mustRefuse(t, with(d, nil).Refresh(tokens.RefreshToken), oauth.CodeInvalidGrant) // bound all the same
	})
}

func TestConfidentialClientMayChangeItsKey(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		register(t, s, "web", confidential("correct-horse-battery-staple"))
		d := foreign(t, s, "web")
		d.Secret, d.Wallet = "correct-horse-battery-staple", s.Wallet(t)
		tokens := d.LogIn(person(t, s, "ana"))
		d.Wallet = s.Wallet(t)
		tokens = mustGive(t, d.Refresh(tokens.RefreshToken))
		if thumbprintIn(t, tokens.AccessToken) != d.Wallet.Thumbprint() {
			t.Error("the token is not bound to the key that was shown")
		}
		tokens = mustGive(t, with(d, nil).Refresh(tokens.RefreshToken))
		if tokens.TokenType != "Bearer" || thumbprintIn(t, tokens.AccessToken) != "" {
			t.Errorf("without a proof a token of type %s", tokens.TokenType)
		}
	})
}

func TestResourceServersLearnOfTheKey(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		register(t, s, "api", func(c *store.Client) {
			confidential("correct-horse-battery-staple")(c)
			c.Audiences, c.Grants = []string{s.Issuer}, []string{oauth.GrantClient}
		})
		api, owner := foreign(t, s, "api"), proving(t, s)
		api.Secret = "correct-horse-battery-staple"
		told := mustKnow(t, api, owner.LogIn(person(t, s, "ana")).AccessToken)
		cnf, _ := told["cnf"].(map[string]any)
		if told["token_type"] != "DPoP" || cnf["jkt"] != owner.Wallet.Thumbprint() {
			t.Errorf("of a bound token: %v", told)
		}
		api.Wallet = s.Wallet(t)
		own := mustGive(t, api.Post("/oauth/token", fields("grant_type", oauth.GrantClient)))
		if own.TokenType != "DPoP" || thumbprintIn(t, own.AccessToken) != api.Wallet.Thumbprint() {
			t.Errorf("a service that shows a key gets a token of type %s", own.TokenType)
		}
	})
}
