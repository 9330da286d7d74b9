package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/mail"
	"github.com/handclasp/handclasp/server"
	"github.com/handclasp/handclasp/store"
)

// postPatience is how long an errand waits for its mail to leave.
const postPatience = 45 * time.Second

func inviteCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "invite <address>", Short: "Let an address sign up, and tell it by mail", Args: words("address"),
		Annotations: settings(shownSettings + " signup smtp mail-from site-name"),
		Long: "Note that an address may sign up where --signup is invite, and send a mail with a link to the sign-in page.\n" +
			"Without --smtp the mail goes into the outbox folder and its link is shown. Give the server's settings.",
		Example: "  handclaspd users invite ada@example.test", RunE: a.run(a.usersInvite),
	}
}

func (a *app) usersInvite(ctx context.Context, args []string) error {
	// The mail speaks for the server, so it must be one that could run: with an issuer, a sender and a way to send.
	if err := a.settings.check(); err != nil {
		return hint(usage{err}, "handclaspd config check")
	}
	address, err := mail.ParseAddress(args[0])
	if err != nil {
		return usage{fmt.Errorf("%q: %w", args[0], err)}
	}
	s := a.settings
	link, now := s.Issuer+"/signin", time.Now()
	letter, err := mail.Invite{
		Site: mail.Site{Name: s.SiteName, Host: server.Host(s.Issuer), Accent: s.Accent}, To: address, Link: link, At: now,
	}.Message()
	if err != nil {
		return fmt.Errorf("write the invitation: %w", err)
	}
	return a.errand(ctx, func(h *house) error {
		if err := a.mayInvite(ctx, h, address); err != nil {
			return err
		}
		if err := h.db.Invite(ctx, address, operator, now); err != nil {
			return fmt.Errorf("note the invitation: %w", err)
		}
		h.record(ctx, store.Event{Type: "user.invite", Target: address})
		if err := a.post(ctx, letter); err != nil {
			err = fmt.Errorf("%s may sign up, but the mail was not sent: %w", address, err)
			return hint(err, a.command("users", "invite", address))
		}
		if a.json {
			return a.printJSON(map[string]any{"email": address, "link": link, "sent": s.SMTP != ""})
		}
		return a.tell("invited %s", address)
	}, newRecords, journal)
}

func (a *app) mayInvite(ctx context.Context, h *house, address string) error {
	user, err := h.db.UserByEmail(ctx, address)
	switch {
	case err == nil && user.Disabled():
		return hint(fmt.Errorf("%s is a user already, and disabled", address), a.command("users", "enable", address))
	case err == nil:
		return hint(fmt.Errorf("%s is a user already", address), a.command("users", "show", address))
	case !errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("find user: %w", err)
	}
	if a.settings.Signup == "closed" {
		a.say("nobody can sign up while --signup is closed; %s waits until it is invite", address)
	}
	return nil
}

// post sends one mail and waits until it has left.
func (a *app) post(ctx context.Context, letter mail.Message) error {
	queue, err := openQueue(a.settings, a.log, a.err)
	if err != nil {
		return err
	}
	draining, cancel := context.WithTimeout(ctx, postPatience)
	defer cancel()
	err = errors.Join(queue.Send(ctx, letter), queue.Close(draining))
	if err == nil && queue.Stats().Failed > 0 { // refused for good before Close was called
		err = errors.New("it was refused")
	}
	return err
}
