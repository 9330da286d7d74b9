package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

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
	seconds := int64(form.life / time.Second)
	return a.at(ctx, func(d admin.Desk) error {
		t, err := d.CreateInitialToken(ctx, admin.InitialTokenForm{Uses: &form.uses, Life: &seconds, Note: form.note})
		if err != nil {
			return wrong(err, "handclaspd clients invite --help")
		}
		switch t.Registration {
		case "off":
			a.say("nobody can use it while --registration is off; it waits until that is token")
		case string(oauth.RegistrationOpen):
			a.say("nobody needs it while --registration is open; it waits until that is token")
		}
		if a.json {
			return a.printJSON(t)
		}
		a.say("keep the token, it is shown only now")
		return a.fields(line("id", t.ID), line("token", t.Token), line("clients", strconv.Itoa(t.Uses)), line("good until", moment(t.ExpiresAt)))
	}, newRecords, journal)
}

func (a *app) clientsInvites(ctx context.Context, _ []string) error {
	return a.at(ctx, func(d admin.Desk) error {
		tokens, err := everything(func(p admin.Paging) (admin.Page[admin.InitialToken], error) {
			return d.InitialTokens(ctx, admin.InitialTokenQuery{Paging: p})
		})
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(whole(tokens))
		}
		if len(tokens) == 0 {
			a.say("there are no tokens that let clients register")
			return nil
		}
		rows := [][]string{{"ID", "NOTE", "LEFT", "GOOD UNTIL"}}
		for _, t := range tokens {
			rows = append(rows, []string{t.ID, t.Note, fmt.Sprintf("%d of %d", t.Left, t.Uses), moment(t.ExpiresAt)})
		}
		return a.table(rows...)
	}, oldRecords)
}

func (a *app) clientsUninvite(ctx context.Context, args []string) error {
	return a.at(ctx, func(d admin.Desk) error {
		err := d.DeleteInitialToken(ctx, args[0])
		if errors.Is(err, store.ErrNotFound) {
			return hint(fmt.Errorf("there is no token %s", args[0]), a.command("clients", "invites"))
		}
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(map[string]any{"id": args[0], "deleted": true})
		}
		return a.tell("took %s back; what has registered with it stays", args[0])
	}, oldRecords, journal)
}
