package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/mail"
	"github.com/handclasp/handclasp/store"
)

func usersCommand(a *app) *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List all users", Args: words(),
		Example: "  handclaspd users list --json", RunE: a.run(a.usersList),
	}
	show := &cobra.Command{
		Use: "show <user>", Short: "Show one user and the live sessions", Args: words("user"),
		Example: "  handclaspd users show ada@example.test", RunE: a.run(a.usersShow),
	}
	disable := &cobra.Command{
		Use: "disable <user>", Short: "Keep a user out and end every session", Args: words("user"),
		Long: "Keep a user from signing in and end every session. It answers only when all of that is done; if a store was away\n" +
			"it fails, and the same command again finishes the work.",
		Example: "  handclaspd users disable ada@example.test", RunE: a.run(a.usersDisable),
	}
	enable := &cobra.Command{
		Use: "enable <user>", Short: "Let a user sign in again", Args: words("user"),
		Example: "  handclaspd users enable ada@example.test", RunE: a.run(a.usersEnable),
	}
	end := &cobra.Command{
		Use: "end-sessions <user>", Short: "End every session of a user", Args: words("user"),
		Example: "  handclaspd users end-sessions ada@example.test", RunE: a.run(a.usersEndSessions),
	}
	remove := &cobra.Command{
		Use: "delete <user>", Short: "End every session of a user and forget who it was", Args: words("user"),
		Long: "Keep a user out, end every session, and forget address, name, invitation and consents. The id stays as long as\n" +
			"events and ended sessions may name it. The address may sign up anew, as anybody's.",
		Example: "  handclaspd users delete ada@example.test", RunE: a.run(a.usersDelete),
	}
	return group("users", "List, invite, disable, enable and delete users",
		elsewhere(list, show, inviteCommand(a), disable, enable, end, remove)...)
}

// shownUser is a user as JSON has it where one is shown.
type shownUser struct {
	admin.User
	Sessions []admin.Session `json:"sessions"`
}

func (a *app) usersList(ctx context.Context, _ []string) error {
	return a.at(ctx, func(d admin.Desk) error {
		users, err := everything(func(p admin.Paging) (admin.Page[admin.User], error) {
			return d.Users(ctx, admin.UserQuery{Paging: p})
		})
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(whole(users))
		}
		if len(users) == 0 {
			a.say("there are no users yet")
			return nil
		}
		rows := [][]string{{"ID", "ADDRESS", "STATE", "CREATED"}}
		for _, u := range users {
			rows = append(rows, []string{u.ID, u.Email, standing(u.Disabled), moment(u.CreatedAt)})
		}
		return a.table(rows...)
	}, oldRecords)
}

func (a *app) usersShow(ctx context.Context, args []string) error {
	return a.at(ctx, func(d admin.Desk) error {
		user, err := a.user(ctx, d, args[0])
		if err != nil {
			return err
		}
		live, err := everything(func(p admin.Paging) (admin.Page[admin.Session], error) {
			return d.Sessions(ctx, admin.SessionQuery{Paging: p, UserID: user.ID, State: store.PhaseLive})
		})
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(shownUser{user, whole(live)})
		}
		lines := []field{
			line("id", user.ID), line("address", user.Email), line("name", user.Name), line("state", standing(user.Disabled)),
			line("created", moment(user.CreatedAt)), line("proven", moment(user.VerifiedAt)),
		}
		if user.Disabled {
			lines = append(lines, line("disabled", moment(user.DisabledAt)))
		}
		if err := a.fields(lines...); err != nil {
			return err
		}
		return a.showLive(live)
	}, oldRecords)
}

func (a *app) showLive(live []admin.Session) error {
	if len(live) == 0 {
		a.say("no live sessions")
		return nil
	}
	rows := [][]string{{"SESSION", "KIND", "NAME", "CLIENT", "ADDRESS", "BEGUN", "SEEN"}}
	for _, s := range live {
		rows = append(rows, []string{s.ID, string(s.Kind), s.Name, s.ClientID, s.Address, moment(s.CreatedAt), moment(s.SeenAt)})
	}
	if err := a.tell(""); err != nil {
		return err
	}
	return a.table(rows...)
}

func (a *app) usersDisable(ctx context.Context, args []string) error {
	return a.change(ctx, args[0], "disable", "may not sign in any more, and every session is ended",
		func(d admin.Desk, id string) (admin.User, error) { return d.DisableUser(ctx, id) })
}

func (a *app) usersEnable(ctx context.Context, args []string) error {
	return a.change(ctx, args[0], "enable", "may sign in again",
		func(d admin.Desk, id string) (admin.User, error) { return d.EnableUser(ctx, id) })
}

// change does something to a user, and says what has become of them.
func (a *app) change(ctx context.Context, name, word, what string, do func(d admin.Desk, id string) (admin.User, error)) error {
	return a.at(ctx, func(d admin.Desk) error {
		user, err := a.user(ctx, d, name)
		if err != nil {
			return err
		}
		changed, err := do(d, user.ID)
		if err != nil {
			return hint(err, a.command("users", word, user.ID))
		}
		if a.json {
			return a.printJSON(changed)
		}
		return a.tell("%s %s", user.Email, what)
	}, oldRecords, journal, endings)
}

func (a *app) usersEndSessions(ctx context.Context, args []string) error {
	return a.at(ctx, func(d admin.Desk) error {
		user, err := a.user(ctx, d, args[0])
		if err != nil {
			return err
		}
		ended, err := d.EndSessions(ctx, user.ID)
		if err != nil {
			return hint(err, a.command("users", "end-sessions", user.ID))
		}
		if a.json {
			return a.printJSON(map[string]any{"id": user.ID, "sessions_ended": ended})
		}
		return a.tell("%s of %s ended", plural(ended, "session"), user.Email)
	}, oldRecords, journal, endings)
}

func (a *app) usersDelete(ctx context.Context, args []string) error {
	return a.at(ctx, func(d admin.Desk) error {
		user, err := a.user(ctx, d, args[0])
		if err != nil {
			return err
		}
		if err := d.DeleteUser(ctx, user.ID); err != nil {
			return hint(err, a.command("users", "delete", user.ID))
		}
		if a.json {
			return a.printJSON(map[string]any{"id": user.ID, "deleted": true})
		}
		return a.tell("deleted %s", user.Email)
	}, oldRecords, journal, endings)
}

// user finds somebody by id or address.
func (a *app) user(ctx context.Context, d admin.Desk, name string) (admin.User, error) {
	user, err := a.find(ctx, d, name)
	if errors.Is(err, store.ErrNotFound) {
		return user, hint(fmt.Errorf("there is no user %s", name), a.command("users", "list"))
	}
	return user, err
}

func (a *app) find(ctx context.Context, d admin.Desk, name string) (admin.User, error) {
	if !strings.Contains(name, "@") {
		return d.User(ctx, name)
	}
	address, wrong := mail.ParseAddress(name)
	if wrong != nil {
		return admin.User{}, usage{fmt.Errorf("%q: %w", name, wrong)}
	}
	page, err := d.Users(ctx, admin.UserQuery{Email: address})
	if err == nil && len(page.Items) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return admin.User{}, err
	}
	return page.Items[0], nil
}
