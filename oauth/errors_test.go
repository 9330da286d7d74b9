package oauth_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

func TestAnswerToADeviceAuthorizationRequest(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		reply := d.TryAsk()
		var a servertest.Asked
		reply.Decode(t, &a)
		shown, ok := oauth.ReadUserCode(a.UserCode)
		switch {
		case reply.Status != http.StatusOK, reply.Header.Get("Content-Type") != "application/json", reply.Header.Get("Cache-Control") != "no-store":
			t.Errorf("answered with %d and %v", reply.Status, reply.Header)
		case a.ExpiresIn != 600, a.Interval != 5, a.VerificationURI != s.Issuer+"/device":
			t.Errorf("the answer is %s", reply.Body)
		case a.VerificationURIComplete != a.VerificationURI+"?user_code="+a.UserCode:
			t.Errorf("the whole link is %s", a.VerificationURIComplete)
		case !ok, oauth.ShowUserCode(shown) != a.UserCode:
			t.Errorf("the user code is %q", a.UserCode)
		case strings.Contains(string(reply.Body), "Header"):
			t.Errorf("the answer holds more than RFC 8628 says: %s", reply.Body)
		}
	})
}

func TestPollsHearWhereTheRequestStands(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		mara := person(t, s, "mara")
		t.Run("pending at the first poll", func(t *testing.T) {
			d := s.Terminal(t)
			mustRefuse(t, d.Poll(d.Ask()), oauth.CodeAuthorizationPending)
		})
		t.Run("denied by the person", func(t *testing.T) {
			d := s.Terminal(t)
			asked := d.Ask()
			mara.Deny(asked.UserCode)
			for range 2 { // it stays so
				reply := d.Poll(asked)
				mustRefuse(t, reply, oauth.CodeAccessDenied)
				if reply.Text("reason") != store.ReasonUser {
					t.Errorf("the reason is %s", reply.Body)
				}
			}
		})
		t.Run("used", func(t *testing.T) {
			d := s.Terminal(t)
			asked := d.Ask()
			mara.Approve(asked.UserCode)
			tokens := mustGive(t, d.Poll(asked))
			mustRefuse(t, d.Poll(asked), oauth.CodeInvalidGrant)
			if !alive(d, tokens.AccessToken) {
				t.Error("polling again has ended the session")
			}
		})
		t.Run("unknown", func(t *testing.T) {
			d := s.Terminal(t)
			asked := d.Ask()
			known := asked.DeviceCode
			for _, code := range []string{
				known + "x", "hcd_" + store.NewID(store.SessionPrefix) + known[len(known)-33:],
				known[:len(known)-32] + strings.Repeat("A", 32), "nonsense", "hcd_{}*.x",
			} {
				asked.DeviceCode = code
				mustRefuse(t, d.Poll(asked), oauth.CodeInvalidGrant)
			}
			asked.DeviceCode = known
			mustRefuse(t, d.Poll(asked), oauth.CodeAuthorizationPending)
		})
		t.Run("of another client", func(t *testing.T) {
			register(t, s, "other-tool", nil)
			d := s.Terminal(t)
			asked := d.Ask()
			mara.Approve(asked.UserCode)
			d.ClientID = "other-tool"
			mustRefuse(t, d.Poll(asked), oauth.CodeInvalidGrant)
			d.ClientID = "handclasp"
			mustGive(t, d.Poll(asked)) // which has not spent it
		})
	})
}

func TestPollTooFastIsSlowedForGood(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		s.Clock.Hold()
		d := s.Terminal(t)
		asked := d.Ask()
		poll := func(after time.Duration, want string) {
			t.Helper()
			s.Clock.Advance(after)
			mustRefuse(t, d.Poll(asked), want)
		}
		poll(0, oauth.CodeAuthorizationPending)
		poll(0, oauth.CodeAuthorizationPending)              // the repeat that libraries make
		poll(2*time.Second, oauth.CodeSlowDown)              // 5 s were asked for: 10 s now
		poll(4*time.Second, oauth.CodeSlowDown)              // 6 s after the last accepted one: 15 s now
		poll(10*time.Second, oauth.CodeAuthorizationPending) // 16 s after it: a client that waits is served
		poll(14*time.Second, oauth.CodeSlowDown)             // 20 s now
		poll(7*time.Second, oauth.CodeAuthorizationPending)  // 21 s after it
		person(t, s, "mara").Approve(asked.UserCode)
		mustGive(t, d.Poll(asked)) // a decision is never too early
	})
}

func TestSlowDownEndsAtAMinute(t *testing.T) {
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{LimitScale: 1000, CodeLife: time.Hour}, func(t *testing.T, s *servertest.Server) {
		s.Clock.Hold()
		d := s.Terminal(t)
		asked := d.Ask()
		mustRefuse(t, d.Poll(asked), oauth.CodeAuthorizationPending)
		for range 20 {
			s.Clock.Advance(2 * time.Second)
			mustRefuse(t, d.Poll(asked), oauth.CodeSlowDown)
		}
		s.Clock.Advance(time.Minute - 39*time.Second) // a minute and a second; see Hold
		mustRefuse(t, d.Poll(asked), oauth.CodeAuthorizationPending)
	})
}

func TestExpiredCodeSaysSo(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		mara := person(t, s, "mara")
		waiting, approved := s.Terminal(t), s.Terminal(t)
		first, second := waiting.Ask(), approved.Ask()
		mara.Approve(second.UserCode)
		s.Clock.Advance(10*time.Minute + time.Second)
		mustRefuse(t, waiting.Poll(first), oauth.CodeExpiredToken)
		mustRefuse(t, approved.Poll(second), oauth.CodeExpiredToken) // approved and never fetched
		if page := mara.EnterCode(first.UserCode); page.Status != http.StatusBadRequest {
			t.Errorf("an expired code opens a page: %d %s", page.Status, page.Text())
		}
		mustRefuse(t, waiting.Poll(first), oauth.CodeExpiredToken)
		s.Clock.Advance(9 * time.Minute)
		mustRefuse(t, waiting.Poll(first), oauth.CodeExpiredToken) // a late poll
		s.Clock.Advance(2 * time.Minute)
		mustRefuse(t, waiting.Poll(first), oauth.CodeInvalidGrant) // after its afterlife it never was
	})
}

func TestClientsAreToldWhatTheyMayNot(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		register(t, s, "backend", confidential("a-generated-secret"))
		register(t, s, "no-device", func(c *store.Client) { c.Grants = []string{oauth.GrantRefresh} })
		register(t, s, "gone", func(c *store.Client) { c.DisabledAt = s.Clock.Now() })
		d := s.Terminal(t)
		ask, token := "/oauth/device_authorization", "/oauth/token"
		finger := strings.Repeat("f", 32)
		for name, c := range map[string]struct {
			path string
			form []string
			want string
		}{
			"no client":                    {ask, nil, oauth.CodeInvalidClient},
			"unknown client":               {ask, []string{"client_id", "nobody"}, oauth.CodeInvalidClient},
			"client id that cannot be":     {ask, []string{"client_id", "usr_{}*"}, oauth.CodeInvalidClient},
			"disabled client":              {ask, []string{"client_id", "gone"}, oauth.CodeInvalidClient},
			"secret missing":               {ask, []string{"client_id", "backend"}, oauth.CodeInvalidClient},
			"secret wrong":                 {ask, []string{"client_id", "backend", "client_secret", "x"}, oauth.CodeInvalidClient},
			"public client with a secret":  {ask, []string{"client_id", "handclasp", "client_secret", "x"}, oauth.CodeInvalidClient},
			"client assertion":             {ask, []string{"client_id", "handclasp", "client_assertion", "x"}, oauth.CodeInvalidClient},
			"may not ask":                  {ask, []string{"client_id", "no-device"}, oauth.CodeUnauthorizedClient},
			"may not poll":                 {token, []string{"client_id", "no-device", "grant_type", oauth.GrantDevice, "device_code", "x"}, oauth.CodeUnauthorizedClient},
			"no grant type":                {token, []string{"client_id", "handclasp"}, oauth.CodeInvalidRequest},
			"unknown grant type":           {token, []string{"client_id", "handclasp", "grant_type", "password"}, oauth.CodeUnsupportedGrantType},
			"two grant types in one":       {token, []string{"client_id", "handclasp", "grant_type", oauth.GrantDevice + " " + oauth.GrantRefresh}, oauth.CodeUnsupportedGrantType},
			"no device code":               {token, []string{"client_id", "handclasp", "grant_type", oauth.GrantDevice}, oauth.CodeInvalidRequest},
			"no refresh token":             {token, []string{"client_id", "handclasp", "grant_type", oauth.GrantRefresh}, oauth.CodeInvalidRequest},
			"unknown scope":                {ask, []string{"client_id", "handclasp", "device_fingerprint", finger, "scope", "account:read admin"}, oauth.CodeInvalidScope},
			"another client's scope":       {ask, []string{"client_id", "handclasp", "device_fingerprint", finger, "scope", "deploy:write"}, oauth.CodeInvalidScope},
			"unknown resource":             {ask, []string{"client_id", "handclasp", "device_fingerprint", finger, "resource", "https://x.test"}, oauth.CodeInvalidTarget},
			"fingerprint missing":          {ask, []string{"client_id", "handclasp"}, oauth.CodeInvalidRequest},
			"fingerprint short":            {ask, []string{"client_id", "handclasp", "device_fingerprint", finger[1:]}, oauth.CodeInvalidRequest},
			"fingerprint odd":              {ask, []string{"client_id", "handclasp", "device_fingerprint", finger + "*{}"}, oauth.CodeInvalidRequest},
			"fingerprint odd at a poll":    {token, []string{"client_id", "handclasp", "grant_type", oauth.GrantDevice, "device_code", d.Ask().DeviceCode, "device_fingerprint", "*"}, oauth.CodeInvalidRequest},
			"no token to revoke":           {"/oauth/revoke", []string{"client_id", "handclasp"}, oauth.CodeInvalidRequest},
			"nobody who revokes":           {"/oauth/revoke", []string{"token", "x"}, oauth.CodeInvalidClient},
			"secret missing at revocation": {"/oauth/revoke", []string{"client_id", "backend", "token", "x"}, oauth.CodeInvalidClient},
		} {
			t.Run(name, func(t *testing.T) {
				mustRefuse(t, d.Post(c.path, fields(c.form...)), c.want)
			})
		}
		t.Run("two resources", func(t *testing.T) {
			form := fields("client_id", "handclasp", "device_fingerprint", finger)
			form["resource"] = []string{s.Issuer, s.Issuer}
			mustRefuse(t, d.Post(ask, form), oauth.CodeInvalidTarget)
		})
	})
}

func TestBasicAuthentication(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		register(t, s, "backend", confidential("a:generated/secret+"))
		register(t, s, "tool", nil)
		mara := person(t, s, "mara")

		backend := foreign(t, s, "backend")
		backend.Secret = "a:generated/secret+"
		tokens := backend.LogIn(mara)
		mustGive(t, backend.Refresh(tokens.RefreshToken))

		wrong := foreign(t, s, "backend")
		wrong.Secret = "wrong"
		for _, path := range []string{"/oauth/device_authorization", "/oauth/token", "/oauth/revoke"} {
			reply := wrong.Post(path, fields("grant_type", oauth.GrantRefresh, "refresh_token", "x", "token", "x"))
			mustAnswer(t, reply, http.StatusUnauthorized, oauth.CodeInvalidClient)
			if got := reply.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Basic ") {
				t.Errorf("%s challenges with %q", path, got)
			}
		}
		basic := func(id, secret string) *http.Request {
			r, err := http.NewRequest(http.MethodPost, "/", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.SetBasicAuth(id, secret)
			return r
		}
		address := "https://tool.example.test/app"
		register(t, s, address, confidential("secret"))
		named := foreign(t, s, address)
		named.Secret = "secret"
		named.LogIn(mara) // an id that looks otherwise in the header than in the body

		d := s.Terminal(t)
		for name, c := range map[string]struct {
			id, secret string
			form       []string
			status     int
			code       string
		}{
			"public client, empty secret":    {"tool", "", nil, 200, ""},
			"the same id in the body":        {"tool", "", []string{"client_id", "tool"}, 200, ""},
			"another id in the body":         {"tool", "", []string{"client_id", "backend"}, 400, oauth.CodeInvalidRequest},
			"a secret in the body too":       {"backend", "a%3Agenerated%2Fsecret%2B", []string{"client_secret", "x"}, 400, oauth.CodeInvalidRequest},
			"public client, any secret":      {"tool", "x", nil, 401, oauth.CodeInvalidClient},
			"confidential, empty secret":     {"backend", "", nil, 401, oauth.CodeInvalidClient},
			"unknown":                        {"nobody", "", nil, 401, oauth.CodeInvalidClient},
			"no id":                          {"", "x", nil, 401, oauth.CodeInvalidClient},
			"an escape that cannot be read":  {"%zz", "x", nil, 400, oauth.CodeInvalidRequest},
			"an id with braces and new line": {"%7B%7D%0D%0A", "x", nil, 401, oauth.CodeInvalidClient},
		} {
			t.Run(name, func(t *testing.T) {
				reply := d.Post("/oauth/device_authorization", fields(c.form...), "Authorization", basic(c.id, c.secret).Header.Get("Authorization"))
				if c.status != http.StatusOK {
					mustAnswer(t, reply, c.status, c.code)
				} else if reply.Status != http.StatusOK {
					t.Errorf("refused: %d %s", reply.Status, reply.Body)
				}
			})
		}
	})
}

func TestThreeWrongFingerprintsKillTheCode(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		mara := person(t, s, "mara")
		for name, wrong := range map[string]int{"twice": 2, "three times": 3} {
			t.Run(name, func(t *testing.T) {
				owner, thief := s.Terminal(t), s.Terminal(t)
				asked := owner.Ask()
				mara.Approve(asked.UserCode)
				before := len(s.Recorded(t, "device.fingerprint_mismatch"))
				for i := range wrong {
					if i == 1 {
						thief.Fingerprint = "" // none is wrong too
					}
					mustRefuse(t, thief.Poll(asked), oauth.CodeInvalidGrant)
				}
				events := s.Recorded(t, "device.fingerprint_mismatch")[before:]
				if len(events) != wrong || slices.ContainsFunc(events, func(e store.Event) bool {
					return e.SessionID != sidOf(asked) || e.ClientID != "handclasp" || e.Address == "" || e.Result != "refused"
				}) {
					t.Errorf("the events are %+v", events)
				}
				if wrong < store.WrongFingerprints {
					mustGive(t, owner.Poll(asked))
					return
				}
				reply := owner.Poll(asked)
				mustRefuse(t, reply, oauth.CodeAccessDenied)
				if reply.Text("reason") != store.ReasonFingerprint {
					t.Errorf("the reason is %s", reply.Body)
				}
				mustRefuse(t, thief.Poll(asked), oauth.CodeInvalidGrant)
			})
		}
	})
}
