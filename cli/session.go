package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/handclasp/handclasp/cli/flow"
	"github.com/handclasp/handclasp/cli/vault"
)

// What a program asks with errors.Is; those of a login are in package flow.
var (
	// ErrSignedOut says that no session is kept.
	ErrSignedOut = errors.New("not signed in")
	// ErrEnded says that the session is over on the server.
	ErrEnded = flow.ErrEnded
	// ErrTokenGiven says that a ready access token was given from outside: it cannot
	// be renewed, exchanged or signed out.
	ErrTokenGiven = errors.New("an access token was given from outside")
)

// OtherServerError says that the profile is signed in, but to another server than the
// named one; for errors.Is it is ErrSignedOut.
type OtherServerError struct{ Profile, Kept, Named string }

func (e *OtherServerError) Error() string {
	return fmt.Sprintf("profile %q is signed in to %s, not to %s", e.Profile, e.Kept, e.Named)
}

// Is makes the error one of being signed out.
func (e *OtherServerError) Is(target error) bool { return target == ErrSignedOut }

// Token is an access token and how long it is good.
type Token struct {
	Value     string
	Bound     bool // to the device's key: an API takes it under the scheme DPoP with a proof, see Session.Proof
	Scope     string
	ExpiresAt time.Time // zero when it is not known
}

// String hides the token: whoever prints it means to use Value.
func (t Token) String() string { return "access token, not shown" }

// Session is a sign-in that is kept on this machine. Its methods may be called from
// several goroutines, and by several processes at once: one of them refreshes.
type Session struct {
	vault    *vault.Vault
	profile  string
	client   *flow.Client
	given    string // Options.AccessToken
	resource string
	leftover error // why the session that a login replaced could not be ended

	mu   sync.Mutex
	kept vault.Credentials

	keyMu sync.Mutex
	key   *flow.Key
}

// Open gives the session that is kept, without asking the server. ErrSignedOut says
// that there is none for this profile and server.
func Open(o Options) (*Session, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Session{vault: o.vault(), profile: o.Profile, given: o.AccessToken, resource: o.Resource}
	if s.given != "" {
		s.client = o.client(o.Issuer, o.ClientID, "")
		return s, nil
	}
	s.kept, err = s.load()
	if err != nil {
		return nil, err
	}
	if o.Issuer != "" && o.Issuer != s.kept.Issuer {
		return nil, &OtherServerError{Profile: o.Profile, Kept: s.kept.Issuer, Named: o.Issuer}
	}
	s.client = o.client(s.kept.Issuer, s.kept.ClientID, s.kept.Fingerprint)
	s.client.Key = s.deviceKey
	return s, nil
}

func (s *Session) load() (vault.Credentials, error) {
	kept, err := s.vault.Load(s.profile)
	if errors.Is(err, vault.ErrNone) || (err == nil && !kept.Live()) {
		return vault.Credentials{}, ErrSignedOut
	}
	return kept, err
}

// Issuer is the server of the session.
func (s *Session) Issuer() string { return s.client.Issuer }

// Token gives an access token that is good for at least a little while.
func (s *Session) Token(ctx context.Context) (Token, error) { return s.TokenFor(ctx, s.resource) }

// TokenFor does the same for another audience (RFC 8707).
func (s *Session) TokenFor(ctx context.Context, resource string) (Token, error) {
	return s.fresh(ctx, resource, "")
}

// Me asks the server who is signed in.
func (s *Session) Me(ctx context.Context) (flow.Me, error) {
	var me flow.Me
	err := s.call(ctx, func(access string) (err error) {
		me, err = s.client.Me(ctx, access)
		return err
	})
	return me, err
}

// Devices lists the devices of the person who is signed in.
func (s *Session) Devices(ctx context.Context) ([]flow.Device, error) {
	var devices []flow.Device
	err := s.call(ctx, func(access string) (err error) {
		devices, err = s.client.Devices(ctx, access)
		return err
	})
	return devices, err
}

// EndDevice ends everything that is signed in on another device.
func (s *Session) EndDevice(ctx context.Context, id string) error {
	return s.call(ctx, func(access string) error { return s.client.EndDevice(ctx, access, id) })
}

// EndOthers ends every other session of the person and tells how many there were.
func (s *Session) EndOthers(ctx context.Context) (int, error) {
	ended := 0
	err := s.call(ctx, func(access string) (err error) {
		ended, err = s.client.EndOthers(ctx, access)
		return err
	})
	return ended, err
}

// call asks the server's own interface, once more with a new token if the kept one is
// no longer accepted: the server may have ended it before its time.
func (s *Session) call(ctx context.Context, ask func(access string) error) error {
	token, err := s.TokenFor(ctx, s.client.Issuer)
	if err != nil {
		return err
	}
	err = ask(token.Value)
	if !unauthorised(err) || s.given != "" {
		return err
	}
	if token, err = s.fresh(ctx, s.client.Issuer, token.Value); err != nil {
		return err
	}
	return ask(token.Value)
}

// unauthorised is about the token, not about the program that presents it.
func unauthorised(err error) bool {
	said, ok := errors.AsType[*flow.ServerError](err)
	return ok && said.Status == http.StatusUnauthorized && said.Code != "invalid_client"
}

// Logout ends the session on the server and then forgets it here, whatever the server
// said: an error that comes back after that is a NotRevokedError.
func (s *Session) Logout(ctx context.Context) error {
	if s.given != "" {
		return ErrTokenGiven
	}
	unlock, err := s.vault.Lock(ctx, s.profile)
	if err != nil {
		return err
	}
	defer unlock()
	kept, err := s.load() // somebody may have refreshed, or signed out
	if errors.Is(err, ErrSignedOut) {
		return nil
	}
	if err != nil {
		return err
	}
	refreshToken, revoked := s.vault.RefreshToken(s.profile, kept)
	if revoked == nil {
		revoked = s.client.Revoke(ctx, refreshToken)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := s.vault.Delete(ctx, s.profile); err != nil {
		return errors.Join(err, revoked)
	}
	if revoked != nil {
		return &NotRevokedError{Err: revoked}
	}
	return nil
}

// NotRevokedError says that the credentials are gone from this machine while the
// session still lives on the server.
type NotRevokedError struct{ Err error }

func (e *NotRevokedError) Error() string {
	return "the session was not ended on the server: " + e.Err.Error()
}

// Unwrap gives the reason.
func (e *NotRevokedError) Unwrap() error { return e.Err }
