package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

// keySetMost is how large a file with keys may be.
const keySetMost = 64 << 10

func secretCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "secret <id>", Short: "Give a client a new secret", Args: words("id"),
		Long: "Give a client a new secret, which is shown once. The one before stays good until the next new one, so that\n" +
			"it can be replaced where the client runs; every older one ends. To end a secret that has leaked, do it twice.",
		Example: "  handclaspd clients secret cli_3v1n8q…", RunE: a.run(a.clientsSecret),
	}
}

func (a *app) clientsSecret(ctx context.Context, args []string) error {
	return a.errand(ctx, func(h *house) error {
		secret := store.RandomText(32)
		client, err := h.db.AddSecret(ctx, args[0], oauth.HashSecret(secret))
		switch {
		case errors.Is(err, store.ErrNotFound):
			return hint(fmt.Errorf("there is no client %s", args[0]), a.command("clients", "list"))
		case errors.Is(err, store.ErrRefused):
			return fmt.Errorf("%s is public and has no secret", args[0])
		case err != nil:
			return fmt.Errorf("add a secret: %w", err)
		}
		h.record(ctx, store.Event{Type: "client.secret", Target: client.ID, ClientID: client.ID})
		return a.showClient(client, secret)
	}, oldRecords, journal)
}

// readKeySet reads a file with a client's public keys; no file is no keys.
func readKeySet(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("jwks: %w", err)
	}
	defer file.Close() //nolint:errcheck // it is only read
	text, err := io.ReadAll(io.LimitReader(file, keySetMost+1))
	if err != nil {
		return "", fmt.Errorf("jwks: read %s: %w", path, err)
	}
	if len(text) > keySetMost {
		return "", fmt.Errorf("jwks: %s is larger than %d bytes", path, keySetMost)
	}
	jwks, err := oauth.ReadKeys(text)
	if err != nil {
		return "", fmt.Errorf("jwks: %s: %w", path, err)
	}
	return jwks, nil
}
