package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/handclasp/handclasp/store"
)

// The states of a packed request, one letter each. "e" is only said, never kept.
var states = map[byte]store.State{
	'p': store.StatePending,
	'a': store.StateApproved,
	'd': store.StateDenied,
	'k': store.StateKilled,
	'r': store.StateRedeemed,
	'e': store.StateExpired,
}

// packRequest packs a new request in three parts: what polls read and write, what approval writes, and what only people
// look at, which the scripts never open.
func packRequest(r store.Request) ([]byte, error) {
	p := pack().bytes('p', 0, 'p', 0).spans(r.Interval).times(time.Time{}, time.Time{}, r.ExpiresAt)
	p.texts(withKey(r.Secret, r.Key), r.ClientID, r.Fingerprint).lists(r.Scope, r.Audience)
	p.texts(r.UserCode, "", "", "", "", "") // browser, user, device, reason, approval
	p.texts(r.Name, r.Platform, r.Address).times(r.CreatedAt)
	return p.b, p.err
}

// withKey writes the key that a request is bound to behind its secret, where a program that knows nothing of keys takes it for
// a part of the secret: while two versions work side by side, the older one refuses what it cannot check.
func withKey(secret, key string) string {
	if key == "" {
		return secret
	}
	return secret + " " + key
}

func unpackRequest(sid, raw string) (store.Request, error) {
	u := &unpacker{s: raw}
	r := store.Request{SID: sid, State: states[u.byte()]}
	u.take(3) // how often the fingerprint was wrong, the last answer, whether its repeat was forgiven
	r.Interval = u.span()
	u.take(16) // the last accepted poll, the last counted one
	r.ExpiresAt = u.time()
	r.Secret, r.ClientID, r.Fingerprint = u.text(), u.text(), u.text()
	r.Secret, r.Key, _ = strings.Cut(r.Secret, " ")
	r.Scope, r.Audience = u.list(), u.list()
	r.UserCode, r.Browser, r.UserID, r.DeviceID, r.Reason = u.text(), u.text(), u.text(), u.text(), u.text()
	u.text() // approval
	r.Name, r.Platform, r.Address, r.CreatedAt = u.text(), u.text(), u.text(), u.time()
	if r.State == store.StateKilled {
		r.Reason = store.ReasonFingerprint
	}
	return r, u.err()
}

// Open keeps a new device request; see store.Tickets. It never sees an ErrExists for a session id: those are random.
func (s *Store) Open(ctx context.Context, r store.Request, limits ...store.Limit) (store.Verdict, error) {
	if !validSID(r.SID) {
		return store.Verdict{}, fmt.Errorf("redis: open: %q is no session id", r.SID)
	}
	packed, err := packRequest(r)
	if err != nil {
		return store.Verdict{}, err
	}
	keys, args := s.buckets(limits, 2, 3)
	keys = append(keys, s.keys.code(r.UserCode), s.keys.request(r.SID))
	// The scripts find the last three by where they stand: keep.lua takes the end again from there.
	args = append(args, micros(r.ExpiresAt), r.SID, micros(r.ExpiresAt), packed)
	reply, err := s.run(ctx, stepOpen, keys, args...)
	if err != nil {
		return store.Verdict{}, err
	}
	return verdict(stepOpen, reply, limits)
}

// Bind opens a request by its user code; see store.Tickets. It is two round trips: the code lies in another slot. The
// second decides alone, so that a pointer which is too old does no harm.
func (s *Store) Bind(ctx context.Context, userCode, browser, userID string) (store.Request, error) {
	if browser == "" {
		return store.Request{}, errors.New("redis: bind: no browser session")
	}
	pointer, err := s.client.Get(ctx, s.keys.code(userCode)).Result()
	if errors.Is(err, goredis.Nil) {
		return store.Request{}, store.ErrNotFound
	}
	if err != nil {
		return store.Request{}, fmt.Errorf("redis: find user code: %w", err)
	}
	_, sid, _ := strings.Cut(pointer, " ")
	reply, err := s.run(ctx, stepBind, []string{s.keys.request(sid)}, s.clock(), userCode, browser, userID)
	if err != nil {
		return store.Request{}, err
	}
	return requestOf(stepBind, sid, reply)
}

// Request returns the request that this browser session owns; see store.Tickets.
func (s *Store) Request(ctx context.Context, sid, browser string) (store.Request, error) {
	if !validSID(sid) || browser == "" {
		return store.Request{}, store.ErrNotFound
	}
	reply, err := s.run(ctx, stepView, []string{s.keys.request(sid)}, s.clock(), browser)
	if err != nil {
		return store.Request{}, err
	}
	return requestOf(stepView, sid, reply)
}

// requestOf reads the request from an answer; with "taken" it comes beside the error.
func requestOf(of *step, sid string, reply answer) (store.Request, error) {
	refusal := reply.ok(of)
	if refusal != nil && !errors.Is(refusal, store.ErrTaken) {
		return store.Request{}, refusal
	}
	r, err := unpackRequest(sid, reply.text(1))
	if err != nil {
		return store.Request{}, err
	}
	return r, refusal
}

// Approve turns pending into approved; see store.Tickets.
func (s *Store) Approve(ctx context.Context, a store.Approval) error {
	if !validSID(a.SID) {
		return store.ErrNotFound
	}
	if a.Idle <= 0 || a.Absolute <= 0 || a.JTI == "" || a.Next == "" {
		return errors.New("redis: approve: a grant needs its lives and its first two tokens")
	}
	p := pack().spans(a.Idle, a.Absolute).times(a.AuthTime).texts(a.JTI, a.Next).lists(a.AMR)
	p.number(a.StatusIndex)
	if p.err != nil {
		return p.err
	}
	reply, err := s.run(ctx, stepApprove, []string{s.keys.request(a.SID)},
		s.clock(), a.Browser, a.UserID, a.DeviceID, p.b, a.SID, s.channel)
	if err != nil {
		return err
	}
	return reply.ok(stepApprove)
}

// Deny turns pending into denied; see store.Tickets.
func (s *Store) Deny(ctx context.Context, sid, browser, reason string) error {
	if !validSID(sid) {
		return store.ErrNotFound
	}
	reply, err := s.run(ctx, stepDeny, []string{s.keys.request(sid)}, s.clock(), browser, reason, sid, s.channel)
	if err != nil {
		return err
	}
	return reply.ok(stepDeny)
}

// validSID keeps everything that we did not make ourselves out of the names of keys.
func validSID(sid string) bool { return store.ValidID(store.SessionPrefix, sid) }

// verdict reads what the buckets said.
func verdict(of *step, reply answer, limits []store.Limit) (store.Verdict, error) {
	if reply.word() != "limited" {
		if err := reply.ok(of); err != nil {
			return store.Verdict{}, err
		}
		return store.Verdict{Allowed: true}, nil
	}
	i := int(reply.number(1)) - 1
	if i < 0 || i >= len(limits) {
		return store.Verdict{}, fmt.Errorf("redis: %s: unknown limit %s", of.name, strconv.Itoa(i))
	}
	return store.Verdict{Limit: limits[i].Key, RetryAfter: time.Duration(reply.number(2)) * time.Microsecond}, nil
}
