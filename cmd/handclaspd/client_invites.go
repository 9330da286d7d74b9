package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

// The most that an initial access token may be good for.
const (
	inviteUsesMost = 1000
	inviteLifeMost = 365 * 24 * time.Hour
)

// shownInvite is an initial access token as JSON has it.
type shownInvite struct {
	ID        string    `json:"id"`
	Token     string    `json:"token,omitempty"` // once, when it was made
	Note      string    `json:"note,omitempty"`
	Uses      int       `json:"uses"`
	Left      int       `json:"uses_left"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// inviteForm is what the flags of invite say.
type inviteForm struct {
	uses int
	life time.Duration
	note string
}

func inviteCommands(a *app) []*cobra.Command {
	var form inviteForm
	invite := &cobra.Command{
		Use: "invite", Short: "Make a token that lets clients register themselves", Args: words(),
		Long: "Make an initial access token (RFC 7591), for --registration token. Whoever shows it at /oauth/register may register\n" +
			"as many clients as it was made for, until it runs out. It is shown once and kept as a hash only.",
		Example: "  handclaspd clients invite --uses 5 --life 48h --note 'the mobile team'",
		RunE:    a.run(func(ctx context.Context, _ []string) error { return a.clientsInvite(ctx, form) }),
	}
	invite.Flags().IntVar(&form.uses, "uses", 1, "the `number` of clients that it lets register")
	invite.Flags().DurationVar(&form.life, "life", 24*time.Hour, "how long a `time` it is good for")
	invite.Flags().Lookup("life").DefValue = "24h"
	invite.Flags().StringVar(&form.note, "note", "", "a `text` by which you know it again")
	list := &cobra.Command{
		Use: "invites", Short: "List the tokens that let clients register", Args: words(),
		Example: "  handclaspd clients invites --json", RunE: a.run(a.clientsInvites),
	}
	remove := &cobra.Command{
		Use: "uninvite <id>", Short: "Take such a token back", Args: words("id"),
		Example: "  handclaspd clients uninvite inv_3v1n8q…", RunE: a.run(a.clientsUninvite),
	}
	return []*cobra.Command{invite, list, remove}
}

func (a *app) clientsInvite(ctx context.Context, form inviteForm) error {
	var problems []error
	if form.uses < 1 || form.uses > inviteUsesMost {
		problems = append(problems, fmt.Errorf("uses: want 1 to %d", inviteUsesMost))
	}
	if form.life < time.Minute || form.life > inviteLifeMost {
		problems = append(problems, errors.New("life: want a minute to a year"))
	}
	if form.note != "" {
		if err := oauth.CheckLabel(form.note, oauth.NameMost); err != nil {
			problems = append(problems, fmt.Errorf("note: %w", err))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return hint(usage{err}, "handclaspd clients invite --help")
	}
	now, token := time.Now().Truncate(time.Millisecond), oauth.InvitePrefix+store.RandomText(32)
	invite := store.ClientInvite{
		ID: store.NewID(store.InvitePrefix), Token: oauth.HashInvite(token), Note: form.note, Uses: form.uses, Left: form.uses,
		CreatedAt: now, ExpiresAt: now.Add(form.life),
	}
	return a.errand(ctx, func(h *house) error {
		if err := h.db.CreateClientInvite(ctx, invite); err != nil {
			return fmt.Errorf("keep the token: %w", err)
		}
		h.record(ctx, store.Event{Type: "client.invite", Target: invite.ID, Detail: strconv.Itoa(invite.Uses)})
		if a.settings.Registration != "token" {
			a.say("nobody can use it while --registration is %s; it waits until that is token", a.settings.Registration)
		}
		if a.json {
			return a.printJSON(shownInviteOf(invite, token))
		}
		a.say("keep the token, it is shown only now")
		return a.fields(line("id", invite.ID), line("token", token), line("clients", strconv.Itoa(invite.Uses)), line("good until", moment(invite.ExpiresAt)))
	}, newRecords, journal)
}

func shownInviteOf(i store.ClientInvite, token string) shownInvite {
	return shownInvite{
		ID: i.ID, Token: token, Note: i.Note, Uses: i.Uses, Left: i.Left, CreatedAt: i.CreatedAt.UTC(), ExpiresAt: i.ExpiresAt.UTC(),
	}
}

func (a *app) clientsInvites(ctx context.Context, _ []string) error {
	return a.errand(ctx, func(h *house) error {
		invites, err := h.db.ClientInvites(ctx)
		if err != nil {
			return fmt.Errorf("list tokens: %w", err)
		}
		if a.json {
			shown := make([]shownInvite, len(invites))
			for i, invite := range invites {
				shown[i] = shownInviteOf(invite, "")
			}
			return a.printJSON(shown)
		}
		if len(invites) == 0 {
			a.say("there are no tokens that let clients register")
			return nil
		}
		rows := [][]string{{"ID", "NOTE", "LEFT", "GOOD UNTIL"}}
		for _, i := range invites {
			rows = append(rows, []string{i.ID, i.Note, fmt.Sprintf("%d of %d", i.Left, i.Uses), moment(i.ExpiresAt)})
		}
		return a.table(rows...)
	}, oldRecords)
}

func (a *app) clientsUninvite(ctx context.Context, args []string) error {
	return a.errand(ctx, func(h *house) error {
		err := h.db.DeleteClientInvite(ctx, args[0])
		if errors.Is(err, store.ErrNotFound) {
			return hint(fmt.Errorf("there is no token %s", args[0]), a.command("clients", "invites"))
		}
		if err != nil {
			return fmt.Errorf("take the token back: %w", err)
		}
		h.record(ctx, store.Event{Type: "client.uninvite", Target: args[0]})
		if a.json {
			return a.printJSON(map[string]any{"id": args[0], "deleted": true})
		}
		return a.tell("took %s back; what has registered with it stays", args[0])
	}, oldRecords, journal)
}
