package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/store"
)

func clientsCommand(a *app) *cobra.Command {
	var form clientForm
	create := &cobra.Command{
		Use: "create", Short: "Register a client", Args: words(),
		Long: "Register a client. One that is not --public gets a secret, which is shown once and kept as a hash only,\n" +
			"unless it proves itself by keys of its own (--jwks).",
		Example: "  handclaspd clients create --name 'Deploy tool' --public --scope 'deploy:write=Deploy to production' \\\n" +
			"    --audience https://api.example.test\n" +
			"  handclaspd clients create --name Operator --grant client_credentials --scope admin:read",
	}
	create.RunE = a.run(func(ctx context.Context, _ []string) error { return a.clientsCreate(ctx, form.given(create.Flags())) })
	form.addFlags(create.Flags())
	create.Flags().Lookup("grant").Usage += " (default: device and refresh)"
	create.Flags().Lookup("audience").Usage += " (default: the issuer)"
	create.Flags().StringVar(&form.id, "id", "", "its `id` (default: a random one)")

	update := &cobra.Command{
		Use: "update <id>", Short: "Change a client", Args: words("id"),
		Long: "Change what is given and nothing else; a list is replaced as a whole, and emptied by one empty entry.\n" +
			"Servers follow within seconds. A client that ceases to be public gets a secret; one that is given its first scope of\n" +
			"the admin API gets a new one, and what it proved itself with before ends.",
		Example: "  handclaspd clients update cli_3v1n8q… --name 'Deploy tool' --scope 'deploy:write=Deploy to production'",
	}
	var changes clientForm
	update.RunE = a.run(func(ctx context.Context, args []string) error {
		return a.clientsUpdate(ctx, args[0], changes.given(update.Flags()))
	})
	changes.addFlags(update.Flags())

	list := &cobra.Command{
		Use: "list", Short: "List all clients", Args: words(),
		Example: "  handclaspd clients list --json", RunE: a.run(a.clientsList),
	}
	show := &cobra.Command{
		Use: "show <id>", Short: "Show one client", Args: words("id"),
		Example: "  handclaspd clients show handclasp", RunE: a.run(a.clientsShow),
	}
	disable := &cobra.Command{
		Use: "disable <id>", Short: "Keep a client out and end its sessions", Args: words("id"),
		Long: "Keep a client from everything and end every session of it. It answers only when all of that is done; if a store was\n" +
			"away it fails, and the same command again finishes the work. One that is known by a document does not come back with it.",
		Example: "  handclaspd clients disable https://app.example.test/client.json", RunE: a.run(a.clientsDisable),
	}
	enable := &cobra.Command{
		Use: "enable <id>", Short: "Let a client in again", Args: words("id"),
		Example: "  handclaspd clients enable cli_3v1n8q…", RunE: a.run(a.clientsEnable),
	}
	remove := &cobra.Command{
		Use: "delete <id>", Short: "End a client's sessions and remove it", Args: words("id"),
		Example: "  handclaspd clients delete cli_3v1n8q…", RunE: a.run(a.clientsDelete),
	}
	return group("clients", "Register, change and remove the programs that sign in here",
		elsewhere(append(inviteCommands(a), create, list, show, update, secretCommand(a), disable, enable, remove)...)...)
}

func (a *app) clientsCreate(ctx context.Context, flags clientForm) error {
	form, err := flags.form()
	if err != nil {
		return hint(usage{err}, "handclaspd clients create --help")
	}
	return a.at(ctx, func(d admin.Desk) error {
		client, err := d.CreateClient(ctx, form)
		if admin.Refused(err) == admin.ReasonExists {
			return hint(err, a.command("clients", "show", flags.id))
		}
		if err != nil {
			return wrong(err, "handclaspd clients create --help")
		}
		return a.showClient(client)
	}, newRecords, journal)
}

func (a *app) clientsUpdate(ctx context.Context, id string, flags clientForm) error {
	form, err := flags.form()
	if err != nil {
		return hint(usage{err}, "handclaspd clients update --help")
	}
	return a.at(ctx, func(d admin.Desk) error {
		client, err := d.ChangeClient(ctx, id, form, "")
		if err != nil {
			return a.ofClient(wrong(err, "handclaspd clients update --help"), id)
		}
		if client.Origin == string(store.OriginRegistered) || client.Origin == string(store.OriginDocument) {
			a.say("it speaks for itself and may change all of this back but its audiences; what keeps it out is")
			a.say("  %s", a.command("clients", "disable", quoted(id)))
		}
		return a.showClient(client)
	}, oldRecords, journal)
}

func (a *app) clientsList(ctx context.Context, _ []string) error {
	return a.at(ctx, func(d admin.Desk) error {
		clients, err := everything(func(p admin.Paging) (admin.Page[admin.Client], error) {
			return d.Clients(ctx, admin.ClientQuery{Paging: p})
		})
		if err != nil {
			return err
		}
		return a.showClients(clients)
	}, oldRecords)
}

func (a *app) clientsShow(ctx context.Context, args []string) error {
	return a.at(ctx, func(d admin.Desk) error {
		client, err := d.Client(ctx, args[0])
		if err != nil {
			return a.ofClient(err, args[0])
		}
		return a.showClient(client)
	}, oldRecords)
}

func (a *app) clientsDisable(ctx context.Context, args []string) error {
	return a.clientsSwitch(ctx, args[0], "disable", "is kept out, and every session of it is ended",
		func(d admin.Desk) (admin.Client, error) { return d.DisableClient(ctx, args[0]) }, oldRecords, journal, endings)
}

func (a *app) clientsEnable(ctx context.Context, args []string) error {
	return a.clientsSwitch(ctx, args[0], "enable", "may come in again",
		func(d admin.Desk) (admin.Client, error) { return d.EnableClient(ctx, args[0]) }, oldRecords, journal)
}

// clientsSwitch does something to a client, and says what has become of it.
func (a *app) clientsSwitch(
	ctx context.Context, id, word, what string, do func(admin.Desk) (admin.Client, error), steps ...step,
) error {
	return a.at(ctx, func(d admin.Desk) error {
		client, err := do(d)
		if _, halfway := errors.AsType[*admin.Unfinished](err); halfway {
			return hint(err, a.command("clients", word, id))
		}
		if err != nil {
			return a.ofClient(err, id)
		}
		if a.json {
			return a.printJSON(client)
		}
		return a.tell("%s %s", id, what)
	}, steps...)
}

func (a *app) clientsDelete(ctx context.Context, args []string) error {
	id := args[0]
	return a.at(ctx, func(d admin.Desk) error {
		ended, err := d.DeleteClient(ctx, id)
		if _, halfway := errors.AsType[*admin.Unfinished](err); halfway {
			return hint(err, a.command("clients", "delete", id))
		}
		if err != nil {
			return a.ofClient(err, id)
		}
		if a.json {
			return a.printJSON(map[string]any{"id": id, "deleted": true, "sessions_ended": ended})
		}
		return a.tell("deleted %s, %s ended", id, plural(ended, "session"))
	}, oldRecords, journal, endings)
}

// ofClient says of a client that is not there where the others are.
func (a *app) ofClient(err error, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return hint(fmt.Errorf("there is no client %s", id), a.command("clients", "list"))
	}
	return err
}
