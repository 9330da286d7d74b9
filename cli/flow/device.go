package flow

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Request is what a login asks for.
type Request struct {
	Scopes         []string
	Resource       string // the audience of the first access token; empty: the client's default
	DeviceName     string // what the approval page shows as the device's own claim
	DevicePlatform string
}

// Code is what the person needs, and what Wait needs.
type Code struct {
	UserCode    string // to be typed in the browser
	URL         string // where to type it
	CompleteURL string // the same with the code filled in; empty if the server has none
	ExpiresAt   time.Time

	deviceCode string
	interval   time.Duration
	resource   string // of the first access token
}

// Begin asks for a code. The addresses it gives are on the server's own host; a
// server that would send people elsewhere is refused with ErrInsecure.
func (c *Client) Begin(ctx context.Context, r Request) (Code, error) {
	server, err := c.Discover(ctx)
	if err != nil {
		return Code{}, err
	}
	form := url.Values{"client_id": {c.ID}}
	set(form, "scope", strings.Join(r.Scopes, " "))
	set(form, "device_fingerprint", c.Fingerprint)
	set(form, "device_name", r.DeviceName)
	set(form, "device_platform", r.DevicePlatform)
	got, err := c.begins(ctx, server, server.DeviceURL, form)
	if err != nil {
		return Code{}, err
	}
	var said struct {
		DeviceCode  string `json:"device_code"`
		UserCode    string `json:"user_code"`
		URL         string `json:"verification_uri"`
		CompleteURL string `json:"verification_uri_complete"`
		ExpiresIn   int    `json:"expires_in"`
		Interval    int    `json:"interval"`
	}
	if err := got.decode(c.host(), &said); err != nil {
		return Code{}, err
	}
	if said.DeviceCode == "" || said.UserCode == "" || said.ExpiresIn <= 0 {
		return Code{}, &ServerError{Host: c.host(), Status: http.StatusOK}
	}
	if said.Interval <= 0 {
		said.Interval = 5 // RFC 8628 §3.2
	}
	code := Code{
		UserCode: Clean(said.UserCode), URL: said.URL, CompleteURL: said.CompleteURL,
		ExpiresAt:  time.Now().Add(seconds(said.ExpiresIn, 24*time.Hour)),
		deviceCode: said.DeviceCode, interval: seconds(said.Interval, time.Hour),
		resource: r.Resource,
	}
	return code, c.checkAddresses(&code)
}

// checkAddresses keeps a person from being sent to a stranger's page, and a terminal
// from being sent a stranger's bytes.
func (c *Client) checkAddresses(code *Code) error {
	for _, address := range []*string{&code.URL, &code.CompleteURL} {
		if address == &code.CompleteURL && *address == "" {
			continue
		}
		if err := belongs(c.Issuer, *address); err != nil {
			return fmt.Errorf("the server sends people to %w", err)
		}
		u, err := url.Parse(*address)
		if err != nil {
			return err
		}
		*address = Clean(u.String())
	}
	return nil
}

func set(form url.Values, name, value string) {
	if value != "" {
		form.Set(name, value)
	}
}
