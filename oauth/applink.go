package oauth

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/handclasp/handclasp/store"
)

// AppLink is a checked request of an app for a magic link, for whoever mails it.
type AppLink struct {
	Client      store.Client
	RedirectURI string // where the mailed link leads: one of the client's own
	State       string
	Fingerprint string // hash; empty if none was sent
	Bound       string // see store.AppTry
	Kept        string // what the grant wants to know when the link is used
}

// kept is what an app asked for, from its request until it brings the halves.
type kept struct {
	Scope       []string `json:"scope,omitempty"`
	Audience    []string `json:"audience,omitempty"`
	Fingerprint string   `json:"fingerprint,omitempty"`
	Name        string   `json:"name,omitempty"`
	Platform    string   `json:"platform,omitempty"`
}

// AppLink checks what an app asks for, and that it is the client that it says it is. The error is an *Error. It says
// nothing about the address, of which it knows nothing.
func (p *Provider) AppLink(ctx context.Context, r *http.Request, form url.Values) (AppLink, error) {
	for name, values := range form {
		if err := checkParameter(name, values); err != nil {
			return AppLink{}, err
		}
	}
	found, err := p.authenticate(ctx, r, form)
	if err != nil {
		return AppLink{}, translate(r, err)
	}
	c := found.(*client)
	if !c.may(GrantMagicLink) {
		return AppLink{}, refuse(CodeUnauthorizedClient, "the client is not registered for the magic link grant")
	}
	if uri := form.Get("redirect_uri"); !slices.Contains(c.RedirectURIs, uri) || !LeadsIntoApp(uri) { // compared whole
		return AppLink{}, refuse(CodeInvalidRequest, "redirect_uri must be one that is registered: https, or the app's own scheme")
	}
	asked, err := keep(c, form)
	if err != nil {
		return AppLink{}, err
	}
	key, err := p.firstKey(ctx, r, form)
	if err != nil {
		return AppLink{}, translate(r, err)
	}
	if err := c.checkBound(firstOf(asked.Audience), key != ""); err != nil {
		return AppLink{}, err
	}
	bound, err := boundTo(asked.Fingerprint, key, form)
	if err != nil {
		return AppLink{}, err
	}
	text, err := json.Marshal(asked)
	if err != nil {
		return AppLink{}, &Error{Code: CodeServerError, Cause: err}
	}
	return AppLink{
		Client: c.Client, RedirectURI: form.Get("redirect_uri"), State: form.Get("state"),
		Fingerprint: asked.Fingerprint, Bound: bound, Kept: string(text),
	}, nil
}

// LeadsIntoApp reports whether a magic link may lead to this address: https, or an app's own scheme in reverse-domain form
// (RFC 8252 §7.1), and no loopback port, where anybody on the machine can listen. What is https is opened by the app that
// its maker's site names; a scheme any app can claim, which gets half a link by it and no token.
func LeadsIntoApp(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && !strings.Contains(uri, "#") && (u.Scheme == "https" && u.Host != "" || strings.Contains(u.Scheme, "."))
}

func keep(c *client, form url.Values) (kept, error) {
	fingerprint := form.Get("device_fingerprint")
	if fingerprint == "" && c.RequireFingerprint {
		return kept{}, refuse(CodeInvalidRequest, "device_fingerprint is missing; this client must send it")
	}
	if fingerprint != "" && !ValidFingerprint(fingerprint) {
		return kept{}, refuse(CodeInvalidRequest, "device_fingerprint must be 32 to 128 characters of A-Za-z0-9_-")
	}
	scope := dedupe(splitScope(form.Get("scope")))
	if err := c.checkScope(scope, form.Get("resource")); err != nil {
		return kept{}, err
	}
	audience, err := audiences(c, form.Get("resource"))
	if err != nil {
		return kept{}, err
	}
	return kept{
		Scope: scope, Audience: audience, Fingerprint: hashFingerprint(fingerprint),
		Name: cleanClaim(form.Get("device_name"), 60), Platform: cleanClaim(form.Get("device_platform"), 40),
	}, nil
}

// boundTo ties the halves to the device, to its key, and to the challenge (RFC 7636 §4.3). There is no plain one: S256 or none.
func boundTo(fingerprint, key string, form url.Values) (string, error) {
	challenge, method := form.Get("code_challenge"), form.Get("code_challenge_method")
	switch {
	case challenge == "" && method == "":
		return bound(fingerprint, "", key), nil
	case method != "S256":
		return "", refuse(CodeInvalidRequest, "code_challenge_method must be S256")
	case !isChallenge(challenge):
		return "", refuse(CodeInvalidRequest, "code_challenge must be a SHA-256 in base64url: 43 characters")
	}
	return bound(fingerprint, challenge, key), nil
}

// bound holds no part in a form that could be taken for another. Without a key it is what it was before there were keys, as a
// link may be asked for by one program and used at the next.
func bound(fingerprint, challenge, key string) string {
	text := fingerprint + "." + challenge
	if key != "" {
		text += "." + key
	}
	return text
}

func isChallenge(text string) bool {
	return len(text) == 43 && ValidFingerprint(text) // the same alphabet
}
