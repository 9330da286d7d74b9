package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

func clientsCommand(a *app) *cobra.Command {
	var form clientForm
	create := &cobra.Command{
		Use: "create", Short: "Register a client", Args: words(),
		Long: "Register a client. One that is not --public gets a secret, which is shown once and kept as a hash only,\n" +
			"unless it proves itself by keys of its own (--jwks).",
		Example: "  handclaspd clients create --name 'Deploy tool' --public --scope 'deploy:write=Deploy to production' \\\n" +
			"    --audience https://api.example.test",
	}
	create.RunE = a.run(func(ctx context.Context, _ []string) error { return a.clientsCreate(ctx, form.given(create.Flags())) })
	form.addFlags(create.Flags())
	create.Flags().StringVar(&form.id, "id", "", "its id (default: a random one)")

	update := &cobra.Command{
		Use: "update <id>", Short: "Change a client", Args: words("id"),
		Long: "Change what is given and nothing else; a list is replaced as a whole, and emptied by one empty entry.\n" +
			"Servers follow within seconds. A client that ceases to be public gets a secret.",
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
	remove := &cobra.Command{
		Use: "delete <id>", Short: "End a client's sessions and remove it", Args: words("id"),
		Example: "  handclaspd clients delete cli_3v1n8q…", RunE: a.run(a.clientsDelete),
	}
	return group("clients", "Register, change and remove the programs that sign in here", create, list, show, update, secretCommand(a), remove)
}

func (a *app) clientsCreate(ctx context.Context, form clientForm) error {
	now := time.Now().Truncate(time.Millisecond) // as it is kept
	client := store.Client{ID: form.id, CreatedAt: now, UpdatedAt: now}
	if client.ID == "" {
		client.ID = store.NewID(store.ClientPrefix)
	}
	err := errors.Join(checkNewID(form), form.apply(&client), form.complete(&client, a.settings.Issuer))
	if err == nil {
		err = checkWhole(client)
	}
	if err != nil {
		return hint(usage{err}, "handclaspd clients create --help")
	}
	secret := ""
	if needsSecret(client) {
		secret = giveSecret(&client)
	}
	return a.errand(ctx, func(h *house) error {
		err := h.db.CreateClient(ctx, client)
		if errors.Is(err, store.ErrExists) {
			return hint(fmt.Errorf("there is a client %s already", client.ID), a.command("clients", "show", client.ID))
		}
		if err != nil {
			return fmt.Errorf("register client: %w", err)
		}
		h.record(ctx, store.Event{Type: "client.create", Target: client.ID, ClientID: client.ID})
		return a.showClient(client, secret)
	}, newRecords, journal)
}

func (a *app) clientsUpdate(ctx context.Context, id string, form clientForm) error {
	return a.errand(ctx, func(h *house) error {
		client, err := a.client(ctx, h, id)
		if err != nil {
			return err
		}
		if len(form.changed) == 0 {
			return hint(usage{errors.New("nothing to change was given")}, "handclaspd clients update --help")
		}
		if err := errors.Join(form.apply(&client), checkWhole(client)); err != nil {
			return hint(usage{err}, "handclaspd clients update --help")
		}
		secret := ""
		if client.Public {
			client.SecretHashes = nil
		}
		if needsSecret(client) {
			secret = giveSecret(&client)
		}
		client.UpdatedAt = time.Now()
		if err := h.db.UpdateClient(ctx, client); err != nil {
			return fmt.Errorf("change client: %w", err)
		}
		h.record(ctx, store.Event{
			Type: "client.update", Target: client.ID, ClientID: client.ID, Detail: strings.Join(form.changed, " "),
		})
		return a.showClient(client, secret)
	}, oldRecords, journal)
}

// needsSecret reports whether a client has to prove itself and has nothing to do it with.
func needsSecret(c store.Client) bool {
	return !c.Public && c.JWKS == "" && len(c.SecretHashes) == 0
}

// giveSecret keeps the hash and returns the 256 bits that are shown once.
func giveSecret(c *store.Client) string {
	secret := store.RandomText(32)
	c.SecretHashes = []string{oauth.HashSecret(secret)}
	return secret
}

func (a *app) clientsList(ctx context.Context, _ []string) error {
	return a.errand(ctx, func(h *house) error {
		clients, err := h.db.Clients(ctx)
		if err != nil {
			return fmt.Errorf("list clients: %w", err)
		}
		return a.showClients(clients)
	}, oldRecords)
}

func (a *app) clientsShow(ctx context.Context, args []string) error {
	return a.errand(ctx, func(h *house) error {
		client, err := a.client(ctx, h, args[0])
		if err != nil {
			return err
		}
		return a.showClient(client, "")
	}, oldRecords)
}

// clientsDelete keeps new sessions from beginning, ends those that there are, and only then lets go of the client: after
// a failure halfway the same command finishes the work.
func (a *app) clientsDelete(ctx context.Context, args []string) error {
	return a.errand(ctx, func(h *house) error {
		client, err := a.client(ctx, h, args[0])
		if err != nil {
			return err
		}
		if client.BuiltIn {
			return fmt.Errorf("%s is built in and stays", client.ID)
		}
		if client.DisabledAt.IsZero() {
			client.DisabledAt = time.Now()
			client.UpdatedAt = client.DisabledAt
			if err := h.db.UpdateClient(ctx, client); err != nil {
				return fmt.Errorf("disable client: %w", err)
			}
		}
		ended, err := h.sessions.EndClient(ctx, client.ID)
		if err != nil {
			err = fmt.Errorf("%s can begin no sessions any more, but not all of them are ended: %w", client.ID, err)
			return hint(err, a.command("clients", "delete", client.ID))
		}
		if err := h.db.DeleteClient(ctx, client.ID); err != nil {
			return fmt.Errorf("delete client: %w", err)
		}
		h.record(ctx, store.Event{Type: "client.delete", Target: client.ID, ClientID: client.ID})
		if a.json {
			return a.printJSON(map[string]any{"id": client.ID, "deleted": true, "sessions_ended": ended})
		}
		return a.tell("deleted %s, %s ended", client.ID, plural(ended, "session"))
	}, oldRecords, journal, endings)
}

func (a *app) client(ctx context.Context, h *house, id string) (store.Client, error) {
	client, err := h.db.Client(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return client, hint(fmt.Errorf("there is no client %s", id), a.command("clients", "list"))
	}
	if err != nil {
		return client, fmt.Errorf("find client: %w", err)
	}
	return client, nil
}
