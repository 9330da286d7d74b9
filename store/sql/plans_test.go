package sql

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/store"
)

// What every sign-out and every look at one person's events does must not become slower with the rows that months have left.
func TestNoTableIsWalkedForOneSessionOrOnePerson(t *testing.T) {
	d := inside(t)
	now := time.Now()
	ana, _, err := d.EnsureUser(t.Context(), store.User{ID: store.NewID(store.UserPrefix), Email: "ana@example.test", CreatedAt: now})
	if err != nil {
		t.Fatal(err)
	}
	s := store.Session{
		ID: store.NewID(store.SessionPrefix), Kind: store.KindBrowser, UserID: ana.ID, CreatedAt: now, ConfirmedAt: now, ExpiresAt: now.Add(time.Hour),
	}
	if _, err := d.BeginSession(t.Context(), store.Beginning{Session: s}); err != nil {
		t.Fatal(err)
	}
	if err := d.MoveOpened(t.Context(), s.ID, store.NewID(store.SessionPrefix)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.EndSession(t.Context(), s.ID, "logout", now); err != nil {
		t.Fatal(err)
	}
	for _, newest := range []bool{true, false} {
		if _, err := d.ListEvents(t.Context(), store.EventQuery{UserID: ana.ID, Newest: newest, Limit: 9}); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []store.EventQuery{{Since: now}, {Since: now, Newest: true}, {Since: now, Until: now.AddDate(1, 0, 0), Newest: true}, {Since: now, Until: now.Add(time.Hour)}} {
		q.Limit = 9
		if _, err := d.ListEvents(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range []*runner{d.hard.runner, d.read} {
		for text := range r.prepared {
			for _, step := range plan(t, d, text) {
				// A short span of events is put in order, a long one must not be.
				sorted := strings.Contains(step, "TEMP B-TREE FOR ORDER BY") && strings.Contains(text, "FROM events") && strings.Contains(text, "(happened + 0)")
				if sorted || strings.HasPrefix(step, "SCAN ") && step != "SCAN CONSTANT ROW" {
					t.Errorf("%s\n  is done by %s", text, step)
				}
			}
		}
	}
}

// plan is how SQLite means to carry a statement out.
func plan(t *testing.T, d *DB, text string) []string {
	t.Helper()
	if !slices.ContainsFunc([]string{"SELECT", "INSERT", "UPDATE", "DELETE"}, func(verb string) bool { return strings.HasPrefix(text, verb) }) {
		return nil // BEGIN and the like
	}
	rows, err := d.reads.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, make([]any, highest(text))...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

// highest is the number of a statement's last argument.
func highest(text string) int {
	n := 0
	for strings.Contains(text, "$"+strconv.Itoa(n+1)) {
		n++
	}
	return n
}
