package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/store"
)

const (
	followEvery = time.Second
	// followBack is how long after its time an event may come: processes gather theirs for a moment before they write.
	followBack = 10 * time.Second
	eventsPage = admin.LimitMost
)

func eventsCommand(a *app) *cobra.Command {
	var newest int
	var follow bool
	var q admin.EventQuery
	tail := &cobra.Command{
		Use: "tail", Short: "Print the newest events", Args: words(),
		Long:    "Print the newest security events, the oldest of them first. With --json each is one line of JSON.",
		Example: "  handclaspd events tail -n 100\n  handclaspd events tail --follow --json",
	}
	tail.Flags().IntVarP(&newest, "lines", "n", 20, "the `number` of events")
	tail.Flags().BoolVarP(&follow, "follow", "f", false, "go on until Ctrl-C")
	tail.Flags().StringVar(&q.Type, "type", "", "only of this `type`, such as session.end")
	tail.Flags().StringVar(&q.UserID, "user", "", "only of the user with this `id`")
	tail.Flags().StringVar(&q.ClientID, "client", "", "only of the client with this `id`")
	tail.Flags().StringVar(&q.SessionID, "session", "", "only of the session with this `id`")
	tail.RunE = a.run(func(ctx context.Context, _ []string) error {
		if newest < 0 {
			return usage{fmt.Errorf("lines: %d is less than none", newest)}
		}
		return a.at(ctx, func(d admin.Desk) error {
			return wrong(a.eventsTail(ctx, d, q, newest, follow), "handclaspd events tail --help")
		}, oldRecords)
	})
	return group("events", "Look at the security events", elsewhere(tail)...)
}

func (a *app) eventsTail(ctx context.Context, d admin.Desk, q admin.EventQuery, newest int, follow bool) error {
	// One more than is shown: it marks where the past ends, and nothing before it is ever shown.
	list, err := newestEvents(ctx, d, q, newest+1)
	if err != nil {
		return err
	}
	t := trail{seen: map[string]time.Time{}}
	if len(list) > newest {
		t.start, list = list[0].ID, list[1:]
	}
	if err := a.showEvents(t.fresh(list)); err != nil {
		return err
	}
	if !follow {
		if len(list) == 0 && newest > 0 {
			a.say("%s", none(q))
		}
		return nil
	}
	err = a.follow(ctx, d, q, &t)
	if errors.Is(err, context.Canceled) {
		return nil // Ctrl-C is how it is meant to end
	}
	return err
}

// none is what is said where nothing was found.
func none(q admin.EventQuery) string {
	if q.Type != "" || q.UserID != "" || q.ClientID != "" || q.SessionID != "" {
		return "there are no such events"
	}
	return "there are no events yet"
}

// newestEvents reads the newest n, the oldest of them first.
func newestEvents(ctx context.Context, d admin.Desk, q admin.EventQuery, n int) ([]store.Event, error) {
	var list []store.Event
	for {
		q.Limit = min(n-len(list), eventsPage)
		page, err := d.Events(ctx, q)
		if err != nil {
			return nil, err
		}
		list = append(list, page.Items...)
		if q.Cursor = page.Next; page.Next == "" || len(list) >= n {
			slices.Reverse(list)
			return list, nil
		}
	}
}

func (a *app) follow(ctx context.Context, d admin.Desk, q admin.EventQuery, t *trail) error {
	q.Oldest, q.Limit = true, eventsPage
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		for q.After = t.from(); ; {
			page, err := d.Events(ctx, q)
			if err != nil {
				return err
			}
			if err := a.showEvents(t.fresh(page.Items)); err != nil {
				return err
			}
			if page.Next == "" {
				break
			}
			q.After = page.Items[len(page.Items)-1].ID
		}
	}
}

// trail knows what has been shown. Ids sort by time, but several processes write, so that an event may come after others
// with higher ids: each look begins a little before the newest.
type trail struct {
	start string               // everything up to here is past
	seen  map[string]time.Time // what has been shown since
}

// from is where the next look begins. What lies further back is forgotten.
func (t *trail) from() string {
	var newest time.Time
	for _, at := range t.seen {
		if at.After(newest) {
			newest = at
		}
	}
	for id, at := range t.seen {
		if at.Before(newest.Add(-followBack)) {
			t.start = max(t.start, id)
		}
	}
	for id := range t.seen {
		if id <= t.start {
			delete(t.seen, id)
		}
	}
	return t.start
}

// fresh returns the events that have not been shown.
func (t *trail) fresh(events []store.Event) []store.Event {
	var fresh []store.Event
	for _, e := range events {
		if _, shown := t.seen[e.ID]; shown || e.ID <= t.start {
			continue
		}
		t.seen[e.ID] = e.Time
		fresh = append(fresh, e)
	}
	return fresh
}

func (a *app) showEvents(events []store.Event) error {
	for _, e := range events {
		e.Time = e.Time.UTC()
		var err error
		if a.json {
			err = a.printJSON(e)
		} else {
			err = a.tell("%s", eventLine(e))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// eventLine is one event for people and for grep.
func eventLine(e store.Event) string {
	b := []string{e.Time.Format("2006-01-02T15:04:05.000Z"), e.Type, e.Result}
	for _, f := range []struct{ name, value string }{
		{"actor", e.Actor},
		{"target", e.Target},
		{"user", e.UserID},
		{"session", e.SessionID},
		{"client", e.ClientID},
		{"device", e.DeviceID},
		{"address", e.Address},
		{"request", e.RequestID},
		{"detail", e.Detail},
	} {
		if f.value != "" {
			b = append(b, f.name+"="+unambiguous(f.value))
		}
	}
	return strings.Join(b, " ")
}

// unambiguous quotes what could be taken for something else: a space, a quote, or a character that a terminal obeys.
func unambiguous(value string) string {
	if strings.ContainsFunc(value, func(r rune) bool { return r == ' ' || r == '"' || r == '=' || !unicode.IsPrint(r) }) {
		return strconv.Quote(value)
	}
	return value
}
