package sql

import (
	"context"
	"errors"
	"time"

	"github.com/handclasp/handclasp/store"
)

// request is a row of requests: what everybody may know, and what only the keeper needs.
type request struct {
	store.Request
	version   int64     // one more with each change; a change is written only over the version that was looked at
	pace      pace      // see poll.go
	wrong     int       // fingerprints
	authTime  time.Time // from here on: of the approval, for the grant
	amr       []string
	jti, next string
	idle      time.Duration
	absolute  time.Duration
	index     int64
	key       string // set by the poll that redeems: what the grant is bound to
}

const requestColumns = `sid, version, secret, user_code, client_id, scope, audience, fingerprint, name, platform, address,
	created_at, expires_at, interval_ms, state, reason, browser, user_id, device_id, polled_at, counted_at, slowed,
	repeated, wrong, auth_time, amr, jti, next_jti, idle_ms, absolute_ms, status_index, bound_key`

func scanRequest(row scanner) (r request, err error) {
	err = row.Scan(&r.SID, &r.version, &r.Secret, &r.UserCode, &r.ClientID, wordsInto(&r.Scope), wordsInto(&r.Audience),
		&r.Fingerprint, &r.Name, &r.Platform, &r.Address, timeInto(&r.CreatedAt), timeInto(&r.ExpiresAt),
		spanInto(&r.Interval), &r.State, &r.Reason, &r.Browser, &r.UserID, &r.DeviceID, timeInto(&r.pace.accepted),
		timeInto(&r.pace.counted), bitInto(&r.pace.slowed), bitInto(&r.pace.repeated), &r.wrong, timeInto(&r.authTime),
		wordsInto(&r.amr), &r.jti, &r.next, spanInto(&r.idle), spanInto(&r.absolute), &r.index, &r.Key)
	return r, err
}

// Open implements store.Tickets.
func (d *DB) Open(ctx context.Context, r store.Request, limits ...store.Limit) (store.Verdict, error) {
	v, err := answer(ctx, d.soft, func(ctx context.Context, tx *runner) (store.Verdict, error) {
		now := d.now()
		v, err := charge(ctx, tx, now, limits)
		if err != nil {
			return v, err
		}
		_, err = tx.exec(ctx, `UPDATE requests SET user_code = '', version = version + 1
			WHERE user_code = $1 AND user_code <> '' AND expires_at <= $2`, r.UserCode, ms(now))
		if err != nil {
			return v, err
		}
		n, err := tx.exec(ctx, `INSERT INTO requests (sid, version, secret, user_code, client_id, scope, audience, fingerprint,
				name, platform, address, created_at, expires_at, interval_ms, state, bound_key)
			VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
			ON CONFLICT (user_code) WHERE user_code <> '' DO NOTHING`,
			r.SID, r.Secret, r.UserCode, r.ClientID, words(r.Scope), words(r.Audience), r.Fingerprint,
			r.Name, r.Platform, r.Address, ms(r.CreatedAt), ms(r.ExpiresAt), r.Interval.Milliseconds(), store.StatePending, r.Key)
		if err == nil && n == 0 {
			err = store.ErrExists
		}
		return v, err
	})
	return verdict(v, err)
}

// lookup finds requests; each is one of the ways that a caller may name one.
const (
	bySID  = `SELECT ` + requestColumns + ` FROM requests WHERE sid = $1`
	byCode = `SELECT ` + requestColumns + ` FROM requests WHERE user_code = $1 AND user_code <> ''`
)

// look reads a request as it stands now.
func (d *DB) look(ctx context.Context, lookup, name string) (request, time.Time, error) {
	now := d.now()
	r, err := single(ctx, d.read, scanRequest, lookup, name)
	if err == nil && !now.Before(r.ExpiresAt.Add(store.RequestAfterlife)) {
		err = store.ErrNotFound
	}
	return r, now, err
}

// Request implements store.Tickets.
func (d *DB) Request(ctx context.Context, sid, browser string) (store.Request, error) {
	r, now, err := d.look(ctx, bySID, sid)
	if err != nil {
		return store.Request{}, err
	}
	if browser == "" || r.Browser != browser {
		return store.Request{}, store.ErrNotFound
	}
	if r.expired(now) {
		r.State = store.StateExpired
	}
	return r.Request, nil
}

// expired reports whether the request has outlived its time without an end of another kind.
func (r *request) expired(now time.Time) bool {
	return (r.State == store.StatePending || r.State == store.StateApproved) && !now.Before(r.ExpiresAt)
}

// effort is what a change of a request needs.
type effort int

const (
	nothing effort = iota // there is no change
	soft                  // it may be lost with a power cut
	hard                  // it may not
)

// move looks at a request and lets decide change it. What changed is written only over what was looked at; if somebody
// was faster, move looks again and decide decides anew. So decide holds all the rules and no SQL, and the one
// conditional write is the claim.
func (d *DB) move(ctx context.Context, lookup, name string, decide func(r *request, now time.Time) (effort, error)) error {
	for {
		r, now, err := d.look(ctx, lookup, name)
		if err != nil {
			return err
		}
		before := r.State
		how, err := decide(&r, now)
		if err != nil || how == nothing {
			return err
		}
		w := d.soft
		if how == hard {
			w = d.hard
		}
		err = w.write(ctx, func(ctx context.Context, tx *runner) error { return swap(ctx, tx, r, before, now) })
		if !errors.Is(err, errFaster) {
			return err
		}
	}
}

// errFaster: somebody else changed the row between our look and our write.
var errFaster = errors.New("changed meanwhile")

// swap writes a changed request, and what follows from a change of its state.
func swap(ctx context.Context, tx *runner, r request, before store.State, now time.Time) error {
	n, err := tx.exec(ctx, `UPDATE requests SET version = version + 1, interval_ms = $3, state = $4, reason = $5, browser = $6,
			user_id = $7, device_id = $8, polled_at = $9, counted_at = $10, slowed = $11, repeated = $12, wrong = $13,
			auth_time = $14, amr = $15, jti = $16, next_jti = $17, idle_ms = $18, absolute_ms = $19, status_index = $20
		WHERE sid = $1 AND version = $2`,
		r.SID, r.version, r.Interval.Milliseconds(), r.State, r.Reason, r.Browser, r.UserID, r.DeviceID,
		ms(r.pace.accepted), ms(r.pace.counted), bit(r.pace.slowed), bit(r.pace.repeated), r.wrong, ms(r.authTime),
		words(r.amr), r.jti, r.next, r.idle.Milliseconds(), r.absolute.Milliseconds(), r.index)
	if err != nil {
		return err
	}
	if n == 0 {
		return errFaster
	}
	if r.State == before {
		return nil
	}
	switch r.State {
	case store.StateApproved, store.StateDenied:
		return signal(ctx, tx, r.SID, now)
	case store.StateRedeemed:
		return insertGrant(ctx, tx, r.grant(now))
	}
	return nil
}
