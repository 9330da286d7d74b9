package store

import (
	"context"
	"time"
)

// The reasons for an end of which nobody is told: the app itself has begun a newer session in its place, or has let
// this one run out. What hung on a browser session that ended so goes on.
const (
	ReasonReplaced = "replaced"
	ReasonExpired  = "expired"
)

// Silent reports whether a session that ends for this reason takes nothing along, and is told to no app.
func Silent(reason string) bool { return reason == ReasonReplaced || reason == ReasonExpired }

// Logout is the end of a session that its app has still to hear of (OpenID Connect Back-Channel Logout 1.0). EndSession
// writes it in the transaction that ends the session, so that none is forgotten.
type Logout struct {
	SID      string
	ClientID string
	UserID   string
	EndedAt  time.Time
	DueAt    time.Time // when it is to be tried next
	Tries    int       // that were begun before
}

// Logouts keeps the ends that apps have still to hear of. It is a part of Records.
type Logouts interface {
	// DueLogouts lists what is due, the longest due first, at most limit.
	DueLogouts(ctx context.Context, now time.Time, limit int) ([]Logout, error)
	// ClaimLogout takes one on for a try, until next, if it is still as it was listed: one of any number of replicas does.
	// ErrNotFound for all others.
	ClaimLogout(ctx context.Context, l Logout, next time.Time) error
	// DropLogout forgets it: the app has heard, or never will. No error if it is gone.
	DropLogout(ctx context.Context, sid string) error
}
