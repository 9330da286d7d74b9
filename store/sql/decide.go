package sql

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/handclasp/handclasp/store"
)

// Bind implements store.Tickets.
func (d *DB) Bind(ctx context.Context, userCode, browser, userID string) (store.Request, error) {
	var got store.Request
	err := d.move(ctx, byCode, userCode, func(r *request, now time.Time) (effort, error) {
		got = r.Request
		switch {
		case !now.Before(r.ExpiresAt) || browser == "":
			got = store.Request{}
			return nothing, store.ErrNotFound
		case r.Browser == browser:
			return nothing, nil
		case r.Browser != "":
			return nothing, store.ErrTaken
		}
		r.Browser, r.UserID = browser, userID
		got = r.Request
		return hard, nil
	})
	if err != nil && !errors.Is(err, store.ErrTaken) {
		return store.Request{}, err
	}
	return got, err
}

// Approve implements store.Tickets.
func (d *DB) Approve(ctx context.Context, a store.Approval) error {
	return d.decide(ctx, a.SID, a.Browser, func(r *request) (effort, error) {
		if r.State == store.StateApproved || r.State == store.StateRedeemed {
			if r.UserID == a.UserID && r.DeviceID == a.DeviceID {
				return nothing, nil
			}
			return nothing, store.ErrDecided
		}
		if r.State != store.StatePending {
			return nothing, store.ErrDecided
		}
		r.State, r.UserID, r.DeviceID = store.StateApproved, a.UserID, a.DeviceID
		r.authTime, r.amr, r.jti, r.next = a.AuthTime, slices.Clone(a.AMR), a.JTI, a.Next
		r.idle, r.absolute, r.index = a.Idle, a.Absolute, a.StatusIndex
		return hard, nil
	})
}

// Deny implements store.Tickets.
func (d *DB) Deny(ctx context.Context, sid, browser, reason string) error {
	return d.decide(ctx, sid, browser, func(r *request) (effort, error) {
		if r.State == store.StateDenied {
			return nothing, nil
		}
		if r.State != store.StatePending {
			return nothing, store.ErrDecided
		}
		r.State, r.Reason = store.StateDenied, reason
		return hard, nil
	})
}

// decide lets the browser that owns a request change its state, and wakes who waits for that.
func (d *DB) decide(ctx context.Context, sid, browser string, change func(*request) (effort, error)) error {
	changed := false
	err := d.move(ctx, bySID, sid, func(r *request, now time.Time) (effort, error) {
		changed = false
		if browser == "" || r.Browser != browser {
			return nothing, store.ErrTaken
		}
		pending := r.State == store.StatePending
		how, err := change(r)
		if err != nil || how == nothing {
			return how, err
		}
		if pending && !now.Before(r.ExpiresAt) {
			return nothing, store.ErrExpired
		}
		changed = true
		return how, nil
	})
	if err == nil && changed {
		d.hub.wake(sid)
	}
	return err
}
