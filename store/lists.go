package store

import (
	"context"
	"time"
)

// Lists are what an operator looks through, page by page. A page begins behind the last entry of the one before, so that what
// comes and goes in between neither repeats an entry nor skips one. Empty members of a query do not choose.
type Lists interface {
	// ListClients lists clients in order of their id.
	ListClients(ctx context.Context, q ClientQuery) ([]Client, error)
	// Origins says of the clients from the first id to the last how those came that no operator has registered.
	Origins(ctx context.Context, first, last string) (map[string]Origin, error)
	// ListUsers lists users in order of their id.
	ListUsers(ctx context.Context, q UserQuery) ([]User, error)
	// ListSessions lists sessions, the newest first.
	ListSessions(ctx context.Context, q SessionQuery) ([]Session, error)
	// ListEvents lists events in order of their id, or against it.
	ListEvents(ctx context.Context, q EventQuery) ([]Event, error)
}

// Standing chooses clients and users that are enabled, or that are not.
type Standing string

// The two standings.
const (
	Enabled  Standing = "enabled"
	Disabled Standing = "disabled"
)

// ClientQuery chooses clients.
type ClientQuery struct {
	Standing Standing
	After    string // the id of the last one that was seen
	Limit    int
}

// UserQuery chooses users.
type UserQuery struct {
	Standing Standing
	Email    string // canonical
	After    string
	Limit    int
}

// Phase is where a session's life stands.
type Phase string

// The phases of a session.
const (
	PhaseProvisional Phase = "provisional" // approved, not redeemed
	PhaseLive        Phase = "live"
	PhaseEnded       Phase = "ended"
)

// Phase says where the session's life stands.
func (s Session) Phase() Phase {
	switch {
	case !s.EndedAt.IsZero():
		return PhaseEnded
	case s.ConfirmedAt.IsZero():
		return PhaseProvisional
	default:
		return PhaseLive
	}
}

// SessionQuery chooses sessions.
type SessionQuery struct {
	UserID, ClientID, DeviceID string
	Phase                      Phase
	Since, Until               time.Time // when it was begun: at or after, and before
	AfterTime                  time.Time // of the last one that was seen
	AfterID                    string    // likewise; empty for the first page
	Limit                      int
}

// EventQuery chooses events.
type EventQuery struct {
	Type, UserID, SessionID, ClientID string
	Since, Until                      time.Time // when it happened: at or after, and before
	Newest                            bool      // the newest first
	After                             string    // the id of the last one that was seen
	Limit                             int
}
