package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/handclasp/handclasp/store/sql"
)

func migrateCommand(a *app) *cobra.Command {
	up := &cobra.Command{
		Use: "up", Short: "Bring the schema up to this program's newest", Args: words(),
		Long:    "Bring the schema up to this program's newest. With SQLite serve and every command that opens the database do so by themselves.",
		Example: "  handclaspd migrate up --data /var/lib/handclasp", RunE: a.run(a.migrateUp),
	}
	status := &cobra.Command{
		Use: "status", Short: "Show the schema's version and its steps", Args: words(),
		Example: "  handclaspd migrate status", RunE: a.run(a.migrateStatus),
	}
	var yes bool
	down := &cobra.Command{
		Use: "down", Short: "Take the newest step back, and what it kept", Args: words(),
		Long: "Take the newest step of the schema back, and with it everything that the step kept. Stop every server before, and\n" +
			"copy the file: the first step back from version 1 leaves nothing.",
		Example: "  handclaspd migrate down --yes",
		RunE:    a.run(func(ctx context.Context, _ []string) error { return a.migrateDown(ctx, yes) }),
	}
	down.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return group("migrate", "Look at the database's schema and change it", up, status, down)
}

// schema is what migrate shows.
type schema struct {
	Version  int64       `json:"version"`
	Needs    int64       `json:"needs"`
	Newest   int64       `json:"newest"`
	Servable bool        `json:"servable"`
	Steps    []migration `json:"migrations"`
}

type migration struct {
	Version   int64     `json:"version"`
	Name      string    `json:"name"`
	AppliedAt time.Time `json:"applied_at,omitzero"`
}

func migrations(list []sql.Migration) []migration {
	steps := make([]migration, len(list))
	for i, m := range list {
		steps[i] = migration(m)
	}
	return steps
}

func (a *app) migrateUp(ctx context.Context, _ []string) error {
	if err := makeFolders(a.settings); err != nil {
		return err
	}
	return a.errand(ctx, func(h *house) error {
		done, err := h.db.Migrate(ctx)
		if err != nil {
			return err
		}
		return a.migrated("applied", "the schema is up to date", done)
	}, (*house).openDatabase)
}

func (a *app) migrated(what, nothing string, done []sql.Migration) error {
	if a.json {
		return a.printJSON(migrations(done))
	}
	for _, m := range done {
		if err := a.tell("%s %s", what, m.Name); err != nil {
			return err
		}
	}
	if len(done) == 0 {
		a.say("%s", nothing)
	}
	return nil
}

func (a *app) migrateStatus(ctx context.Context, _ []string) error {
	return a.errand(ctx, func(h *house) error {
		status, err := h.db.Status(ctx)
		if err != nil {
			return err
		}
		unfit := h.db.Check(ctx)
		if a.json {
			return a.printJSON(schema{status.Version, status.Needs, status.Newest, unfit == nil, migrations(status.Migrations)})
		}
		if unfit != nil {
			a.say("handclaspd: %s", unfit)
		}
		rows := [][]string{{"VERSION", "STEP", "APPLIED"}}
		for _, m := range status.Migrations {
			rows = append(rows, []string{strconv.FormatInt(m.Version, 10), m.Name, moment(m.AppliedAt)})
		}
		a.say("the schema is at version %d, this program knows %d", status.Version, status.Newest)
		return a.table(rows...)
	}, existing, (*house).openDatabase)
}

func (a *app) migrateDown(ctx context.Context, yes bool) error {
	return a.errand(ctx, func(h *house) error {
		status, err := h.db.Status(ctx)
		if err != nil {
			return err
		}
		if status.Version == 0 {
			return a.migrated("", "there is no step to take back", nil)
		}
		question := fmt.Sprintf("Take version %d of %s back, and delete what it keeps?", status.Version, a.settings.Database)
		if !yes && !a.confirmed(question) {
			return hint(errors.New("nothing was changed"), a.command("migrate", "down", "--yes"))
		}
		done, err := h.db.MigrateDown(ctx)
		if err != nil {
			return err
		}
		return a.migrated("took back", "there is no step to take back", done)
	}, existing, (*house).openDatabase)
}

// confirmed asks at a terminal. Elsewhere nobody can answer, so the answer is no.
func (a *app) confirmed(question string) bool {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return false
	}
	_, _ = fmt.Fprintf(a.err, "%s Type yes: ", printable(question))
	answer, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	return strings.TrimSpace(answer) == "yes"
}
