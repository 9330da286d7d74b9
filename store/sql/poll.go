package sql

import (
	"context"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/handclasp/handclasp/store"
)

// pace is what is known of a client's polls.
type pace struct {
	accepted time.Time // the last poll that was not too early; zero before the first
	counted  time.Time // the last one that was no repeat, accepted or not
	slowed   bool      // whether that one was told to slow down
	repeated bool      // whether its one repeat has come
}

// Poll implements store.Tickets. A pending one costs a read and a soft write.
func (d *DB) Poll(ctx context.Context, p store.Poll) (store.Polled, error) {
	var answer store.Polled
	err := d.move(ctx, bySID, p.SID, func(r *request, now time.Time) (how effort, err error) {
		answer, how = r.poll(p, now)
		return how, nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return store.Polled{Answer: store.AnswerUnknown}, nil
	}
	if err != nil {
		return store.Polled{}, err
	}
	if answer.Answer == store.AnswerUnknown && p.Again && p.Key != "" {
		return d.again(ctx, p)
	}
	return answer, nil
}

// again hands a grant out once more to the key that it is bound to, if its answer may have been lost. It writes nothing.
func (d *DB) again(ctx context.Context, p store.Poll) (store.Polled, error) {
	unknown := store.Polled{Answer: store.AnswerUnknown}
	r, now, err := d.look(ctx, bySID, p.SID)
	if errors.Is(err, store.ErrNotFound) {
		return unknown, nil
	}
	if err != nil {
		return store.Polled{}, err
	}
	if !equal(r.Secret, p.Secret) || r.ClientID != p.ClientID || r.State != store.StateRedeemed || r.Key == "" || r.Fingerprint != p.Fingerprint {
		return unknown, nil
	}
	g, err := d.Grant(ctx, p.SID, "")
	if errors.Is(err, store.ErrNotFound) {
		return unknown, nil
	}
	if err != nil {
		return store.Polled{}, err
	}
	if g.Key != p.Key || g.Previous != "" || now.Sub(g.CreatedAt) > store.RedeemAgain {
		return unknown, nil
	}
	return store.Polled{Answer: store.AnswerGranted, Grant: g}, nil
}

// poll decides what the client hears, in the order of store.Tickets.
func (r *request) poll(p store.Poll, now time.Time) (store.Polled, effort) {
	switch {
	case !equal(r.Secret, p.Secret) || r.ClientID != p.ClientID || r.State == store.StateRedeemed:
		return store.Polled{Answer: store.AnswerUnknown}, nothing
	case !opens(r.Key, p.Key):
		return store.Polled{Answer: store.AnswerWrongKey}, nothing
	case r.Fingerprint != "" && !equal(r.Fingerprint, p.Fingerprint):
		return r.wrongFingerprint()
	case r.State == store.StateKilled:
		return store.Polled{Answer: store.AnswerDenied, Reason: store.ReasonFingerprint}, nothing
	case r.State == store.StateDenied:
		return store.Polled{Answer: store.AnswerDenied, Reason: r.Reason}, nothing
	case r.expired(now):
		return store.Polled{Answer: store.AnswerExpired}, nothing
	case r.State == store.StateApproved:
		r.State = store.StateRedeemed
		if p.Bind {
			r.key = p.Key
		}
		return store.Polled{Answer: store.AnswerGranted, Grant: r.grant(now)}, hard
	case p.Recheck:
		return r.told(store.AnswerPending), nothing
	}
	return r.paced(now), soft
}

// wrongFingerprint counts a try. The last one is written hard: what was killed stays killed.
func (r *request) wrongFingerprint() (store.Polled, effort) {
	r.wrong++
	answer := store.Polled{Answer: store.AnswerWrongFingerprint, Request: store.Request{
		SID: r.SID, ClientID: r.ClientID, Address: r.Address, Name: r.Name,
	}}
	if r.wrong < store.WrongFingerprints || r.State != store.StatePending && r.State != store.StateApproved {
		return answer, soft
	}
	r.State, answer.Killed = store.StateKilled, true
	return answer, hard
}

// paced answers a poll that has nothing but the interval against it.
func (r *request) paced(now time.Time) store.Polled {
	p := &r.pace
	if !p.counted.IsZero() && !p.repeated && now.Sub(p.counted) <= store.PollRepeat {
		p.repeated = true
		if p.slowed {
			return r.told(store.AnswerSlowDown)
		}
		return r.told(store.AnswerPending)
	}
	p.counted, p.repeated = now, false
	p.slowed = !p.accepted.IsZero() && now.Sub(p.accepted) < r.Interval-store.PollSlack
	if !p.slowed {
		p.accepted = now
		return r.told(store.AnswerPending)
	}
	// For good, not once (RFC 8628 §3.5); an interval that was long from the beginning does not shrink.
	r.Interval = max(r.Interval, min(r.Interval+store.SlowDownStep, store.SlowDownMost))
	return r.told(store.AnswerSlowDown)
}

func (r *request) told(a store.Answer) store.Polled {
	return store.Polled{Answer: a, Interval: r.Interval}
}

// grant is what an approved request becomes at its redemption; all its times run from there.
func (r *request) grant(now time.Time) store.Grant {
	now = now.UTC().Truncate(time.Millisecond)
	return store.Grant{
		SID: r.SID, UserID: r.UserID, DeviceID: r.DeviceID, ClientID: r.ClientID, Scope: r.Scope, Audience: r.Audience,
		AMR: r.amr, Fingerprint: r.Fingerprint, AuthTime: r.authTime, CreatedAt: now, RotatedAt: now,
		ExpiresAt: now.Add(r.absolute), Idle: r.idle, JTI: r.jti, Next: r.next, StatusIndex: r.index, Key: r.key,
	}
}

// opens reports whether a key that was shown is good for what is bound to one. Thumbprints are no secrets.
func opens(bound, shown string) bool {
	return bound == "" || bound == shown || bound == store.AnyKey && shown != ""
}

// equal compares hashes in constant time.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
