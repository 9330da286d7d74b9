package flow

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Tokens is what a login or a refresh gives.
type Tokens struct {
	Access    string
	Bound     bool   // the access token is bound to the device's key, and is shown with a proof
	Refresh   string // the successor of the one presented; empty: the presented one stays
	Scope     string
	ExpiresIn time.Duration // of the access token, from now
}

// Refresh gives an access token for a resource (empty: the client's default one). It
// asks again with the same refresh token when the answer is lost: the server gives the
// same successor then. ErrEnded says that the session is over.
func (c *Client) Refresh(ctx context.Context, refreshToken, resource string) (Tokens, error) {
	server, err := c.Discover(ctx)
	if err != nil {
		return Tokens{}, err
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}, "client_id": {c.ID}}
	set(form, "device_fingerprint", c.Fingerprint)
	set(form, "resource", resource)
	var tokens Tokens
	err = retry(ctx, func() error {
		got, err := c.ask(ctx, server, form, nil, patience)
		if err != nil {
			return err
		}
		tokens, err = c.tokens(got)
		return err
	})
	if said, ok := errors.AsType[*ServerError](err); ok && said.Code == "invalid_grant" {
		return Tokens{}, ErrEnded
	}
	return tokens, err
}

// Revoke ends the session of a refresh token (RFC 7009). Only a nil error means that
// it is over.
func (c *Client) Revoke(ctx context.Context, refreshToken string) error {
	server, err := c.Discover(ctx)
	if err != nil {
		return err
	}
	form := url.Values{"token": {refreshToken}, "token_type_hint": {"refresh_token"}, "client_id": {c.ID}}
	return retry(ctx, func() error {
		got, err := c.post(ctx, server.RevokeURL, form, nil, patience)
		if err != nil {
			return err
		}
		if got.status != http.StatusOK {
			return got.failure(c.host())
		}
		return nil
	})
}

func (c *Client) tokens(got answer) (Tokens, error) {
	var said struct {
		Access    string `json:"access_token"`
		Type      string `json:"token_type"`
		Refresh   string `json:"refresh_token"`
		Scope     string `json:"scope"`
		ExpiresIn int    `json:"expires_in"`
	}
	if err := got.decode(c.host(), &said); err != nil {
		return Tokens{}, err
	}
	proven := strings.EqualFold(said.Type, "DPoP")
	if !sendable(said.Access) || !proven && !strings.EqualFold(said.Type, "Bearer") || proven && c.Key == nil {
		return Tokens{}, &ServerError{Host: c.host(), Status: got.status}
	}
	return Tokens{
		Access: said.Access, Bound: proven, Refresh: said.Refresh, Scope: Clean(said.Scope),
		ExpiresIn: seconds(said.ExpiresIn, 365*24*time.Hour),
	}, nil
}

// retry asks up to three times when an answer may have been lost or the server was in
// trouble. A server that cannot be connected to is told at once: nothing was sent, so
// nothing can have been lost, and a person is waiting.
func retry(ctx context.Context, ask func() error) error {
	var err error
	for _, wait := range []time.Duration{500 * time.Millisecond, 2 * time.Second, 0} {
		err = ask()
		if err == nil || wait == 0 || !mayPass(err) {
			break
		}
		if stopped := pause(ctx, wait); stopped != nil {
			return stopped
		}
	}
	return err
}

func mayPass(err error) bool {
	if said, ok := errors.AsType[*ServerError](err); ok {
		return said.Status >= 500
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return false
	}
	_, lost := errors.AsType[*UnreachableError](err)
	return lost && !errors.Is(err, context.Canceled)
}
