package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/store"
)

const keysLong = `Two kinds of key lie in the data folder. A signing key signs access tokens; it is next (published, does not
sign yet), active, then retired (published until its last token has ended). From a root every other secret
derives, refresh tokens among them; it is next for a minute, active, then retired but kept.

A running server follows within seconds. Give the commands the server's settings: how long a retired key
is published depends on --access-life.`

// keySettings say where the keys lie, and how long they are needed.
const keySettings = "config data access-life refresh-absolute signing-key"

func keysCommand(a *app) *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List signing keys and roots", Args: words(), Annotations: settings(keySettings),
		Example: "  handclaspd keys list --json", RunE: a.run(a.keysList),
	}
	var now bool
	rotate := &cobra.Command{
		Use: "rotate", Short: "Let the next key sign and retire the present one", Args: words(), Annotations: settings(keySettings),
		Long: "Let the next signing key sign, retire the one that did, and make a new next one and a new root.\n" +
			"Nothing that was made before is refused. It is too early while caches may not know the next key.",
		Example: "  handclaspd keys rotate",
		RunE:    a.run(func(ctx context.Context, _ []string) error { return a.keysRotate(ctx, now) }),
	}
	rotate.Flags().BoolVar(&now, "now", false, "do not wait: whoever keeps an older JWKS refuses tokens until they ask again")
	retire := &cobra.Command{
		Use: "retire <kid>", Short: "Take one key or root out of use", Args: words("kid"), Annotations: settings(keySettings),
		Long: "Take one key or root out of use. With --now, for an emergency, it is gone at once and all that was made under it\n" +
			"is refused: access tokens until the next refresh, or every session whose refresh token derives from the root.",
		Example: "  handclaspd keys retire MxN_r218p9jR --now\n  handclaspd keys retire --now -- -xN_r218p9jR",
		RunE:    a.run(func(ctx context.Context, args []string) error { return a.keysRetire(ctx, args[0], now) }),
	}
	retire.Flags().BoolVar(&now, "now", false, "do not wait: what was made under it is refused from now on")
	c := group("keys", "List, rotate and retire signing keys and roots", list, rotate, retire)
	c.Long = keysLong
	return c
}

// oldKeys opens keys that are there: only serve makes them.
func oldKeys(h *house, ctx context.Context) error {
	folder := filepath.Join(h.settings.Data, "keys")
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) && h.settings.SigningKey == "" {
		return hint(fmt.Errorf("there are no keys in %s; the first start makes them", folder), "handclaspd serve")
	}
	return h.openKeys(ctx)
}

func (a *app) keysList(ctx context.Context, _ []string) error {
	return a.errand(ctx, a.showKeys, oldKeys)
}

func (a *app) showKeys(h *house) error {
	list := h.keys.List()
	if a.json {
		return a.printJSON(list)
	}
	rows := [][]string{{"KID", "KIND", "STATE", "SINCE", "MADE", "NEEDED UNTIL"}}
	for _, k := range list {
		since := map[keys.State]time.Time{keys.Next: k.MadeAt, keys.Active: k.ActiveAt, keys.Retired: k.RetiredAt}[k.State]
		rows = append(rows, []string{k.ID, k.Kind, string(k.State), moment(since), moment(k.MadeAt), moment(k.Until)})
	}
	return a.table(rows...)
}

func (a *app) keysRotate(ctx context.Context, now bool) error {
	return a.errand(ctx, func(h *house) error {
		if err := h.keys.Rotate(ctx, now); err != nil {
			return a.keyTrouble(err, "rotate", "--now")
		}
		kid := h.keys.Current().KID
		return a.keysChanged(ctx, h, store.Event{Type: "key.rotate", Target: kid}, kid+" signs from now on")
	}, oldKeys)
}

func (a *app) keysRetire(ctx context.Context, kid string, now bool) error {
	return a.errand(ctx, func(h *house) error {
		if err := h.keys.Retire(ctx, kid, now); err != nil {
			return a.keyTrouble(err, "retire", "--now", "--", kid)
		}
		return a.keysChanged(ctx, h, store.Event{Type: "key.retire", Target: kid, Detail: atOnce(now)}, kid+" is out of use")
	}, oldKeys)
}

// keysChanged shows the keys and records the event. The records are opened only now: in an emergency a key must go also
// while they are away.
func (a *app) keysChanged(ctx context.Context, h *house, e store.Event, what string) error {
	a.say("%s; running servers follow within seconds", what)
	if err := a.showKeys(h); err != nil {
		return err
	}
	err := a.errand(ctx, func(h *house) error {
		h.record(ctx, e)
		return nil
	}, newRecords, journal)
	if err != nil {
		return fmt.Errorf("%s, but the event could not be recorded: %w", what, err)
	}
	return nil
}

func atOnce(now bool) string {
	if now {
		return "at once"
	}
	return ""
}

// keyTrouble adds what to type next.
func (a *app) keyTrouble(err error, words ...string) error {
	switch {
	case errors.Is(err, keys.ErrTooEarly):
		return hint(err, a.command(append([]string{"keys"}, words...)...))
	case errors.Is(err, keys.ErrUnknown):
		return hint(err, a.command("keys", "list"))
	case errors.Is(err, keys.ErrFixed):
		return hint(fmt.Errorf("%w; change it there and start the server again", err), a.command("config", "print"))
	default:
		return err
	}
}
