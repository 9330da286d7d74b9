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
	errNoOnCode = errors.New("neither Options.OnCode nor Options.OnAddress is set: nobody would see where to go")
)

// leftoverPatience is how long a finished login may take to end the session that it
// replaced.
const leftoverPatience = 5 * time.Second

const (
	// webPatience is how long a browser may take to come back before a code is shown instead.
	webPatience = 3 * time.Minute
	// lonePatience is the same where no code may be shown.
	lonePatience = 10 * time.Minute
)

// Login begins a new session: it asks for a code or an address, hands it to OnCode or
// OnAddress, and waits until the person has decided. Nothing is kept before that. The session that was kept under
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
	case o.OnCode == nil && o.OnAddress == nil:
		return nil, errNoOnCode
	}
	before, err := o.vault().Load(o.Profile)
	if err != nil && !errors.Is(err, vault.ErrNone) {
		return nil, err
	}
	key, err := o.deviceKey(before)
	if err != nil {
		return nil, err
	}
	s := &Session{vault: o.vault(), profile: o.Profile, resource: o.Resource, key: key}
	client := o.client(o.Issuer, o.ClientID, o.fingerprint(ctx, before))
	client.Key, s.client = s.deviceKey, client
	tokens, err := o.ask(ctx, client)
	if err != nil {
		return nil, err
	}
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

// ask goes the way through a browser on this machine if that is wanted and offered, else the way by code.
func (o Options) ask(ctx context.Context, client *flow.Client) (flow.Tokens, error) {
	request := flow.Request{
		Scopes: o.Scopes, Resource: o.Issuer, DeviceName: o.DeviceName, DevicePlatform: machine.Platform(),
	}
	tokens, answered, err := o.askHere(ctx, client, request)
	if !answered && o.OnCode != nil && ctx.Err() == nil {
		tokens, err = o.askAnywhere(ctx, client, request)
	}
	if err == nil && tokens.Refresh == "" {
		return flow.Tokens{}, &flow.ServerError{Host: o.Issuer, Status: http.StatusOK}
	}
	return tokens, err
}

// askHere asks through a browser on this machine. answered is false while the other way is still open: nothing came back.
func (o Options) askHere(ctx context.Context, client *flow.Client, r flow.Request) (tokens flow.Tokens, answered bool, err error) {
	if o.OnAddress == nil {
		return flow.Tokens{}, false, nil
	}
	web, err := client.BeginWeb(ctx, r)
	if err != nil {
		return flow.Tokens{}, false, err
	}
	o.OnAddress(web)
	patience := webPatience
	if o.OnCode == nil {
		patience = lonePatience
	}
	tokens, err = web.Wait(ctx, patience)
	return tokens, !errors.Is(err, flow.ErrNoCallback), err
}

// askAnywhere asks by a code that is confirmed on any device.
func (o Options) askAnywhere(ctx context.Context, client *flow.Client, r flow.Request) (flow.Tokens, error) {
	code, err := client.Begin(ctx, r)
	if err != nil {
		return flow.Tokens{}, err
	}
	o.OnCode(code)
	return client.Wait(ctx, code, o.OnTrouble)
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
	if kept.Key, err = s.key.Encode(); err != nil {
		return err
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
