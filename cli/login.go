package cli

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/handclasp/handclasp/cli/flow"
	"github.com/handclasp/handclasp/cli/machine"
	"github.com/handclasp/handclasp/cli/vault"
)

var (
	errNoIssuer = errors.New("no server is named")
	errNoOnCode = errors.New("Options.OnCode is not set: nobody would see the code")
)

// leftoverPatience is how long a finished login may take to end the session that it
// replaced.
const leftoverPatience = 5 * time.Second

// Login begins a new session: it asks for a code, hands it to OnCode, and waits until
// the person has decided. Nothing is kept before that. The session that was kept under
// the same profile is ended, as far as its server can be reached.
//
// ErrDenied, ErrExpired and ErrConflict of package flow say why there is none.
func Login(ctx context.Context, o Options) (*Session, error) {
	o, err := o.withDefaults()
	switch {
	case err != nil:
		return nil, err
	case o.AccessToken != "":
		return nil, ErrTokenGiven
	case o.Issuer == "":
		return nil, errNoIssuer
	case o.OnCode == nil:
		return nil, errNoOnCode
	}
	before, err := o.vault().Load(o.Profile)
	if err != nil && !errors.Is(err, vault.ErrNone) {
		return nil, err
	}
	client := o.client(o.Issuer, o.ClientID, o.fingerprint(ctx, before))
	tokens, err := o.ask(ctx, client)
	if err != nil {
		return nil, err
	}
	s := &Session{vault: o.vault(), profile: o.Profile, client: client, resource: o.Resource}
	// The person has confirmed: an interruption now would leave a session that
	// nobody holds.
	ctx = context.WithoutCancel(ctx)
	replaced, _ := o.vault().RefreshToken(o.Profile, before) // none, or none that could still be ended
	if err := s.begin(ctx, o, tokens); err != nil {
		return nil, errors.Join(err, client.Revoke(ctx, tokens.Refresh))
	}
	s.leftover = o.endReplaced(ctx, before, replaced)
	return s, nil
}

// fingerprint is the one of the device as this server knows it, or a new one. Another
// server gets another: two servers need not find out that they know the same device.
func (o Options) fingerprint(ctx context.Context, before vault.Credentials) string {
	if before.Fingerprint != "" && before.Issuer == o.Issuer && !o.NewDevice {
		return before.Fingerprint
	}
	return machine.Fingerprint(ctx)
}

func (o Options) ask(ctx context.Context, client *flow.Client) (flow.Tokens, error) {
	code, err := client.Begin(ctx, flow.Request{
		Scopes: o.Scopes, Resource: o.Issuer, DeviceName: o.DeviceName, DevicePlatform: machine.Platform(),
	})
	if err != nil {
		return flow.Tokens{}, err
	}
	o.OnCode(code)
	tokens, err := client.Wait(ctx, code, o.OnTrouble)
	if err == nil && tokens.Refresh == "" {
		return flow.Tokens{}, &flow.ServerError{Host: o.Issuer, Status: http.StatusOK}
	}
	return tokens, err
}

// begin keeps the session.
func (s *Session) begin(ctx context.Context, o Options, tokens flow.Tokens) error {
	unlock, err := s.vault.Lock(ctx, s.profile)
	if err != nil {
		return err
	}
	defer unlock()
	kept := vault.Credentials{
		Issuer: o.Issuer, ClientID: o.ClientID, Fingerprint: s.client.Fingerprint, DeviceName: o.DeviceName,
	}
	receive(&kept, tokens, o.Issuer, time.Now())
	if err := s.vault.Remember(ctx, s.profile, o.Issuer); err != nil {
		return err
	}
	s.kept = kept
	return s.vault.Save(ctx, s.profile, kept)
}

// endReplaced ends the session that lay here before. The server has done so already if
// it was of the same device and account.
func (o Options) endReplaced(ctx context.Context, before vault.Credentials, refreshToken string) error {
	if refreshToken == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, leftoverPatience)
	defer cancel()
	return o.client(before.Issuer, before.ClientID, before.Fingerprint).Revoke(ctx, refreshToken)
}

// introduce asks the server who signed in, and notes it for when it cannot be asked.
func (s *Session) introduce(ctx context.Context) error {
	me, err := s.Me(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := s.vault.Lock(ctx, s.profile)
	if err != nil {
		return err
	}
	defer unlock()
	kept, err := s.load()
	if err != nil {
		return err
	}
	kept.UserID, kept.Email = me.ID, me.Email
	if !me.Session.ExpiresAt.IsZero() {
		kept.ExpiresAt = &me.Session.ExpiresAt
	}
	s.kept = kept
	return s.vault.Save(ctx, s.profile, kept)
}
