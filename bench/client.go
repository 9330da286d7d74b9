package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// The endpoints that are measured.
const (
	metadataPath = "/.well-known/oauth-authorization-server"
	openIDPath   = "/.well-known/openid-configuration"
	jwksPath     = "/oauth/jwks"
	statusPath   = "/oauth/status/0"
	devicePath   = "/oauth/device_authorization"
	tokenPath    = "/oauth/token" //nolint:gosec // an address, not a token
)

// What the built-in client sends.
const (
	clientID    = "handclasp"
	scope       = "account:read account:devices"
	grantDevice = "urn:ietf:params:oauth:grant-type:device_code"
)

// terminal is a client on one machine, named by its fingerprint.
type terminal struct {
	issuer      string
	fingerprint string
}

// terminalAt makes the i-th machine.
func terminalAt(s *server, i int) terminal {
	return terminal{s.issuer, fmt.Sprintf("bench-%058d", i)}
}

// codes are the answer to a device authorization request.
type codes struct {
	Device string `json:"device_code"`
	User   string `json:"user_code"`
}

// ask begins a login.
func (t terminal) ask(c *conn) (codes, error) {
	var got codes
	status, body, err := c.post(devicePath, url.Values{
		"client_id": {clientID}, "scope": {scope}, "resource": {t.issuer}, "device_fingerprint": {t.fingerprint},
		"device_name": {"workbench"}, "device_platform": {"linux/amd64"},
	})
	if err != nil {
		return got, err
	}
	if status != http.StatusOK {
		return got, unexpected("device authorization", status, body)
	}
	return got, json.Unmarshal(body, &got)
}

// poll asks for the decision; headers may say that the client likes to wait.
func (t terminal) poll(c *conn, deviceCode string, headers ...string) (status int, body []byte, err error) {
	return c.post(tokenPath, t.pollForm(deviceCode), headers...)
}

func (t terminal) pollForm(deviceCode string) url.Values {
	return url.Values{
		"grant_type": {grantDevice}, "client_id": {clientID}, "device_code": {deviceCode},
		"device_fingerprint": {t.fingerprint},
	}
}

// pollFor polls and insists on one error code.
func (t terminal) pollFor(c *conn, deviceCode, code string) error {
	status, body, err := t.poll(c, deviceCode)
	if err != nil {
		return err
	}
	if status != http.StatusBadRequest || !strings.Contains(string(body), `"`+code+`"`) {
		return unexpected("poll", status, body)
	}
	return nil
}

// redeem polls for a login that was approved, and returns the refresh token.
func (t terminal) redeem(c *conn, deviceCode string) (refresh string, err error) {
	status, body, err := t.poll(c, deviceCode)
	if err != nil {
		return "", err
	}
	return refreshOf("redeem", status, body)
}

// refresh rotates a session and returns the next refresh token; headers may hold a proof.
func (t terminal) refresh(c *conn, token string, headers ...string) (next string, err error) {
	status, body, err := c.post(tokenPath, url.Values{
		"grant_type": {"refresh_token"}, "client_id": {clientID}, "refresh_token": {token},
		"device_fingerprint": {t.fingerprint},
	}, headers...)
	if err != nil {
		return "", err
	}
	next, err = refreshOf("refresh", status, body)
	if err == nil && next == token {
		err = fmt.Errorf("refresh: the token did not rotate")
	}
	return next, err
}

func refreshOf(what string, status int, body []byte) (string, error) {
	var got struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if status != http.StatusOK {
		return "", unexpected(what, status, body)
	}
	if err := json.Unmarshal(body, &got); err != nil || got.Access == "" || got.Refresh == "" {
		return "", unexpected(what, status, body)
	}
	return got.Refresh, nil
}

// unexpected shows an error's body, and of anything else only its size: it may hold tokens.
func unexpected(what string, status int, body []byte) error {
	if status < http.StatusBadRequest {
		return fmt.Errorf("%s: %d with %d bytes", what, status, len(body))
	}
	return fmt.Errorf("%s: %d: %s", what, status, body)
}
