package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server"
	"github.com/handclasp/handclasp/server/servertest"
)

func TestAddressIsThePeersUnlessAProxyVouches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		proxies, peer string
		said          []string
		want          string
	}{
		"nobody is trusted":            {"", "192.0.2.1:1234", []string{"198.51.100.7"}, "192.0.2.1"},
		"a stranger says so":           {"10.0.0.0/8", "192.0.2.1:1234", []string{"198.51.100.7"}, "192.0.2.1"},
		"a proxy says so":              {"10.0.0.0/8", "10.0.0.1:1234", []string{"198.51.100.7"}, "198.51.100.7"},
		"a proxy says nothing":         {"10.0.0.0/8", "10.0.0.1:1234", nil, "10.0.0.1"},
		"the client lies to the proxy": {"10.0.0.0/8", "10.0.0.1:1234", []string{"127.0.0.1, 203.0.113.9, 198.51.100.7"}, "198.51.100.7"},
		"two proxies":                  {"10.0.0.0/8,10.9.9.9", "10.0.0.1:1", []string{"203.0.113.9, 198.51.100.7, 10.0.0.2"}, "198.51.100.7"},
		"two lines":                    {"10.0.0.0/8", "10.0.0.1:1", []string{"203.0.113.9", "198.51.100.7"}, "198.51.100.7"},
		"nothing but proxies":          {"10.0.0.0/8", "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"garbage":                      {"10.0.0.0/8", "10.0.0.1:1", []string{"nonsense"}, "10.0.0.1"},
		"garbage on the left":          {"10.0.0.0/8", "10.0.0.1:1", []string{"nonsense, 198.51.100.7"}, "198.51.100.7"},
		"garbage behind a proxy":       {"10.0.0.0/8", "10.0.0.1:1", []string{"198.51.100.7, nonsense, 10.0.0.2"}, "10.0.0.2"},
		"empty":                        {"10.0.0.0/8", "10.0.0.1:1", []string{""}, "10.0.0.1"},
		"with a port":                  {"10.0.0.0/8", "10.0.0.1:1", []string{"198.51.100.7:80"}, "10.0.0.1"},
		"a line break":                 {"10.0.0.0/8", "10.0.0.1:1", []string{"198.51.100.7\r\nX: y"}, "10.0.0.1"},
		"IPv6":                         {"2001:db8::/32", "[2001:db8::1]:1", []string{"2001:db9:1:2:3:4:5:6"}, "2001:db9:1:2:3:4:5:6"},
		"IPv6 with a zone":             {"2001:db8::/32", "[2001:db8::1]:1", []string{"fe80::1%eth0"}, "fe80::1"},
		"IPv4 in IPv6":                 {"10.0.0.0/8", "[::ffff:10.0.0.1]:1", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		"a peer without an address":    {"10.0.0.0/8", "@", []string{"198.51.100.7"}, "::"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxies, err := server.ParseProxies(c.proxies)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr = c.peer
			r.Header["X-Forwarded-For"] = c.said
			r.Header.Set("Forwarded", "for=203.0.113.1")
			r.Header.Set("X-Real-Ip", "203.0.113.1")
			if got := proxies.Address(r).String(); got != c.want {
				t.Errorf("the address is %s, want %s", got, c.want)
			}
		})
	}
	for _, bad := range []string{"nonsense", "10.0.0.0/33", "10.0.0.1,x", "localhost"} {
		if _, err := server.ParseProxies(bad); err == nil {
			t.Errorf("%q passes for a list of proxies", bad)
		}
	}
}

// liar forges where a request was sent to, as far as headers can.
type liar struct{ http.RoundTripper }

func (l liar) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = "evil.example.test"
	for name, value := range map[string]string{
		"X-Forwarded-Host": "evil.example.test", "X-Forwarded-Proto": "gopher", "X-Forwarded-Port": "666", "X-Forwarded-Prefix": "/evil",
		"Forwarded": "for=203.0.113.66;host=evil.example.test;proto=gopher", "X-Original-Url": "/evil", "X-Rewrite-Url": "/evil",
		"X-Forwarded-For": "203.0.113.66", "X-Real-Ip": "203.0.113.66", "X-Host": "evil.example.test", "X-Http-Method-Override": "DELETE",
	} {
		r.Header.Set(name, value)
	}
	return l.RoundTripper.RoundTrip(r)
}

func TestForgedHeadersAreNobodysWord(t *testing.T) {
	for name, issuer := range map[string]string{"http": "", "https": "https://login.example.test"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servertest.Everywhere(t, servertest.Options{
				Issuer: issuer, LimitScale: 1000, Transport: func(next http.RoundTripper) http.RoundTripper { return liar{next} },
			}, func(t *testing.T, s *servertest.Server) {
				d, mara := s.Terminal(t), s.Browser(t)
				var everything strings.Builder
				redirect := mara.CheckRedirect
				mara.CheckRedirect = func(r *http.Request, via []*http.Request) error {
					everything.WriteString(r.URL.String() + "\n")
					if redirect != nil {
						return redirect(r, via)
					}
					return nil
				}
				everything.WriteString(mara.Open("/account").Body) // by way of /signin
				everything.WriteString(mara.SignIn("mara@example.test").Body)
				asked := d.Ask()
				if asked.VerificationURI != s.Issuer+"/device" || !strings.HasPrefix(asked.VerificationURIComplete, s.Issuer+"/device?user_code=") {
					t.Errorf("codes lead to %s and %s", asked.VerificationURI, asked.VerificationURIComplete)
				}
				question := mara.EnterCode(asked.UserCode)
				everything.WriteString(question.Body + question.Press("Approve").Body)
				tokens := d.Poll(asked).Tokens(t)
				if tokens.AccessToken == "" || apiClaims(t, tokens.AccessToken)["iss"] != s.Issuer {
					t.Errorf("the token is %+v", tokens)
				}
				for _, path := range []string{"/.well-known/oauth-authorization-server", "/oauth/jwks", "/v1/me", "/v1/sessions"} {
					everything.Write(d.Call(http.MethodGet, path, tokens.AccessToken).Body)
				}
				s.WaitForMail(t, func(m servertest.Mail) bool { return strings.HasPrefix(m.Subject, "New device") })
				for _, m := range s.Mails(t) {
					if !strings.HasPrefix(m.Link, s.Issuer+"/") {
						t.Errorf("the mail %q leads to %s", m.Subject, m.Link)
					}
					everything.WriteString(m.Text + m.HTML)
				}
				everything.WriteString(s.Events.String())
				for _, lie := range []string{"evil.example", "/evil", "gopher", "203.0.113.66", ":666"} {
					if at := strings.Index(everything.String(), lie); at >= 0 {
						t.Errorf("the server repeats %q: …%.80s", lie, everything.String()[max(0, at-60):])
					}
				}
			})
		})
	}
}

func TestHundredAndFirstCodeOfANetwork(t *testing.T) {
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{TrustedProxies: "127.0.0.1"}, func(t *testing.T, s *servertest.Server) {
		s.Clock.Hold() // there is one more every twelve seconds
		d := s.Terminal(t)
		ask := func(from string) servertest.Reply {
			t.Helper()
			return d.Post("/oauth/device_authorization", apiForm("client_id", "handclasp", "device_fingerprint", d.Fingerprint), "X-Forwarded-For", from)
		}
		given := 0
		refusals := 0
		for range 45 { // ten minutes less a moment, and a code every four seconds is too many
			for range 4 {
				reply := ask("198.51.100.7")
				if reply.Status == http.StatusOK {
					given++
					continue
				}
				refusals++
				mustSay(t, reply, http.StatusTooManyRequests, oauth.CodeTooManyRequests)
				if after := reply.Header.Get("Retry-After"); after == "" || after == "0" {
					t.Fatalf("Retry-After: %q", after)
				}
			}
			s.Clock.Advance(13 * time.Second)
		}
		if given < 90 || given > 100 || refusals == 0 {
			t.Errorf("%d live codes of one network in ten minutes, %d refused", given, refusals)
		}
		if reply := ask("198.51.100.8"); reply.Status != http.StatusOK {
			t.Errorf("another network is refused: %d %s", reply.Status, reply.Body)
		}
		if events := s.Recorded(t, "limit.device"); len(events) != refusals || events[0].Address != "198.51.100.7" {
			t.Errorf("%d refusals, %d events", refusals, len(events))
		}

		for i := range 50 { // the burst of one household, which has more addresses than anybody can count
			if reply := ask("2001:db8:1:2::" + string(rune('1'+i%9))); reply.Status != http.StatusOK {
				t.Fatalf("code %d of a /64: %d %s", i, reply.Status, reply.Body)
			}
		}
		mustSay(t, ask("2001:db8:1:2:ffff::1"), http.StatusTooManyRequests, oauth.CodeTooManyRequests)
		if reply := ask("2001:db8:1:3::1"); reply.Status != http.StatusOK {
			t.Errorf("another /64 is refused: %d %s", reply.Status, reply.Body)
		}
	})
}
