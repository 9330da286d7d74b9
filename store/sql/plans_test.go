package sql

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/store"
)

// What every sign-out, every sweep and every look at some events does must not become slower with the rows that months have left.
func TestNoTableIsWalkedForAFewOfItsRows(t *testing.T) {
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
	_, errDue := d.DueSessions(t.Context(), now, 9)
	_, errHalf := d.HalfEnded(t.Context(), ana.ID, "tool")
	_, _, errEnded := d.EndedIndexes(t.Context(), now)
	if err := errors.Join(errDue, errHalf, errEnded); err != nil {
		t.Fatal(err)
	}
	for _, q := range []store.EventQuery{
		{UserID: ana.ID},
		{SessionID: s.ID},
		{ClientID: "tool"},
		{Type: "session.end"},
		{Since: now},
		{Since: now, Until: now.AddDate(1, 0, 0)},
		{Since: now, Until: now.Add(time.Hour)},
	} {
		for _, q.Newest = range []bool{true, false} {
			q.Limit = 9
			if _, err := d.ListEvents(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, r := range []*runner{d.hard.runner, d.read} {
		for text := range r.prepared {
			steps := plan(t, d, text)
			if slices.ContainsFunc(steps, walks) || badEvents(text, strings.Join(steps, "\n")) {
				t.Errorf("%s\n  is done by %q", text, steps)
			}
		}
	}
}

// badEvents reports whether a list of events is read in another way than by the index of whom it is about, or a long span of
// them is put in order: a short one may be.
func badEvents(text, steps string) bool {
	if !strings.Contains(text, "FROM events") {
		return false
	}
	for column, index := range map[string]string{"user_id <> ''": "events_user", "session_id <> ''": "events_session", "client_id <> ''": "events_client", "type = ": "events_type"} {
		if strings.Contains(text, column) && !strings.Contains(steps, index) {
			return true
		}
	}
	return strings.Contains(steps, "TEMP B-TREE FOR ORDER BY") && strings.Contains(text, "(happened + 0)")
}

func TestNoListReadsAWholeTable(t *testing.T) {
	d := inside(t)
	for _, q := range []string{
		bySID, byCode,
		`SELECT 1 FROM sessions WHERE user_id = $1 AND ended_at = 0`,
		`SELECT 1 FROM sessions WHERE device_id = $1 AND ended_at = 0`,
		`SELECT 1 FROM sessions WHERE client_id = $1 AND ended_at = 0`,
		`SELECT 1 FROM sessions WHERE ` + dueWhere,
		`SELECT 1 FROM sessions WHERE ended_at <> 0 AND ended_at >= $1`,
		`SELECT 1 FROM users WHERE changed_ns > followed_ns`,
		`SELECT 1 FROM grants WHERE idle_at <= $1`,
		`SELECT 1 FROM buckets WHERE full_us <= $1`,
		`SELECT 1 FROM devices WHERE last_seen < $1`,
		`SELECT MAX(seq) FROM decided`,
	} {
		for _, step := range plan(t, d, q) {
			if walks(step) {
				t.Errorf("%s: %s", q, step)
			}
		}
	}
}

// What has ended stays for months: an app that asks silently leaves fifty rows a day in each browser. Whoever looks for what lives must
// not read them.
func TestWhatHasEndedIsNotReadForWhatLives(t *testing.T) {
	d := inside(t)
	for q, index := range map[string]string{
		`SELECT 1 FROM sessions WHERE ` + unended + newestFirst:  "sessions_user ",
		`SELECT 1 FROM sessions WHERE ` + onDevice + newestFirst: "sessions_user ",
		`SELECT 1 FROM sessions WHERE ` + opened:                 "sessions_opener ",
		replaceOlder:                                             "sessions_user ",
		freeDevice:                                               "sessions_user ",
		insertLogouts:                                            "sessions_opener ",
	} {
		steps := strings.Join(plan(t, d, q), "\n")
		if !strings.Contains(steps, index) || strings.Contains(steps, "SCAN sessions") {
			t.Errorf("%s:\n%s", q, steps)
		}
	}
}

// walks tells a step that reads a whole table, or an index from end to end. What a limit bounds is none, and no index of the few
// that wait for something.
func walks(step string) bool {
	return strings.HasPrefix(step, "SCAN ") && !slices.Contains([]string{
		"SCAN CONSTANT ROW", "SCAN unfinished", "SCAN unchecked",
		"SCAN users USING INDEX users_changed",
	}, step)
}

// plan is how SQLite means to carry a statement out.
func plan(t *testing.T, d *DB, text string) []string {
	t.Helper()
	if !slices.ContainsFunc([]string{"SELECT", "INSERT", "UPDATE", "DELETE"}, func(verb string) bool { return strings.HasPrefix(text, verb) }) {
		return nil // BEGIN and the like
	}
	steps, err := all(t.Context(), d.read, func(row scanner) (step string, err error) {
		var id, parent, unused int64
		err = row.Scan(&id, &parent, &unused, &step)
		return step, err
	}, `EXPLAIN QUERY PLAN `+text, make([]any, highest(text))...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
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
