package sessions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/handclasp/handclasp/store"
)

// nowLife is how long a request lives that is opened, approved and redeemed in one go.
const nowLife = time.Minute

// Person is who begins a session, and how they have proven it just now.
type Person struct {
	UserID string
	AMR    []string
	Bind   bool // every refresh has to show the key that the request names
}

// BeginNow begins a session for somebody who has proven who they are to the client itself, so that there is no code to type
// and nobody to wait for. It goes through the steps of every other login, one after the other, so that what they promise
// holds here too: one owner a device, as many devices as an account may have, nobody who is disabled, the mail about a
// new device. The request says what is asked for (SID, client, scope, audience, fingerprint, names, address); the rest of it
// is filled in here.
//
// store.ErrConflict: the device belongs to somebody else. store.ErrFull: the person has too many devices. store.ErrRefused:
// the user or the client may not. After any error nothing was given, and what was begun is tidied up by the sweeper.
func (s *Sessions) BeginNow(ctx context.Context, r store.Request, who Person) (store.Grant, error) {
	now, secret := s.Now(), store.RandomText(32)
	r.Secret, r.UserCode = store.Digest("device-code", secret), store.Digest("no-code", store.RandomText(32))
	r.CreatedAt, r.ExpiresAt, r.Interval, r.State = now, now.Add(nowLife), time.Second, store.StatePending
	// Killed after this line: a request that nobody knows a code of, for a minute.
	if _, err := s.Tickets.Open(ctx, r); err != nil {
		return store.Grant{}, fmt.Errorf("open request: %w", err)
	}
	// After this: the same, owned by a browser that there is not, so that nobody else can decide it.
	by := store.Browser{SID: store.NewID(store.SessionPrefix), UserID: who.UserID, AMR: who.AMR, AuthTime: now}
	bound, err := s.Tickets.Bind(ctx, r.UserCode, by.SID, who.UserID)
	if err != nil {
		return store.Grant{}, fmt.Errorf("bind request: %w", err)
	}
	// Within this: a provisional session, which is on no list and which the sweeper deletes when the request has run out.
	// After it: an approval that nobody can redeem, as nobody knows the secret, which ends in the same way.
	if err := s.Begin(ctx, bound, by); err != nil {
		return store.Grant{}, err
	}
	// After this: a grant whose session is provisional. The sweeper deletes both.
	polled, err := s.Tickets.Poll(ctx, store.Poll{SID: r.SID, Secret: r.Secret, ClientID: r.ClientID, Fingerprint: r.Fingerprint, Key: r.Key, Bind: who.Bind})
	if err != nil {
		return store.Grant{}, fmt.Errorf("redeem request: %w", err)
	}
	if polled.Answer != store.AnswerGranted {
		return store.Grant{}, errors.New("redeem request: the ticket store answered " + string(polled.Answer))
	}
	// After this: a session that its client has not heard of, as when an answer is lost on its way. It is on the person's
	// list, and the next sign-in on that device takes its place.
	return polled.Grant, s.Redeem(ctx, polled.Grant)
}
