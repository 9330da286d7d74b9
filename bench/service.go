package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
)

// The goals of what services and resource servers ask for.
var (
	goalService = goal{more: 0.08}
	goalCheck   = goal{more: 0.06}
)

const (
	robot          = "bench-robot"
	introspectPath = "/oauth/introspect"
	userinfoPath   = "/oauth/userinfo"
	pushPath       = "/oauth/par"
)

// service is a client that acts for itself, and a person's access token that it asks about.
type service struct {
	basic  string // header line
	person string // access token with openid
}

// newService registers a client at the data, and signs one more terminal in.
func (b bench) newService(ctx context.Context, s *server, h *household) (*service, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(b.bin, "handclaspd"), "clients", "create", "--data", s.data, //nolint:gosec // our own program
		"--id", robot, "--name", "Robot", "--grant", "client_credentials", "--scope", "work:do=Do work", "--audience", s.issuer, "--json").Output()
	if err != nil {
		return nil, fmt.Errorf("register a service: %w", err)
	}
	var made struct {
		Secret string `json:"secret"`
	}
	if err := json.Unmarshal(out, &made); err != nil {
		return nil, err
	}
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(robot, url.QueryEscape(made.Secret))
	v := &service{basic: "Authorization: " + r.Header.Get("Authorization")}
	v.person, err = h.access(ctx, terminalAt(s, 1<<20))
	return v, err
}

// access signs a terminal in that wants to know who its person is.
func (h *household) access(ctx context.Context, t terminal) (string, error) {
	c := h.conns[0]
	status, body, err := c.post(devicePath, url.Values{
		"client_id": {clientID}, "scope": {"openid email"}, "resource": {t.issuer}, "device_fingerprint": {t.fingerprint},
	})
	if err != nil || status != http.StatusOK {
		return "", errors.Join(err, unexpected("device authorization", status, body))
	}
	var got codes
	if err := json.Unmarshal(body, &got); err != nil {
		return "", err
	}
	question, err := h.persons[0].Open(ctx, got.User)
	if err == nil {
		err = question.Approve(ctx)
	}
	if err != nil {
		return "", err
	}
	status, body, err = t.poll(c, got.Device)
	if err != nil || status != http.StatusOK {
		return "", errors.Join(err, unexpected("redeem", status, body))
	}
	var tokens struct {
		Access string `json:"access_token"`
	}
	return tokens.Access, json.Unmarshal(body, &tokens)
}

// services are what they cost. A token that is asked about was seen before, as a resource server's are.
func (s *station) services(n int, signature, get *kind) []*kind {
	return []*kind{
		s.kind("client credentials", n, s.asRobot(tokenPath, url.Values{"grant_type": {"client_credentials"}}), signature, goalService),
		s.kind("introspection", n, s.asRobot(introspectPath, url.Values{"token": {s.service.person}}), get, goalCheck),
		s.kind("userinfo", n, s.userinfo, get, goalCheck),
		s.kind("pushed authorization request", n, s.push, get, goal{}),
	}
}

func (s *station) asRobot(path string, form url.Values) load {
	return func(c *conn, _ int) error {
		status, body, err := c.post(path, form, s.service.basic)
		if err == nil && (status != http.StatusOK || string(body) == `{"active":false}`+"\n") {
			err = unexpected(path, status, body)
		}
		return err
	}
}

func (s *station) userinfo(c *conn, _ int) error {
	status, body, err := c.post(userinfoPath, nil, "Authorization: Bearer "+s.service.person)
	if err == nil && status != http.StatusOK {
		err = unexpected("userinfo", status, body)
	}
	return err
}

// push leaves what a sign-in in the browser would ask for, as our own client does (RFC 9126).
func (s *station) push(c *conn, i int) error {
	challenge := sha256.Sum256([]byte(terminalAt(s.server, i).fingerprint))
	status, body, err := c.post(pushPath, url.Values{
		"client_id": {clientID}, "response_type": {"code"}, "redirect_uri": {"http://127.0.0.1:4321/callback"}, "state": {"bench"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
		"device_fingerprint": {terminalAt(s.server, i).fingerprint},
	})
	if err == nil && status != http.StatusCreated {
		err = unexpected("pushed authorization request", status, body)
	}
	return err
}
