package servertest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server"
)

// Terminal is a client of the device grant (RFC 8628). Its fields may be changed before they are used; what is empty is
// not sent. It must only be used by one goroutine of its test, as it fails that test when there is no answer at all.
type Terminal struct {
	ClientID    string
	Secret      string // sent by HTTP Basic
	Fingerprint string
	Name        string
	Platform    string
	Scope       string
	Resource    string
	Address     string  // as Browser.Address
	Wallet      *Wallet // if it has a key, it shows it with every form, and with every token in Call

	t      testing.TB
	issuer string
	http   *http.Client
}

// Terminal returns a terminal of the built-in client with a fingerprint of its own, which asks for both of our scopes.
func (s *Server) Terminal(t testing.TB) *Terminal {
	return &Terminal{
		ClientID: server.BuiltInClient, Fingerprint: rand.Text() + rand.Text(), Name: "dev-box", Platform: "linux/amd64",
		Scope: oauth.ScopeAccountRead + " " + oauth.ScopeAccountDevices, Resource: s.Issuer,
		t: t, issuer: s.Issuer, http: s.Client(),
	}
}

// Asked is the answer to a device authorization request.
type Asked struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int    `json:"expires_in"`
	Interval                int    `json:"interval"`
}

// Tokens is the answer of the token endpoint.
type Tokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Scope        string `json:"scope"`
}

// Ask asks for codes, which must succeed.
func (d *Terminal) Ask() Asked {
	d.t.Helper()
	reply := d.TryAsk()
	if reply.Status != http.StatusOK {
		d.t.Fatalf("ask for codes: %d %s", reply.Status, reply.Body)
	}
	var asked Asked
	reply.Decode(d.t, &asked)
	return asked
}

// TryAsk asks for codes.
func (d *Terminal) TryAsk() Reply {
	d.t.Helper()
	return d.Post("/oauth/device_authorization", d.form(
		"scope", d.Scope, "resource", d.Resource, "device_fingerprint", d.Fingerprint,
		"device_name", d.Name, "device_platform", d.Platform,
	))
}

// Poll asks once whether the person has decided.
func (d *Terminal) Poll(a Asked) Reply {
	d.t.Helper()
	return d.Post("/oauth/token", d.pollForm(a))
}

// Wait polls with a preference to be held for so many seconds.
func (d *Terminal) Wait(a Asked, seconds int) Reply {
	d.t.Helper()
	return d.Post("/oauth/token", d.pollForm(a), "Prefer", "wait="+strconv.Itoa(seconds))
}

func (d *Terminal) pollForm(a Asked) url.Values {
	return d.form("grant_type", oauth.GrantDevice, "device_code", a.DeviceCode, "device_fingerprint", d.Fingerprint)
}

// Refresh asks for the next tokens.
func (d *Terminal) Refresh(refreshToken string) Reply {
	d.t.Helper()
	return d.Post("/oauth/token", d.form(
		"grant_type", oauth.GrantRefresh, "refresh_token", refreshToken, "device_fingerprint", d.Fingerprint,
	))
}

// Revoke takes a token back.
func (d *Terminal) Revoke(token string) Reply {
	d.t.Helper()
	return d.Post("/oauth/revoke", d.form("token", token))
}

// LogIn goes the whole way: it asks for codes, the person in front of the browser approves, and it polls.
func (d *Terminal) LogIn(b *Browser) Tokens {
	d.t.Helper()
	asked := d.Ask()
	b.Approve(asked.UserCode)
	reply := d.Poll(asked)
	if reply.Status != http.StatusOK {
		d.t.Fatalf("poll after the approval: %d %s", reply.Status, reply.Body)
	}
	return reply.Tokens(d.t)
}

// Tokens reads the answer of the token endpoint.
func (r Reply) Tokens(t testing.TB) Tokens {
	t.Helper()
	var tokens Tokens
	r.Decode(t, &tokens)
	return tokens
}

// Call sends a request without a body to our own API; an empty access token is not sent.
func (d *Terminal) Call(method, path, accessToken string) Reply {
	d.t.Helper()
	if accessToken == "" {
		return d.CallWith(method, path)
	}
	if d.Wallet != nil {
		return d.Wallet.shows(func() *http.Request { return d.request(method, path, "") }, accessToken)
	}
	return d.CallWith(method, path, "Authorization", "Bearer "+accessToken)
}

// Send sends a body as it stands, with headers in turn.
func (d *Terminal) Send(method, path, body string, headers ...string) Reply {
	d.t.Helper()
	r := d.request(method, path, body)
	setHeaders(r, headers)
	return send(d.t, d.http, r)
}

// CallWith sends a request without a body, with headers given as names and values in turn.
func (d *Terminal) CallWith(method, path string, headers ...string) Reply {
	d.t.Helper()
	r := d.request(method, path, "")
	setHeaders(r, headers)
	return send(d.t, d.http, r)
}

// Post sends a form, with headers given as names and values in turn.
func (d *Terminal) Post(path string, form url.Values, headers ...string) Reply {
	d.t.Helper()
	compose := func() *http.Request {
		r := d.request(http.MethodPost, path, form.Encode())
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if d.Secret != "" {
			r.SetBasicAuth(url.QueryEscape(d.ClientID), url.QueryEscape(d.Secret)) // RFC 6749 §2.3.1
		}
		setHeaders(r, headers)
		return r
	}
	if d.Wallet != nil {
		return d.Wallet.shows(compose, "")
	}
	return send(d.t, d.http, compose())
}

func setHeaders(r *http.Request, headers []string) {
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
}

func (d *Terminal) request(method, path, body string) *http.Request {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, d.issuer+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	if d.Address != "" {
		r.Header.Set("X-Forwarded-For", d.Address)
	}
	return r
}

// form names the client, unless it proves itself in the header, and adds names and values in turn.
func (d *Terminal) form(fields ...string) url.Values {
	if d.Secret == "" {
		fields = append(fields, "client_id", d.ClientID)
	}
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i+1] != "" {
			form.Set(fields[i], fields[i+1])
		}
	}
	return form
}
