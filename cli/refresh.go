package cli

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"time"

	"github.com/handclasp/handclasp/cli/flow"
	"github.com/handclasp/handclasp/cli/vault"
)

// spare is how much life a kept token must have left to be handed out: enough for a
// request that starts now and for clocks that differ a little.
const spare = time.Minute

// last is how much of it is enough while no new one can be had, because the server is away.
const last = 5 * time.Second

// fresh gives the kept token of a resource, or a new one. A token that was rejected is
// not given again.
func (s *Session) fresh(ctx context.Context, resource, rejected string) (Token, error) {
	if s.given != "" {
		if resource != "" && resource != s.client.Issuer {
			return Token{}, ErrTokenGiven
		}
		return Token{Value: s.given}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if token, ok := usable(s.kept, resource, rejected); ok {
		return token, nil
	}
	unlock, err := s.vault.Lock(ctx, s.profile)
	if err != nil {
		return Token{}, err
	}
	defer unlock()
	return s.renew(ctx, resource, rejected)
}

// renew does what must be done under the lock. Ten processes that wait here cause one
// refresh: the other nine find its result.
func (s *Session) renew(ctx context.Context, resource, rejected string) (Token, error) {
	kept, err := s.load()
	if err != nil {
		return Token{}, err
	}
	if kept.Issuer != s.client.Issuer || kept.Fingerprint != s.client.Fingerprint {
		return Token{}, ErrSignedOut // another login took the profile; this session is gone
	}
	s.kept = kept
	if token, ok := usable(kept, resource, rejected); ok {
		return token, nil
	}
	refreshToken, err := s.vault.RefreshToken(s.profile, kept)
	if errors.Is(err, vault.ErrNone) {
		return Token{}, ErrSignedOut
	}
	if err != nil {
		return Token{}, err
	}
	if err := s.useKey(kept); errors.Is(err, vault.ErrNone) {
		return Token{}, ErrSignedOut // the session is bound to a key that is gone
	} else if err != nil {
		return Token{}, err
	}
	// What could not be kept must not be asked for: the server goes on to the next refresh token, and takes the one that
	// stays here for a copied one soon.
	if err := s.vault.Ready(); err != nil {
		return Token{}, err
	}
	tokens, err := s.client.Refresh(ctx, refreshToken, resource)
	// From here on an interruption must not stop the writing: the old refresh token
	// is good for two minutes more, not for ever.
	ctx = context.WithoutCancel(ctx)
	if errors.Is(err, ErrEnded) {
		kept.RefreshToken, kept.InKeyring, kept.Access = "", false, nil
		return Token{}, errors.Join(ErrEnded, s.vault.Save(ctx, s.profile, kept))
	}
	if token, ok := living(kept, resource, rejected, last); ok && away(err) {
		return token, nil
	}
	if err != nil {
		return Token{}, err
	}
	receive(&kept, tokens, resource, time.Now())
	if err := s.vault.Save(ctx, s.profile, kept); err != nil {
		return Token{}, err
	}
	s.kept = kept
	token, _ := usable(kept, resource, "")
	return token, nil
}

// receive notes what the server gave, and drops what has run out.
func receive(kept *vault.Credentials, tokens flow.Tokens, resource string, now time.Time) {
	if tokens.Refresh != "" {
		kept.RefreshToken = tokens.Refresh
	}
	now = now.UTC().Round(0)
	access := map[string]vault.Access{}
	maps.Copy(access, kept.Access)
	maps.DeleteFunc(access, func(_ string, a vault.Access) bool { return now.After(a.ExpiresAt) })
	access[resource] = vault.Access{
		Token: tokens.Access, Bound: tokens.Bound, Scope: tokens.Scope, ObtainedAt: now, ExpiresAt: now.Add(tokens.ExpiresIn),
	}
	kept.Access = access
}

// away tells a server that has not answered, or not as it should, from one that has refused.
func away(err error) bool {
	if said, ok := errors.AsType[*flow.ServerError](err); ok {
		return said.Status >= http.StatusInternalServerError
	}
	_, lost := errors.AsType[*flow.UnreachableError](err)
	return lost && !errors.Is(err, context.Canceled)
}

// usable finds a kept token with enough life left.
func usable(kept vault.Credentials, resource, rejected string) (Token, bool) {
	a := kept.Access[resource]
	return living(kept, resource, rejected, min(spare, a.ExpiresAt.Sub(a.ObtainedAt)/2))
}

// living finds a kept token with so much life left. A clock that was set back behind
// the moment when the token came proves nothing, so the token is not trusted then.
func living(kept vault.Credentials, resource, rejected string, left time.Duration) (Token, bool) {
	a, ok := kept.Access[resource]
	now := time.Now()
	if !ok || a.Token == rejected || a.ExpiresAt.Sub(now) < left || now.Before(a.ObtainedAt.Add(-spare)) {
		return Token{}, false
	}
	return Token{Value: a.Token, Bound: a.Bound, Scope: a.Scope, ExpiresAt: a.ExpiresAt}, true
}
