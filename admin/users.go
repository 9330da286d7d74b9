package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/handclasp/handclasp/mail"
	"github.com/handclasp/handclasp/store"
)

// User is a user as the desk shows one.
type User struct {
	ID         string    `json:"id"`
	Email      string    `json:"email"`
	Name       string    `json:"name"`
	Disabled   bool      `json:"disabled"`
	CreatedAt  time.Time `json:"created_at"`
	VerifiedAt time.Time `json:"verified_at,omitzero"`
	DisabledAt time.Time `json:"disabled_at,omitzero"`
}

func userOf(u store.User) User {
	return User{
		ID: u.ID, Email: u.Email, Name: u.Name, Disabled: u.Disabled(),
		CreatedAt: u.CreatedAt.UTC(), VerifiedAt: u.VerifiedAt.UTC(), DisabledAt: u.DisabledAt.UTC(),
	}
}

// UserQuery chooses users; what is empty does not choose.
type UserQuery struct {
	Paging
	State store.Standing
	Email string // in any form that names one address
}

// Users implements Desk.
func (l *Local) Users(ctx context.Context, q UserQuery) (Page[User], error) {
	limit, errLimit := q.limit()
	after, errPlace := q.place("users")
	errEmail := error(nil)
	if q.Email != "" {
		if q.Email, errEmail = mail.ParseAddress(q.Email); errEmail != nil {
			errEmail = fmt.Errorf("email: %w", errEmail)
		}
	}
	if err := invalid(errLimit, errPlace, errEmail, checkStanding(q.State)); err != nil {
		return Page[User]{}, err
	}
	list, err := l.o.Records.ListUsers(ctx, store.UserQuery{Standing: q.State, Email: q.Email, After: after, Limit: limit})
	if err != nil {
		return Page[User]{}, fmt.Errorf("list users: %w", err)
	}
	return paged(list, limit, "users", userOf, func(u store.User) string { return u.ID }), nil
}

// User implements Desk.
func (l *Local) User(ctx context.Context, id string) (User, error) {
	if !store.ValidID(store.UserPrefix, id) {
		return User{}, store.ErrNotFound
	}
	user, err := l.o.Records.User(ctx, id)
	if err != nil {
		return User{}, fmt.Errorf("find user: %w", err)
	}
	return userOf(user), nil
}

// DisableUser implements Desk.
func (l *Local) DisableUser(ctx context.Context, id string) (User, error) {
	before, err := l.User(ctx, id)
	if err != nil {
		return User{}, err
	}
	if err := l.o.Sessions.Disable(l.as(ctx), id); err != nil {
		return User{}, l.unfinished(ctx, before, err)
	}
	return l.User(ctx, id)
}

// unfinished says how far Disable came.
func (l *Local) unfinished(ctx context.Context, u User, cause error) error {
	if now, err := l.User(ctx, u.ID); err == nil && now.Disabled {
		return &Unfinished{u.Email + " may not sign in any more, but not every session is ended", cause}
	}
	return cause
}

// EnableUser implements Desk.
func (l *Local) EnableUser(ctx context.Context, id string) (User, error) {
	if _, err := l.User(ctx, id); err != nil {
		return User{}, err
	}
	if err := l.o.Sessions.Enable(l.as(ctx), id); err != nil {
		return User{}, err
	}
	return l.User(ctx, id)
}

// EndSessions implements Desk.
func (l *Local) EndSessions(ctx context.Context, userID string) (int, error) {
	user, err := l.User(ctx, userID)
	if err != nil {
		return 0, err
	}
	ended, err := l.o.Sessions.EndOthers(l.as(ctx), userID, "", EndedByOperator)
	if err != nil {
		return ended, &Unfinished{"not every session of " + user.Email + " is ended", err}
	}
	l.record(ctx, store.Event{Type: "user.end_sessions", Target: userID, UserID: userID})
	return ended, nil
}

// DeleteUser implements Desk. The order leaves nobody behind who could sign in: first the door is closed.
func (l *Local) DeleteUser(ctx context.Context, id string) error {
	user, err := l.DisableUser(ctx, id)
	if err != nil {
		return err
	}
	err = l.o.Records.RemoveUser(ctx, id, l.now())
	if errors.Is(err, store.ErrRefused) { // an approval that nobody has redeemed: the sweeper takes its ticket in a moment
		return &Unfinished{user.Email + " may not sign in any more, but a session is still being ended; try again in ten seconds", nil}
	}
	if err != nil {
		return fmt.Errorf("delete user: %w", err)
	}
	l.record(ctx, store.Event{Type: "user.delete", Target: id, UserID: id})
	return nil
}
