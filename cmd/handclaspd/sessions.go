package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/store"
)

func sessionsCommand(a *app) *cobra.Command {
	var q admin.SessionQuery
	var user, state string
	list := &cobra.Command{
		Use: "list", Short: "List sessions, the newest first", Args: words(),
		Example: "  handclaspd sessions list --state live --user ada@example.test",
	}
	list.Flags().StringVar(&user, "user", "", "only of this `user`, named by id or address")
	list.Flags().StringVar(&q.ClientID, "client", "", "only of the client with this `id`")
	list.Flags().StringVar(&q.DeviceID, "device", "", "only on the device with this `id`")
	list.Flags().StringVar(&state, "state", "", "a `state`: provisional (approved, not redeemed yet), live or ended")
	list.RunE = a.run(func(ctx context.Context, _ []string) error {
		q.State = store.Phase(state)
		return a.sessionsList(ctx, user, q)
	})
	show := &cobra.Command{
		Use: "show <id>", Short: "Show one session", Args: words("id"),
		Example: "  handclaspd sessions show ses_3v1n8q…", RunE: a.run(a.sessionsShow),
	}
	end := &cobra.Command{
		Use: "end <id>", Short: "End a session", Args: words("id"),
		Example: "  handclaspd sessions end ses_3v1n8q…", RunE: a.run(a.sessionsEnd),
	}
	return group("sessions", "Look at sessions and end them", elsewhere(list, show, end)...)
}

func (a *app) sessionsList(ctx context.Context, user string, q admin.SessionQuery) error {
	return a.at(ctx, func(d admin.Desk) error {
		if user != "" {
			found, err := a.user(ctx, d, user)
			if err != nil {
				return err
			}
			q.UserID = found.ID
		}
		list, err := everything(func(p admin.Paging) (admin.Page[admin.Session], error) {
			q.Paging = p
			return d.Sessions(ctx, q)
		})
		if err != nil {
			return wrong(err, "handclaspd sessions list --help")
		}
		if a.json {
			return a.printJSON(whole(list))
		}
		if len(list) == 0 {
			a.say("there are no such sessions")
			return nil
		}
		rows := [][]string{{"SESSION", "STATE", "KIND", "USER", "NAME", "CLIENT", "ADDRESS", "BEGUN", "SEEN"}}
		for _, s := range list {
			rows = append(rows, []string{
				s.ID, string(s.State), string(s.Kind), s.UserID, s.Name, s.ClientID, s.Address, moment(s.CreatedAt), moment(s.SeenAt),
			})
		}
		return a.table(rows...)
	}, oldRecords)
}

func (a *app) sessionsShow(ctx context.Context, args []string) error {
	return a.at(ctx, func(d admin.Desk) error {
		s, err := d.Session(ctx, args[0])
		if err != nil {
			return a.ofSession(err, args[0])
		}
		if a.json {
			return a.printJSON(s)
		}
		lines := []field{
			line("id", s.ID), line("state", string(s.State)), line("kind", string(s.Kind)), line("user", s.UserID), line("name", s.Name),
			line("platform", s.Platform), line("device", s.DeviceID), line("client", s.ClientID), line("scope", s.Scope),
			line("address", s.Address), line("begun", moment(s.CreatedAt)), line("seen", moment(s.SeenAt)), line("ends", moment(s.ExpiresAt)),
		}
		if !s.EndedAt.IsZero() {
			lines = append(lines, line("ended", moment(s.EndedAt)), line("because", s.EndReason))
		}
		return a.fields(lines...)
	}, oldRecords)
}

func (a *app) sessionsEnd(ctx context.Context, args []string) error {
	id := args[0]
	return a.at(ctx, func(d admin.Desk) error {
		if err := d.EndSession(ctx, id); err != nil {
			return a.ofSession(err, id)
		}
		if a.json {
			return a.printJSON(map[string]any{"id": id, "ended": true})
		}
		return a.tell("ended %s", id)
	}, oldRecords, journal, endings)
}

// ofSession says what can be done about an error.
func (a *app) ofSession(err error, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return hint(fmt.Errorf("there is no session %s", id), a.command("sessions", "list"))
	}
	if _, halfway := errors.AsType[*admin.Unfinished](err); halfway {
		return hint(err, a.command("sessions", "end", id))
	}
	return err
}
