package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/oauth"
)

// keySetMost is how large a file with keys may be.
const keySetMost = 64 << 10

func secretCommand(a *app) *cobra.Command {
	var withdraw bool
	c := &cobra.Command{
		Use: "secret <id>", Short: "Give a client a new secret", Args: words("id"),
		Long: "Give a client a new secret, which is shown once. The one before stays good until the next new one, so that\n" +
			"it can be replaced where the client runs; every older one ends. With --withdraw none is made, and every one\n" +
			"but the newest ends. To end a secret that has leaked, do the one and then the other.",
		Example: "  handclaspd clients secret cli_3v1n8q…\n  handclaspd clients secret cli_3v1n8q… --withdraw",
	}
	c.RunE = a.run(func(ctx context.Context, args []string) error { return a.clientsSecret(ctx, args[0], withdraw) })
	c.Flags().BoolVar(&withdraw, "withdraw", false, "make none, and end every one but the newest")
	return c
}

func (a *app) clientsSecret(ctx context.Context, id string, withdraw bool) error {
	return a.at(ctx, func(d admin.Desk) error {
		do := d.GiveSecret
		if withdraw {
			do = d.WithdrawSecrets
		}
		client, err := do(ctx, id)
		if err != nil {
			return a.ofClient(err, id)
		}
		return a.showClient(client)
	}, oldRecords, journal)
}

// readKeySet reads a file with a client's public keys; no file is no keys.
func readKeySet(path string) (json.RawMessage, error) {
	if path == "" {
		return json.RawMessage("null"), nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("jwks: %w", err)
	}
	defer file.Close() //nolint:errcheck // it is only read
	text, err := io.ReadAll(io.LimitReader(file, keySetMost+1))
	if err != nil {
		return nil, fmt.Errorf("jwks: read %s: %w", path, err)
	}
	if len(text) > keySetMost {
		return nil, fmt.Errorf("jwks: %s is larger than %d bytes", path, keySetMost)
	}
	jwks, err := oauth.ReadKeys(text)
	if err != nil {
		return nil, fmt.Errorf("jwks: %s: %w", path, err)
	}
	return json.RawMessage(jwks), nil
}
