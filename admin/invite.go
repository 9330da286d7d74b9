package admin

import (
	"context"
	"errors"
	"fmt"

	"github.com/handclasp/handclasp/mail"
	"github.com/handclasp/handclasp/store"
)

// Letters is how the desk writes to people.
type Letters struct {
	Site   mail.Site
	Post   func(ctx context.Context, letter mail.Message) error
	Outbox bool   // letters are kept in a folder, since no mail server is set
	Signup string // who may sign up, as the setting says it
}

// Invitation is an address that may sign up, and what was done to tell it.
type Invitation struct {
	Email  string `json:"email"`
	Link   string `json:"link"`   // the sign-in page; it is no secret and grants nothing
	Sent   bool   `json:"sent"`   // a mail server has it, or gets it; else it lies in the outbox folder
	Signup string `json:"signup"` // while it is closed the invitation waits
}

// InviteUser implements Desk.
func (l *Local) InviteUser(ctx context.Context, email string) (Invitation, error) {
	address, err := mail.ParseAddress(email)
	if err != nil {
		return Invitation{}, invalid(fmt.Errorf("email %q: %w", email, err))
	}
	now, link := l.now(), l.o.Issuer+"/signin"
	letter, err := mail.Invite{Site: l.o.Letters.Site, To: address, Link: link, At: now}.Message()
	if err != nil {
		return Invitation{}, fmt.Errorf("write the invitation: %w", err)
	}
	if err := l.mayInvite(ctx, address); err != nil {
		return Invitation{}, err
	}
	if err := l.o.Records.Invite(ctx, address, l.asker.Actor, now); err != nil {
		return Invitation{}, fmt.Errorf("note the invitation: %w", err)
	}
	l.record(ctx, store.Event{Type: "user.invite", Target: address})
	if err := l.o.Letters.Post(ctx, letter); err != nil {
		return Invitation{}, &Unfinished{address + " may sign up, but the mail was not sent", err}
	}
	return Invitation{Email: address, Link: link, Sent: !l.o.Letters.Outbox, Signup: l.o.Letters.Signup}, nil
}

func (l *Local) mayInvite(ctx context.Context, address string) error {
	user, err := l.o.Records.UserByEmail(ctx, address)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("find user: %w", err)
	case user.Disabled():
		return &Refusal{Reason: ReasonDisabled, Text: address + " is a user already, and disabled", By: user.ID}
	default:
		return &Refusal{Reason: ReasonExists, Text: address + " is a user already", By: user.ID}
	}
}
