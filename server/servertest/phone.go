package servertest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/oauth"
)

// Phone is an app that signs its person in by a magic link. It sends what a Terminal sends, and beside it what belongs to
// a link; what is empty is not sent. Of a request it keeps nothing but what Ask returns, so that a test can close the app
// and open it again by making another Phone.
type Phone struct {
	*Terminal
	RedirectURI string
	State       string
	Verifier    string // of PKCE; the challenge is made of it
}

// Phone returns an app of this client, with a fingerprint of its own and no scope.
func (s *Server) Phone(t testing.TB, clientID, redirectURI string) *Phone {
	d := s.Terminal(t)
	d.ClientID, d.Name, d.Platform, d.Scope, d.Resource = clientID, "Mara's phone", "ios/18", "", ""
	return &Phone{Terminal: d, RedirectURI: redirectURI, State: "state of the app & more"}
}

// AppLink is what the app hears.
type AppLink struct {
	LinkID     string `json:"link_id"`
	DeviceHalf string `json:"device_half"`
	ExpiresIn  int    `json:"expires_in"`
}

// AskForLink asks for a link, which must be taken. previous is the device half that the app has already; empty if none.
func (p *Phone) AskForLink(email, previous string) AppLink {
	p.t.Helper()
	reply := p.TryAskForLink(email, previous)
	if reply.Status != http.StatusAccepted {
		p.t.Fatalf("ask for a link: %d %s", reply.Status, reply.Body)
	}
	var link AppLink
	reply.Decode(p.t, &link)
	return link
}

// TryAskForLink asks for a link.
func (p *Phone) TryAskForLink(email, previous string) Reply {
	p.t.Helper()
	form := p.form(
		"email", email, "previous", previous, "redirect_uri", p.RedirectURI, "state", p.State, "scope", p.Scope,
		"resource", p.Resource, "device_fingerprint", p.Fingerprint, "device_name", p.Name, "device_platform", p.Platform,
	)
	if p.Verifier != "" {
		form.Set("code_challenge", challenge(p.Verifier))
		form.Set("code_challenge_method", "S256")
	}
	if p.Wallet != nil {
		form.Set("dpop_jkt", p.Wallet.Thumbprint())
	}
	members := map[string]string{}
	for name := range form {
		members[name] = form.Get(name)
	}
	body, err := json.Marshal(members)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.SendJSON("/v1/magic-links", string(body))
}

// SendJSON sends a body as it stands, and the client's secret if there is one.
func (p *Phone) SendJSON(path, body string, headers ...string) Reply {
	p.t.Helper()
	r := p.request(http.MethodPost, path, body)
	r.Header.Set("Content-Type", "application/json")
	if p.Secret != "" {
		r.SetBasicAuth(url.QueryEscape(p.ClientID), url.QueryEscape(p.Secret))
	}
	setHeaders(r, headers)
	return send(p.t, p.http, r)
}

// Use presents both halves of a link.
func (p *Phone) Use(deviceHalf, mailHalf string) Reply {
	p.t.Helper()
	return p.Post("/oauth/token", p.useForm("device_half", deviceHalf, "mail_half", mailHalf))
}

// UseLetters presents the app's half and the letters that the person typed.
func (p *Phone) UseLetters(deviceHalf, letters string) Reply {
	p.t.Helper()
	return p.Post("/oauth/token", p.useForm("device_half", deviceHalf, "code", letters))
}

func (p *Phone) useForm(fields ...string) url.Values {
	return p.form(append(fields,
		"grant_type", oauth.GrantMagicLink, "device_fingerprint", p.Fingerprint, "code_verifier", p.Verifier)...)
}

// MailHalf is what an app reads of the link that opened it: its half, and the state.
func MailHalf(t testing.TB, link string) (half, state string) {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil || u.Query().Get("link") == "" {
		t.Fatalf("the link %q holds no half: %v", link, err)
	}
	return u.Query().Get("link"), u.Query().Get("state")
}

// MailOf waits for the mail of a request, and reads it. A link of the app's own scheme is none that a mail program shows as
// one, so it is searched for.
func (s *Server) MailOf(t testing.TB, l AppLink) Mail {
	t.Helper()
	m := s.WaitForMail(t, func(m Mail) bool { return strings.Contains(m.Text, "link="+l.LinkID+".") })
	for line := range strings.Lines(m.Text) {
		if strings.Contains(line, "link="+l.LinkID+".") {
			m.Link = strings.TrimSpace(line)
		}
	}
	return m
}

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
