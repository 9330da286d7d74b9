package flow

import (
	"context"
	"fmt"
	"net/http"
)

// Metadata is what a server says about itself (RFC 8414), as far as it is used here.
type Metadata struct {
	Issuer    string `json:"issuer"`
	DeviceURL string `json:"device_authorization_endpoint"`
	TokenURL  string `json:"token_endpoint"`
	RevokeURL string `json:"revocation_endpoint"`
	// The login through a browser on this machine needs all of these; a server may have none.
	AuthorizeURL     string   `json:"authorization_endpoint"`
	PushURL          string   `json:"pushed_authorization_request_endpoint"`
	ChallengeMethods []string `json:"code_challenge_methods_supported"`
	GrantTypes       []string `json:"grant_types_supported"`
	// ProofAlgorithms may sign the proofs of a device's key; a server that knows none is shown none.
	ProofAlgorithms []string `json:"dpop_signing_alg_values_supported"`
	// WaitMax is for how many seconds the server holds a poll; zero: not at all.
	WaitMax int `json:"handclasp_prefer_wait_max"`
}

// NotServerError says that something answers at the address, but no authorization server.
type NotServerError struct {
	Issuer string
	Why    string
}

func (e *NotServerError) Error() string { return e.Issuer + " is not a login server: " + e.Why }

// IssuerError says that the server calls itself otherwise than it was named.
type IssuerError struct{ Named, Claimed string }

func (e *IssuerError) Error() string {
	return fmt.Sprintf("the server at %s calls itself %s", e.Named, e.Claimed)
}

// Discover asks the server about itself, once; later calls give the same answer. The
// server must call itself exactly what the caller calls it (RFC 8414 §3.3), and every
// endpoint must be its own.
func (c *Client) Discover(ctx context.Context) (Metadata, error) {
	c.mu.Lock()
	known := c.metadata
	c.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	found, err := c.discover(ctx)
	if err != nil {
		return Metadata{}, err
	}
	c.mu.Lock()
	c.metadata = &found
	c.mu.Unlock()
	return found, nil
}

func (c *Client) discover(ctx context.Context) (Metadata, error) {
	address, err := wellKnown(c.Issuer)
	if err != nil {
		return Metadata{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Metadata{}, fmt.Errorf("make request: %w", err)
	}
	got, err := c.send(req)
	if err != nil {
		return Metadata{}, err
	}
	if got.status >= 500 || got.status == http.StatusTooManyRequests {
		return Metadata{}, got.failure(c.host())
	}
	var m Metadata
	if got.decode(c.host(), &m) != nil || m.Issuer == "" {
		return Metadata{}, &NotServerError{Issuer: c.Issuer, Why: "it has no /.well-known/oauth-authorization-server"}
	}
	return m, c.check(m)
}

func (c *Client) check(m Metadata) error {
	if m.Issuer != c.Issuer {
		return &IssuerError{Named: c.Issuer, Claimed: Clean(m.Issuer)}
	}
	for _, endpoint := range []string{m.DeviceURL, m.TokenURL, m.RevokeURL} {
		if endpoint == "" {
			return &NotServerError{Issuer: c.Issuer, Why: "it does not offer the device login"}
		}
		if err := belongs(c.Issuer, endpoint); err != nil {
			return fmt.Errorf("endpoint %w", err)
		}
	}
	for _, endpoint := range []string{m.AuthorizeURL, m.PushURL} {
		if endpoint == "" {
			continue
		}
		if err := belongs(c.Issuer, endpoint); err != nil {
			return fmt.Errorf("endpoint %w", err)
		}
	}
	return nil
}
