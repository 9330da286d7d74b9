package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/mail"
	"github.com/handclasp/handclasp/store"
)

// usersPage is how many users are read at a time.
const usersPage = 500

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
	return group("users", "List, invite, disable and enable users", list, show, inviteCommand(a), disable, enable)
}

// shownUser is a user as JSON has it.
type shownUser struct {
	ID         string         `json:"id"`
	Email      string         `json:"email"`
	Name       string         `json:"name"`
	Disabled   bool           `json:"disabled"`
	CreatedAt  time.Time      `json:"created_at"`
	VerifiedAt time.Time      `json:"verified_at,omitzero"`
	DisabledAt time.Time      `json:"disabled_at,omitzero"`
	Sessions   []shownSession `json:"sessions,omitzero"` // only where one user is shown
}

type shownSession struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Name      string    `json:"name"`
	Platform  string    `json:"platform"`
	DeviceID  string    `json:"device"`
	ClientID  string    `json:"client"`
	Address   string    `json:"address"`
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"seen_at"`
}

func shownUserOf(u store.User) shownUser {
	return shownUser{
		ID: u.ID, Email: u.Email, Name: u.Name, Disabled: u.Disabled(),
		CreatedAt: u.CreatedAt, VerifiedAt: u.VerifiedAt, DisabledAt: u.DisabledAt,
	}
}

func (a *app) usersList(ctx context.Context, _ []string) error {
	return a.errand(ctx, func(h *house) error {
		users, err := allUsers(ctx, h)
		if err != nil {
			return err
		}
		if a.json {
			shown := make([]shownUser, len(users))
			for i, u := range users {
				shown[i] = shownUserOf(u)
			}
			return a.printJSON(shown)
		}
		if len(users) == 0 {
			a.say("there are no users yet")
			return nil
		}
		rows := [][]string{{"ID", "ADDRESS", "STATE", "CREATED"}}
		for _, u := range users {
			rows = append(rows, []string{u.ID, u.Email, stateOf(u), moment(u.CreatedAt)})
		}
		return a.table(rows...)
	}, oldRecords)
}

func allUsers(ctx context.Context, h *house) ([]store.User, error) {
	var users []store.User
	for after := ""; ; after = users[len(users)-1].ID {
		page, err := h.db.Users(ctx, after, usersPage)
		if err != nil {
			return nil, fmt.Errorf("list users: %w", err)
		}
		users = append(users, page...)
		if len(page) < usersPage {
			return users, nil
		}
	}
}

func stateOf(u store.User) string {
	if u.Disabled() {
		return "disabled"
	}
	return "enabled"
}

func (a *app) usersShow(ctx context.Context, args []string) error {
	return a.errand(ctx, func(h *house) error {
		user, err := a.user(ctx, h, args[0])
		if err != nil {
			return err
		}
		live, err := h.db.LiveSessions(ctx, user.ID)
		if err != nil {
			return fmt.Errorf("list sessions: %w", err)
		}
		if a.json {
			return a.printJSON(withSessions(user, live))
		}
		lines := []field{
			line("id", user.ID), line("address", user.Email), line("name", user.Name), line("state", stateOf(user)),
			line("created", moment(user.CreatedAt)), line("proven", moment(user.VerifiedAt)),
		}
		if user.Disabled() {
			lines = append(lines, line("disabled", moment(user.DisabledAt)))
		}
		if err := a.fields(lines...); err != nil {
			return err
		}
		return a.showSessions(live)
	}, oldRecords)
}

func withSessions(u store.User, live []store.Session) shownUser {
	shown := shownUserOf(u)
	shown.Sessions = []shownSession{}
	for _, s := range live {
		shown.Sessions = append(shown.Sessions, shownSession{
			ID: s.ID, Kind: string(s.Kind), Name: s.Name, Platform: s.Platform, DeviceID: s.DeviceID, ClientID: s.ClientID,
			Address: s.Address, CreatedAt: s.CreatedAt, SeenAt: s.SeenAt,
		})
	}
	return shown
}

func (a *app) showSessions(live []store.Session) error {
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
	return a.errand(ctx, func(h *house) error {
		user, err := a.user(ctx, h, args[0])
		if err != nil {
			return err
		}
		if err := h.sessions.Disable(ctx, user.ID); err != nil {
			return hint(a.unfinished(ctx, h, user, err), a.command("users", "disable", user.ID))
		}
		return a.changed(ctx, h, user, "may not sign in any more, and every session is ended")
	}, oldRecords, journal, endings)
}

// unfinished says how far Disable came.
func (a *app) unfinished(ctx context.Context, h *house, user store.User, cause error) error {
	if now, err := h.db.User(ctx, user.ID); err == nil && now.Disabled() {
		return fmt.Errorf("%s may not sign in any more, but not every session is ended: %w", user.Email, cause)
	}
	return cause
}

func (a *app) usersEnable(ctx context.Context, args []string) error {
	return a.errand(ctx, func(h *house) error {
		user, err := a.user(ctx, h, args[0])
		if err != nil {
			return err
		}
		if err := h.sessions.Enable(ctx, user.ID); err != nil {
			return hint(err, a.command("users", "enable", user.ID))
		}
		return a.changed(ctx, h, user, "may sign in again")
	}, oldRecords, journal, endings)
}

// changed shows what has become of a user.
func (a *app) changed(ctx context.Context, h *house, user store.User, what string) error {
	if !a.json {
		return a.tell("%s %s", user.Email, what)
	}
	user, err := h.db.User(ctx, user.ID)
	if err != nil {
		return fmt.Errorf("find user: %w", err)
	}
	return a.printJSON(shownUserOf(user))
}

// user finds somebody by id or address.
func (a *app) user(ctx context.Context, h *house, name string) (user store.User, err error) {
	if !strings.Contains(name, "@") {
		user, err = h.db.User(ctx, name)
	} else {
		address, wrong := mail.ParseAddress(name)
		if wrong != nil {
			return user, usage{fmt.Errorf("%q: %w", name, wrong)}
		}
		user, err = h.db.UserByEmail(ctx, address)
	}
	if errors.Is(err, store.ErrNotFound) {
		return user, hint(fmt.Errorf("there is no user %s", name), a.command("users", "list"))
	}
	if err != nil {
		return user, fmt.Errorf("find user: %w", err)
	}
	return user, nil
}
