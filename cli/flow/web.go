package flow

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// callbackPath is where the browser comes back to; servers let the port differ and nothing else (RFC 8252 §7.3).
const callbackPath = "/callback"

var (
	// ErrNoWeb says that the server does not offer the login through a browser on this machine.
	ErrNoWeb = errors.New("the server does not offer the login through a browser on this machine")
	// ErrNoCallback says that the browser did not come back in time, or was given up.
	ErrNoCallback = errors.New("no answer came back from the browser")
	// ErrCodeRefused says that the server did not accept the code that the browser brought.
	ErrCodeRefused = errors.New("the server did not accept the code that came back from the browser")
)

// Web is a login on its way through a browser on this machine: authorization code with PKCE (RFC 6749 §4.1, RFC 7636),
// brought back to a listener of our own on a loopback address (RFC 8252 §7.3). Wait must follow.
type Web struct {
	// URL is what the browser must open. It was pushed (RFC 9126), so it carries no fingerprint.
	URL string
	// ExpiresAt is until when the address can be opened.
	ExpiresAt time.Time

	client             *Client
	server             Metadata
	verifier, redirect string
	resource           string
	door               *door
	quit               chan struct{} // one GiveUp fits
}

// web tells whether everything is offered that BeginWeb needs.
func (m Metadata) web() bool {
	return m.AuthorizeURL != "" && m.PushURL != "" && slices.Contains(m.ChallengeMethods, "S256") &&
		slices.Contains(m.GrantTypes, "authorization_code")
}

// BeginWeb pushes the request and opens the listener. ErrNoWeb says that the server does not offer it.
func (c *Client) BeginWeb(ctx context.Context, r Request) (*Web, error) {
	server, err := c.Discover(ctx)
	if err != nil {
		return nil, err
	}
	if !server.web() {
		return nil, ErrNoWeb
	}
	listener, err := listenHere(ctx)
	if err != nil {
		return nil, err
	}
	w := &Web{
		client: c, server: server, resource: r.Resource, verifier: unguessable(),
		redirect: "http://" + listener.Addr().String() + callbackPath, quit: make(chan struct{}, 1),
	}
	state := unguessable()
	if err := w.push(ctx, r, state); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	w.door = openDoor(listener, state)
	return w, nil
}

// loopbacks are where we listen for the browser, in order of preference: some machines have no IPv4.
var loopbacks = []string{"127.0.0.1:0", "[::1]:0"}

// listenHere takes a free port that nobody but this machine reaches.
func listenHere(ctx context.Context) (net.Listener, error) {
	var l net.ListenConfig
	var failed []error
	for _, address := range loopbacks {
		listener, err := l.Listen(ctx, "tcp", address)
		if err == nil {
			return listener, nil
		}
		failed = append(failed, err)
	}
	return nil, fmt.Errorf("listen for the browser: %w", errors.Join(failed...))
}

func (w *Web) push(ctx context.Context, r Request, state string) error {
	challenge := sha256.Sum256([]byte(w.verifier))
	form := url.Values{
		"client_id": {w.client.ID}, "response_type": {"code"}, "redirect_uri": {w.redirect}, "state": {state},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	set(form, "scope", strings.Join(r.Scopes, " "))
	set(form, "device_fingerprint", w.client.Fingerprint)
	set(form, "device_name", r.DeviceName)
	set(form, "device_platform", r.DevicePlatform)
	got, err := w.client.begins(ctx, w.server, w.server.PushURL, form)
	if err != nil {
		return err
	}
	if got.status == http.StatusCreated {
		got.status = http.StatusOK // RFC 9126 §2.2 answers 201
	}
	var said struct {
		RequestURI string `json:"request_uri"`
		ExpiresIn  int    `json:"expires_in"`
	}
	if err := got.decode(w.client.host(), &said); err != nil {
		return err
	}
	if said.RequestURI == "" || said.ExpiresIn <= 0 {
		return &ServerError{Host: w.client.host(), Status: http.StatusOK}
	}
	u, err := url.Parse(w.server.AuthorizeURL)
	if err != nil {
		return fmt.Errorf("read the server's address: %w", err)
	}
	query := u.Query()
	query.Set("client_id", w.client.ID)
	query.Set("request_uri", said.RequestURI)
	u.RawQuery = query.Encode()
	w.URL, w.ExpiresAt = Clean(u.String()), time.Now().Add(seconds(said.ExpiresIn, time.Hour))
	return nil
}

// GiveUp ends the wait with ErrNoCallback, unless the browser has come back already. It may be called at any time.
func (w *Web) GiveUp() {
	select {
	case w.quit <- struct{}{}:
	default:
	}
}

// Wait waits for the browser for a while and redeems what it brings. The browser shows how it went only then. A code is
// redeemed once: a second try would look like theft, and end what the first one began.
func (w *Web) Wait(ctx context.Context, atMost time.Duration) (Tokens, error) {
	came, err := w.came(ctx, atMost)
	if err != nil {
		w.door.close()
		return Tokens{}, err
	}
	tokens, err := w.redeem(ctx, came)
	w.door.tell(err)
	return tokens, err
}

func (w *Web) came(ctx context.Context, atMost time.Duration) (url.Values, error) {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	var err error
	select {
	case came := <-w.door.came:
		return came, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-w.quit:
		err = ErrNoCallback
	case <-timer.C:
		err = ErrNoCallback
	}
	if w.door.claim() {
		return nil, err
	}
	return <-w.door.came, nil // it stood in the door already
}

func (w *Web) redeem(ctx context.Context, came url.Values) (Tokens, error) {
	if came.Get("iss") != w.client.Issuer { // RFC 9207 §2.4: against mix-up
		return Tokens{}, &IssuerError{Named: w.client.Issuer, Claimed: Clean(came.Get("iss"))}
	}
	if code := came.Get("error"); code != "" {
		return Tokens{}, w.refusal(came)
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {came.Get("code")}, "redirect_uri": {w.redirect},
		"code_verifier": {w.verifier}, "client_id": {w.client.ID},
	}
	set(form, "device_fingerprint", w.client.Fingerprint)
	set(form, "resource", w.resource)
	got, err := w.client.ask(ctx, w.server, form, nil, patience)
	if err != nil {
		return Tokens{}, err
	}
	tokens, err := w.client.tokens(got)
	if said, ok := errors.AsType[*ServerError](err); ok && said.Code == "invalid_grant" {
		return Tokens{}, ErrCodeRefused
	}
	return tokens, err
}

// refusal is what the server sent back instead of a code (RFC 6749 §4.1.2.1).
func (w *Web) refusal(came url.Values) error {
	said := &ServerError{
		Host: w.client.host(), Status: http.StatusBadRequest, Code: Clean(came.Get("error")),
		Description: Clean(came.Get("error_description")), Reason: Clean(came.Get("reason")),
	}
	switch said.Code {
	case "access_denied":
		return said.decision()
	case "server_error", "temporarily_unavailable":
		said.Status = http.StatusServiceUnavailable
	}
	return said
}

// unguessable is 256 bits, in the alphabet of a code verifier (RFC 7636 §4.1).
func unguessable() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails; crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(raw)
}
