package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/handclasp/handclasp/store"
)

// EndedByOperator is why a session ended that the desk has ended.
const EndedByOperator = "ended_by_operator"

// Session is a session as the desk shows one.
type Session struct {
	ID        string      `json:"id"`
	State     store.Phase `json:"state"`
	Kind      store.Kind  `json:"kind"`
	UserID    string      `json:"user"`
	Name      string      `json:"name"`
	Platform  string      `json:"platform"`
	DeviceID  string      `json:"device"`
	ClientID  string      `json:"client"`
	Scope     string      `json:"scope"`
	Address   string      `json:"address"`
	CreatedAt time.Time   `json:"created_at"`
	SeenAt    time.Time   `json:"seen_at"`
	ExpiresAt time.Time   `json:"expires_at"`
	EndedAt   time.Time   `json:"ended_at,omitzero"`
	EndReason string      `json:"end_reason,omitempty"`
}

func sessionOf(s store.Session) Session {
	return Session{
		ID: s.ID, State: s.Phase(), Kind: s.Kind, UserID: s.UserID, Name: s.Name, Platform: s.Platform, DeviceID: s.DeviceID,
		ClientID: s.ClientID, Scope: strings.Join(s.Scope, " "), Address: s.Address, CreatedAt: s.CreatedAt.UTC(),
		SeenAt: s.SeenAt.UTC(), ExpiresAt: s.ExpiresAt.UTC(), EndedAt: s.EndedAt.UTC(), EndReason: s.EndReason,
	}
}

// SessionQuery chooses sessions; what is empty does not choose.
type SessionQuery struct {
	Paging
	UserID, ClientID, DeviceID string
	State                      store.Phase
	Since, Until               time.Time // when it was begun: at or after, and before
}

// Sessions implements Desk. What it shows of a session's last use is what the records know, at most an hour old.
func (l *Local) Sessions(ctx context.Context, q SessionQuery) (Page[Session], error) {
	limit, errLimit := q.limit()
	at, errPlace := q.place("sessions")
	afterTime, afterID, errAt := readSessionPlace(at)
	if err := invalid(errLimit, errPlace, errAt, checkID("user", store.UserPrefix, q.UserID), checkClient(q.ClientID),
		checkID("device", store.DevicePrefix, q.DeviceID), checkPhase(q.State), checkSpan(q.Since, q.Until)); err != nil {
		return Page[Session]{}, err
	}
	list, err := l.o.Records.ListSessions(ctx, store.SessionQuery{
		UserID: q.UserID, ClientID: q.ClientID, DeviceID: q.DeviceID, Phase: q.State, Since: q.Since, Until: q.Until,
		AfterTime: afterTime, AfterID: afterID, Limit: limit,
	})
	if err != nil {
		return Page[Session]{}, fmt.Errorf("list sessions: %w", err)
	}
	return paged(list, limit, "sessions", sessionOf, sessionPlace), nil
}

func checkPhase(p store.Phase) error {
	switch p {
	case "", store.PhaseProvisional, store.PhaseLive, store.PhaseEnded:
		return nil
	}
	return fmt.Errorf("state %q: want provisional, live or ended", string(p))
}

// Session implements Desk.
func (l *Local) Session(ctx context.Context, id string) (Session, error) {
	if !store.ValidID(store.SessionPrefix, id) {
		return Session{}, store.ErrNotFound
	}
	row, err := l.o.Records.Session(ctx, id)
	if err != nil {
		return Session{}, fmt.Errorf("find session: %w", err)
	}
	return sessionOf(row), nil
}

// EndSession implements Desk. A session that has ended is ended once more, so that a repeated request finishes the work.
func (l *Local) EndSession(ctx context.Context, id string) error {
	if !store.ValidID(store.SessionPrefix, id) {
		return store.ErrNotFound
	}
	err := l.o.Sessions.EndAny(l.as(ctx), id, EndedByOperator)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return &Unfinished{"the session " + id + " is not ended everywhere", err}
	}
	return err
}
