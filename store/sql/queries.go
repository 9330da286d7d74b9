package sql

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/handclasp/handclasp/store"
)

// filter gathers conditions. Their texts are constants, so that a query has a bounded number of forms; only the values come
// from outside, and they stand in its arguments. A ? is numbered as it is added.
type filter struct {
	text strings.Builder
	args []any
}

func (f *filter) and(condition string, args ...any) {
	if f.text.Len() > 0 {
		f.text.WriteString(" AND ")
	}
	f.write(condition, args...)
}

// write adds a text as it stands, but for the numbers of its arguments.
func (f *filter) write(text string, args ...any) {
	for _, arg := range args {
		before, after, _ := strings.Cut(text, "?")
		f.args = append(f.args, arg)
		f.text.WriteString(before + "$" + strconv.Itoa(len(f.args)))
		text = after
	}
	f.text.WriteString(text)
}

// is adds a comparison unless nothing was asked for.
func (f *filter) is(condition, value string) {
	if value != "" {
		f.and(condition, value)
	}
}

func (f *filter) between(column string, since, until time.Time) {
	if !since.IsZero() {
		f.and(column+" >= ?", ms(since))
	}
	if !until.IsZero() {
		f.and(column+" < ?", ms(until))
	}
}

func (f *filter) standing(s store.Standing) {
	switch s {
	case store.Enabled:
		f.and("disabled_at = 0")
	case store.Disabled:
		f.and("disabled_at <> 0")
	}
}

// ListClients implements store.Lists.
func (d *DB) ListClients(ctx context.Context, q store.ClientQuery) ([]store.Client, error) {
	var f filter
	f.and("id > ?", q.After)
	f.standing(q.Standing)
	f.write(" ORDER BY id LIMIT ?", q.Limit)
	return all(ctx, d.read, scanClient, `SELECT `+clientColumns+` FROM clients WHERE `+f.text.String(), f.args...)
}

// Origins implements store.Lists.
func (d *DB) Origins(ctx context.Context, first, last string) (map[string]store.Origin, error) {
	type came struct {
		id     string
		origin store.Origin
	}
	list, err := all(ctx, d.read, func(row scanner) (c came, err error) {
		err = row.Scan(&c.id, &c.origin)
		return c, err
	}, `SELECT client_id, origin FROM registrations WHERE client_id BETWEEN $1 AND $2`, first, last)
	origins := make(map[string]store.Origin, len(list))
	for _, c := range list {
		origins[c.id] = c.origin
	}
	return origins, err
}

// ListUsers implements store.Lists.
func (d *DB) ListUsers(ctx context.Context, q store.UserQuery) ([]store.User, error) {
	var f filter
	f.and("id > ?", q.After)
	f.and("removed_at = 0")
	f.is("email = ?", q.Email)
	f.standing(q.Standing)
	f.write(" ORDER BY id LIMIT ?", q.Limit)
	return all(ctx, d.read, scanUser, `SELECT `+userColumns+` FROM users WHERE `+f.text.String(), f.args...)
}

// ListSessions implements store.Lists.
func (d *DB) ListSessions(ctx context.Context, q store.SessionQuery) ([]store.Session, error) {
	var f filter
	f.and("id <> ''")
	if q.AfterID != "" {
		at := ms(q.AfterTime)
		f.and("(created_at < ? OR created_at = ? AND id < ?)", at, at, q.AfterID)
	}
	f.is("user_id = ?", q.UserID)
	f.is("client_id = ?", q.ClientID)
	f.is("device_id = ?", q.DeviceID)
	f.between("created_at", q.Since, q.Until)
	switch q.Phase {
	case store.PhaseProvisional:
		f.and("ended_at = 0 AND confirmed_at = 0")
	case store.PhaseLive:
		f.and("ended_at = 0 AND confirmed_at <> 0")
	case store.PhaseEnded:
		f.and("ended_at <> 0")
	}
	f.write(" ORDER BY created_at DESC, id DESC LIMIT ?", q.Limit)
	return d.sessions(ctx, f.text.String(), f.args...)
}

// sortedMost is the longest span of events that is found by their time, and put in order for each page.
const sortedMost = 48 * time.Hour

// happened is the time of an event: as the index has it for a short span, else in a form that leads to the order of the ids, in
// which a page ends where it is full.
func happened(since, until time.Time) string {
	if !since.IsZero() && !until.IsZero() && until.Sub(since) <= sortedMost {
		return "happened"
	}
	return "(happened + 0)"
}

// ListEvents implements store.Lists.
func (d *DB) ListEvents(ctx context.Context, q store.EventQuery) ([]store.Event, error) {
	var f filter
	from, order := q.After, " ORDER BY id LIMIT ?"
	if q.Newest {
		from, order = "", " ORDER BY id DESC LIMIT ?"
		f.is("id < ?", q.After)
	}
	if !q.Since.IsZero() {
		from = max(from, store.FirstEventID(q.Since))
	}
	f.and("id > ?", from)
	f.is("type = ?", q.Type)
	f.is("user_id = ? AND user_id <> ''", q.UserID) // as its index has it, which holds no events of nobody
	f.is("session_id = ? AND session_id <> ''", q.SessionID)
	f.is("client_id = ? AND client_id <> ''", q.ClientID)
	f.between(happened(q.Since, q.Until), q.Since, q.Until)
	f.write(order, q.Limit)
	return all(ctx, d.read, scanEvent, `SELECT `+eventColumns+` FROM events WHERE `+f.text.String(), f.args...)
}
