package server_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
)

// sent is a request that only a stranger would write.
type sent struct {
	method, query, body string
	header              http.Header
}

func (c sent) to(t testing.TB, s *servertest.Server, path string) servertest.Reply {
	t.Helper()
	if c.method == "" {
		c.method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(t.Context(), c.method, s.Issuer+path+c.query, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, values := range c.header {
		r.Header[name] = values
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return servertest.Reply{Status: answer.StatusCode, Header: answer.Header, Body: body}
}

func TestFormsOfStrangersChangeNothing(t *testing.T) {
	apiEverywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		mara := apiPerson(t, s, "mara")
		tokens := d.LogIn(mara)
		approved := s.Terminal(t)
		asked := approved.Ask()
		mara.Approve(asked.UserCode)

		// Each good form would change something: it gives codes, spends the approval, the refresh token, the session.
		forms := map[string]url.Values{
			"/oauth/device_authorization": apiForm("client_id", "handclasp", "device_fingerprint", d.Fingerprint, "scope", "openid"),
			"/oauth/token": apiForm("client_id", "handclasp", "grant_type", oauth.GrantDevice,
				"device_code", asked.DeviceCode, "device_fingerprint", approved.Fingerprint),
			"/oauth/token#refresh": apiForm("client_id", "handclasp", "grant_type", oauth.GrantRefresh,
				"refresh_token", tokens.RefreshToken, "device_fingerprint", d.Fingerprint),
			"/oauth/revoke": apiForm("client_id", "handclasp", "token", tokens.RefreshToken),
		}
		for path, form := range forms {
			path, _, _ := strings.Cut(path, "#")
			for name, c := range abuses(t, form.Encode()) {
				t.Run(path+" "+name, func(t *testing.T) {
					reply := c.to(t, s, path)
					mustSay(t, reply, http.StatusBadRequest, oauth.CodeInvalidRequest)
				})
			}
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
				t.Run(path+" "+method, func(t *testing.T) {
					c := sent{method: method, body: form.Encode(), query: "?" + form.Encode()}
					reply := c.to(t, s, path)
					if method == http.MethodHead {
						reply.Body = []byte(`{"error":"invalid_request"}`) // which it cannot have
					}
					mustSay(t, reply, http.StatusMethodNotAllowed, oauth.CodeInvalidRequest)
					if allow := reply.Header.Get("Allow"); allow != http.MethodPost {
						t.Errorf("Allow: %q", allow)
					}
					if said := "This address takes POST."; method != http.MethodHead && !strings.Contains(string(reply.Body), said) {
						t.Errorf("%s does not say %q", reply.Body, said)
					}
				})
			}
		}
		if reply := d.Call(http.MethodGet, "/v1/me", tokens.AccessToken); reply.Status != http.StatusOK {
			t.Fatalf("the session has ended: %d %s", reply.Status, reply.Body)
		}
		next := d.Refresh(tokens.RefreshToken).Tokens(t)
		if next.RefreshToken == "" {
			t.Error("the refresh token was spent")
		}
		if reply := approved.Poll(asked); reply.Status != http.StatusOK {
			t.Errorf("the approval was spent: %d %s", reply.Status, reply.Body)
		}
	})
}

// abuses are the same form, written as nobody should.
func abuses(t testing.TB, form string) map[string]sent {
	t.Helper()
	with := func(body string, header ...string) sent {
		h := http.Header{}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return sent{body: body, header: h}
	}
	many := ""
	for i := range 200 {
		many += "&p" + strconv.Itoa(i) + "=x"
	}
	var zipped, parts bytes.Buffer
	z := gzip.NewWriter(&zipped)
	m := multipart.NewWriter(&parts)
	_, err := z.Write([]byte(form))
	values, errParse := url.ParseQuery(form)
	if err != nil || errParse != nil || z.Close() != nil {
		t.Fatal(err, errParse)
	}
	for name := range values {
		if err := m.WriteField(name, values.Get(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return map[string]sent{
		"client_id twice":      with(form + "&client_id=handclasp"),
		"unknown twice":        with(form + "&x=1&x=2"),
		"twice, one empty":     with(form + "&client_id="),
		"in the query":         {body: "", query: "?" + form},
		"half in the query":    {body: form, query: "?x=1"},
		"as JSON":              with(`{"client_id":"handclasp"}`, "Content-Type", "application/json"),
		"as text":              with(form, "Content-Type", "text/plain"),
		"without a type":       with(form, "Content-Type", ""),
		"as multipart":         with(parts.String(), "Content-Type", m.FormDataContentType()),
		"compressed":           with(zipped.String(), "Content-Encoding", "gzip"),
		"1 MB":                 with(form + "&x=" + strings.Repeat("a", 1<<20)),
		"1 MB of one name":     with(form + "&" + strings.Repeat("a", 1<<20)),
		"200 parameters":       with(form + many),
		"5 kB in one":          with(form + "&x=" + strings.Repeat("a", 5<<10)),
		"invalid UTF-8":        with(form + "&x=%ff%fe"),
		"invalid UTF-8, bare":  with(form + "&x=\xff\xfe"),
		"NUL":                  with(form + "&x=a%00b"),
		"CR LF":                with(form + "&x=a%0d%0ab"),
		"bad escape":           with(form + "&x=%zz"),
		"semicolons":           with(form + ";x=1"),
		"secret in two places": with(form+"&client_secret=x", "Authorization", "Basic aGFuZGNsYXNwOg=="),
		"two clients":          with(form, "Authorization", "Basic b3RoZXI6"),
	}
}

func TestOriginOfAnotherSiteIsNoReasonToRefuse(t *testing.T) {
	apiEverywhere(t, func(t *testing.T, s *servertest.Server) {
		for _, origin := range []string{"https://app.example.test", "null", s.Issuer} {
			d := s.Terminal(t)
			reply := d.Post("/oauth/device_authorization", apiForm("client_id", "handclasp", "device_fingerprint", d.Fingerprint),
				"Origin", origin, "Sec-Fetch-Site", "cross-site")
			if reply.Status != http.StatusOK {
				t.Errorf("Origin: %s is refused: %d %s", origin, reply.Status, reply.Body)
			}
			for name := range reply.Header {
				if strings.HasPrefix(name, "Access-Control-") || name == "Set-Cookie" {
					t.Errorf("the answer has %s: %s", name, reply.Header.Get(name))
				}
			}
		}
	})
}

func TestHugeHeaderIsRefused(t *testing.T) {
	apiEverywhere(t, func(t *testing.T, s *servertest.Server) {
		c := sent{body: "client_id=handclasp", header: http.Header{"X-Huge": {strings.Repeat("a", 64<<10)}}}
		if reply := c.to(t, s, "/oauth/token"); reply.Status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("the answer is %d", reply.Status)
		}
		c.header = http.Header{"Authorization": {"Basic " + strings.Repeat("a", 16<<10)}}
		if reply := c.to(t, s, "/oauth/token"); reply.Status >= 500 || reply.Status < 400 {
			t.Errorf("the answer is %d", reply.Status)
		}
	})
}

// TestNamesFromOutsideAreNotKeys: what could split a key or a line has no effect and no 5xx, wherever a name is taken.
func TestNamesFromOutsideAreNotKeys(t *testing.T) {
	apiEverywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		for _, odd := range []string{"'", `"`, ":", "{}", "*", "%", "{door}", "\\", "$(x)", "a b", "ä", "../..", strings.Repeat("a", 4000)} {
			for path, form := range map[string]url.Values{
				"/oauth/device_authorization": apiForm("client_id", odd),
				"/oauth/token":                apiForm("client_id", "handclasp", "grant_type", oauth.GrantDevice, "device_code", odd),
				"/oauth/revoke":               apiForm("client_id", odd, "token", odd),
			} {
				if reply := d.Post(path, form); reply.Status != http.StatusBadRequest {
					t.Errorf("%s with %.10q: %d %s", path, odd, reply.Status, reply.Body)
				}
			}
			reply := d.Post("/oauth/token", apiForm("client_id", "handclasp", "grant_type", oauth.GrantRefresh, "refresh_token", odd, "device_fingerprint", odd, "scope", odd, "resource", odd))
			if reply.Status != http.StatusBadRequest {
				t.Errorf("refresh with %.10q: %d %s", odd, reply.Status, reply.Body)
			}
			reply = d.Post("/oauth/device_authorization", apiForm("client_id", "handclasp", "device_fingerprint", d.Fingerprint, "scope", odd))
			mustSay(t, reply, http.StatusBadRequest, oauth.CodeInvalidScope)
			reply = d.Post("/oauth/device_authorization", apiForm("client_id", "handclasp", "device_fingerprint", d.Fingerprint, "device_name", odd, "device_platform", odd))
			if reply.Status != http.StatusOK {
				t.Errorf("a device that calls itself %.10q: %d %s", odd, reply.Status, reply.Body)
			}
		}
	})
}

func TestBrokenRequestsOfHTTPItself(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	for name, raw := range map[string]string{
		"body that does not come":   "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\nConnection: close\r\n\r\nclient_id=",
		"two lengths":               "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
		"length and chunks":         "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
		"two hosts":                 "GET /oauth/jwks HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"control character in path": "GET /oauth/\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
		"no HTTP at all":            "hello\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var dialer net.Dialer
			conn, err := dialer.DialContext(t.Context(), "tcp", s.Address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write([]byte(raw)); err != nil {
				t.Fatal(err)
			}
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(conn)
			if err != nil {
				t.Fatal(err)
			}
			if len(answer) > 0 && !strings.HasPrefix(string(answer), "HTTP/1.1 4") {
				t.Errorf("the answer is %.60q", answer)
			}
		})
	}
}
