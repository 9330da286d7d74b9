package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/mail"
)

// postPatience is how long an errand waits for its mail to leave.
const postPatience = 45 * time.Second

func inviteCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "invite <address>", Short: "Let an address sign up, and tell it by mail", Args: words("address"),
		Annotations: settings(shownSettings + " signup smtp mail-from site-name"),
		Long: "Let an address sign up where --signup is invite, and send it a mail with a link to the sign-in page.\n" +
			"Without --smtp the mail goes into the outbox folder and its link is shown. Give the server's settings, or its --server.",
		Example: "  handclaspd users invite ada@example.test", RunE: a.run(a.usersInvite),
	}
}

func (a *app) usersInvite(ctx context.Context, args []string) error {
	// The mail speaks for the server, so it must be one that could run: with an issuer, a sender and a way to send.
	if err := a.settings.check(); err != nil && a.server == "" {
		return hint(usage{err}, "handclaspd config check")
	}
	return a.at(ctx, func(d admin.Desk) error {
		invitation, err := d.InviteUser(ctx, args[0])
		if err != nil {
			return a.ofInvitation(err, args[0])
		}
		switch invitation.Signup {
		case "closed":
			a.say("nobody can sign up while --signup is closed; %s waits until it is invite", invitation.Email)
		case "open":
			a.say("everybody can sign up while --signup is open; %s needed no invitation", invitation.Email)
		}
		if a.json {
			return a.printJSON(invitation)
		}
		return a.tell("invited %s", invitation.Email)
	}, newRecords, journal, a.letters)
}

// ofInvitation says what helps.
func (a *app) ofInvitation(err error, address string) error {
	var refusal *admin.Refusal
	_, halfway := errors.AsType[*admin.Unfinished](err)
	_, wrong := errors.AsType[admin.Invalid](err)
	switch {
	case errors.As(err, &refusal) && refusal.Reason == admin.ReasonDisabled:
		return hint(err, a.command("users", "enable", refusal.By))
	case errors.As(err, &refusal) && refusal.Reason == admin.ReasonExists:
		return hint(err, a.command("users", "show", refusal.By))
	case halfway:
		return hint(err, a.command("users", "invite", address))
	case wrong:
		return usage{err}
	default:
		return err
	}
}

// letters is the step that lets an errand write to people, and wait until the letter has left.
func (a *app) letters(h *house, _ context.Context) error {
	h.openLetters(a.post)
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
