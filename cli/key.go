package cli

import (
	"errors"

	"github.com/handclasp/handclasp/cli/flow"
	"github.com/handclasp/handclasp/cli/vault"
)

// errUnbound says that there is nothing to prove.
var errUnbound = errors.New("the access token is not bound to a key, and needs no proof")

// deviceKey is the key of the device as this server knows it, or a new one, as with the fingerprint. One that cannot be had is
// replaced: the session that was bound to it is replaced too.
func (o Options) deviceKey(before vault.Credentials) (*flow.Key, error) {
	if before.Issuer == o.Issuer && !o.NewDevice {
		text, err := o.vault().Key(o.Profile, before)
		if err == nil && text != "" {
			if key, err := flow.ReadKey(text); err == nil {
				return key, nil
			}
		}
	}
	return flow.NewKey()
}

// deviceKey is what the session's client shows; nil if the session began before there were keys.
func (s *Session) deviceKey() (*flow.Key, error) {
	s.keyMu.Lock()
	defer s.keyMu.Unlock()
	if s.key != nil {
		return s.key, nil
	}
	kept, err := s.load()
	if err != nil {
		return nil, err
	}
	return s.read(kept)
}

// useKey reads the key of what is kept now: another login may have taken the profile since.
func (s *Session) useKey(kept vault.Credentials) error {
	s.keyMu.Lock()
	defer s.keyMu.Unlock()
	s.key = nil
	_, err := s.read(kept)
	return err
}

func (s *Session) read(kept vault.Credentials) (*flow.Key, error) {
	text, err := s.vault.Key(s.profile, kept)
	if err != nil || text == "" {
		return nil, err
	}
	s.key, err = flow.ReadKey(text)
	return s.key, err
}

// Proof is the header DPoP for one request with a token that is bound to the device's key (RFC 9449 §7). The API may have given
// a nonce in its last answer. Each proof is good for one request.
func (s *Session) Proof(token Token, method, address, nonce string) (string, error) {
	if !token.Bound {
		return "", errUnbound
	}
	key, err := s.deviceKey()
	if err != nil {
		return "", err
	}
	if key == nil {
		return "", ErrSignedOut
	}
	return key.Proof(method, address, nonce, token.Value)
}

// schemeOf is the scheme under which an API takes a token.
func schemeOf(t Token) string {
	if t.Bound {
		return "DPoP"
	}
	return "Bearer"
}
