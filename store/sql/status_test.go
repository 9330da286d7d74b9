package sql_test

import (
	"testing"
	"time"

	"github.com/handclasp/handclasp/store"
)

// A list that is full is followed by the next one, and nobody ever shares a place with somebody else.
func TestFullStatusListIsFollowedByTheNext(t *testing.T) {
	d, path := made(t)
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	ana, _, err := d.EnsureUser(t.Context(), store.User{ID: store.NewID(store.UserPrefix), Email: "ana@example.test", CreatedAt: noon})
	if err != nil {
		t.Fatal(err)
	}
	beside(t, path, `WITH RECURSIVE place(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM place WHERE n < 131071)
		INSERT INTO sessions (id, kind, user_id, device_id, client_id, scope, audience, amr, address, name, platform,
			auth_time, created_at, seen_at, confirmed_at, check_at, expires_at, status_index)
		SELECT 'ses_' || n, 'device', '`+ana.ID+`', '', '', '', '', '', '', '', '', 1, 1, 1, 1, 1, 1, n FROM place`)
	begun, err := d.BeginSession(t.Context(), store.Beginning{Session: store.Session{
		ID: store.NewID(store.SessionPrefix), Kind: store.KindDevice, UserID: ana.ID, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
	}})
	if err != nil || begun.StatusIndex/store.StatusListSize != 1 {
		t.Fatalf("the place is %d, %v", begun.StatusIndex, err)
	}
	if _, newest, err := d.EndedIndexes(t.Context(), noon); err != nil || newest != 1 {
		t.Errorf("the newest list is %d, %v", newest, err)
	}
	browser, err := d.BeginSession(t.Context(), store.Beginning{Session: store.Session{
		ID: store.NewID(store.SessionPrefix), Kind: store.KindBrowser, UserID: ana.ID, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
	}})
	if err != nil || browser.StatusIndex != 0 {
		t.Errorf("a browser has the place %d, %v", browser.StatusIndex, err)
	}
}
