package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/handclasp/handclasp/store"
)

// unpackGrant reads what redeem.lua and rotate.lua packed.
func unpackGrant(sid, raw string) (store.Grant, error) {
	u := &unpacker{s: raw}
	g := store.Grant{SID: sid}
	g.CreatedAt, g.RotatedAt, g.ExpiresAt, g.Idle, g.AuthTime = u.time(), u.time(), u.time(), u.span(), u.time()
	g.JTI, g.Next, g.Previous = u.text(), u.text(), u.text()
	g.ClientID, g.Fingerprint = u.text(), u.text()
	g.Scope, g.Audience = u.list(), u.list()
	g.UserID, g.DeviceID, g.AMR = u.text(), u.text(), u.list()
	if !u.failed && u.s != "" { // what began before there were status lists ends here
		g.StatusIndex = u.number()
	}
	if !u.failed && u.s != "" { // likewise before there were keys
		g.Key = u.text()
	}
	return g, u.err()
}

// Rotate decides what a refresh token is worth; see store.Tickets.
func (s *Store) Rotate(ctx context.Context, r store.Rotation) (store.Grant, error) {
	if !validSID(r.SID) {
		return store.Grant{}, store.ErrNotFound
	}
	if r.JTI == "" || r.Next == "" || r.AfterNext == "" {
		return store.Grant{}, errors.New("redis: rotate: a token and its next two are needed")
	}
	scope, err := lines(r.Scope)
	if err != nil {
		return store.Grant{}, store.ErrScope // no grant can have it
	}
	if strings.Contains(r.Audience, "\n") {
		return store.Grant{}, store.ErrTarget // two that stand side by side in the list are not one
	}
	reply, err := s.run(ctx, stepRotate, []string{s.keys.grant(r.SID)},
		s.clock(), r.JTI, r.Next, r.AfterNext, r.ClientID, r.Fingerprint, r.Audience, scope, r.Key)
	if err != nil {
		return store.Grant{}, err
	}
	return grantOf(stepRotate, r.SID, reply)
}

// Grant returns the live grant of a session; see store.Tickets.
func (s *Store) Grant(ctx context.Context, sid, jti string) (store.Grant, error) {
	if !validSID(sid) {
		return store.Grant{}, store.ErrNotFound
	}
	keys := []string{s.keys.grant(sid)}
	if jti != "" {
		keys = append(keys, s.keys.revoked(sid, jti))
	}
	reply, err := s.run(ctx, stepGrant, keys, s.clock())
	if err != nil {
		return store.Grant{}, err
	}
	return grantOf(stepGrant, sid, reply)
}

func grantOf(of *step, sid string, reply answer) (store.Grant, error) {
	if err := reply.ok(of); err != nil {
		return store.Grant{}, err
	}
	return unpackGrant(sid, reply.text(1))
}

// RevokeAccess remembers that one access token is not good any more; see store.Tickets.
func (s *Store) RevokeAccess(ctx context.Context, sid, jti string, ttl time.Duration) error {
	if !validSID(sid) || jti == "" {
		return fmt.Errorf("redis: revoke access: %q has no such token", sid)
	}
	_, err := s.mark(ctx, s.keys.revoked(sid, jti), ttl)
	return err
}

// RevokeService remembers that a token without a session is not good any more; see store.Tickets.
func (s *Store) RevokeService(ctx context.Context, jti string, ttl time.Duration) error {
	if jti == "" {
		return errors.New("redis: revoke a service's token: it has no id")
	}
	_, err := s.mark(ctx, s.keys.service(jti), ttl)
	return err
}

// Revoked reports whether RevokeService was told of a token; see store.Tickets.
func (s *Store) Revoked(ctx context.Context, jti string) (bool, error) {
	reply, err := s.run(ctx, stepMarked, []string{s.keys.service(jti)}, s.clock())
	if err != nil {
		return false, err
	}
	err = reply.ok(stepMarked)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Drop deletes every ticket of a session at once; see store.Tickets. The user code stays taken until its request would
// have ended: it lies in another slot, and leads nowhere.
func (s *Store) Drop(ctx context.Context, sid string) error {
	if !validSID(sid) {
		return nil
	}
	keys := []string{s.keys.request(sid), s.keys.grant(sid), s.keys.browser(sid)}
	reply, err := s.run(ctx, stepDrop, keys, sid, s.channel)
	if err != nil {
		return err
	}
	return reply.ok(stepDrop)
}
