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

	"github.com/handclasp/handclasp/admin"
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
	c := group("keys", "List, rotate and retire signing keys and roots", elsewhere(list, rotate, retire)...)
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
	return a.at(ctx, func(d admin.Desk) error {
		list, err := d.Keys(ctx)
		if err != nil {
			return err
		}
		return a.showKeys(list)
	}, oldKeys)
}

func (a *app) showKeys(list []keys.Info) error {
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
	return a.changeKeys(ctx, func(d admin.Desk) (string, []keys.Info, error) {
		list, err := d.RotateKeys(ctx, now)
		return signing(list) + " signs from now on", list, a.keyTrouble(err, "rotate", "--now")
	})
}

// signing is the id of the key that signs.
func signing(list []keys.Info) string {
	for _, k := range list {
		if k.Kind == "signing" && k.State == keys.Active {
			return k.ID
		}
	}
	return ""
}

func (a *app) keysRetire(ctx context.Context, kid string, now bool) error {
	return a.changeKeys(ctx, func(d admin.Desk) (string, []keys.Info, error) {
		list, err := d.RetireKey(ctx, kid, now)
		if errors.Is(err, store.ErrNotFound) {
			err = hint(fmt.Errorf("there is no key %s", kid), a.command("keys", "list"))
		}
		return kid + " is out of use", list, a.keyTrouble(err, "retire", "--now", "--", kid)
	})
}

// changeKeys changes the keys and shows them. At the data the records are opened for the event alone, and last: in an
// emergency a key must go also while they are away.
func (a *app) changeKeys(ctx context.Context, do func(d admin.Desk) (what string, list []keys.Info, err error)) error {
	late := &lateJournal{app: a}
	act := func(d admin.Desk) error {
		what, list, err := do(d)
		if err != nil {
			return err
		}
		a.say("%s; running servers follow within seconds", what)
		if err := a.showKeys(list); err != nil {
			return err
		}
		if late.err != nil {
			return fmt.Errorf("%s, but the event could not be recorded: %w", what, late.err)
		}
		return nil
	}
	if a.server != "" {
		return a.at(ctx, act)
	}
	return a.errand(ctx, func(h *house) error {
		return act(admin.New(admin.Options{Keys: h.keys, Journal: late, Now: time.Now}))
	}, oldKeys)
}

// lateJournal opens the records when there is something to record.
type lateJournal struct {
	app *app
	err error
}

// Record implements sessions.Recorder.
func (j *lateJournal) Record(ctx context.Context, e store.Event) {
	j.err = j.app.errand(ctx, func(h *house) error {
		h.journal.Record(ctx, e)
		return nil
	}, newRecords, journal)
}

// keyTrouble adds what to type next.
func (a *app) keyTrouble(err error, words ...string) error {
	switch admin.Refused(err) {
	case admin.ReasonTooEarly:
		return hint(err, a.command(append([]string{"keys"}, words...)...))
	case admin.ReasonFixed:
		return hint(fmt.Errorf("%w; change it there and start the server again", err), "handclaspd config print")
	default:
		return err
	}
}
