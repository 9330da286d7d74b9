package sql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/storetest"
	"go.uber.org/goleak"
)

func (h *hub) listens() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.quiet != nil
}

func TestNobodyListensWhenNobodyWaits(t *testing.T) {
	d := inside(t)
	before := goleak.IgnoreCurrent()
	if d.hub.listens() {
		t.Error("it listens before anybody waits")
	}
	_, stopOne := d.Watch("ses_a")
	_, stopTwo := d.Watch("ses_a")
	_, stopThree := d.Watch("ses_b")
	stopOne()
	stopOne()
	stopThree()
	if !d.hub.listens() {
		t.Error("it stopped listening while somebody waits")
	}
	stopTwo()
	if d.hub.listens() {
		t.Error("it listens although nobody waits")
	}
	storetest.NoneLeft(t, before)
	if len(d.hub.waiting) != 0 {
		t.Errorf("%d are still kept", len(d.hub.waiting))
	}
}

func TestCloseEndsListening(t *testing.T) {
	before := goleak.IgnoreCurrent()
	d, err := Open(t.Context(), Options{Path: t.TempDir() + "/handclasp.db"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, stop := d.Watch("ses_a")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	stop()
	_, late := d.Watch("ses_a")
	late()
	storetest.NoneLeft(t, before)
}

func TestSweepingLeavesNoRowOfWhatExpired(t *testing.T) {
	now := time.Now()
	d := inside(t)
	d.now = func() time.Time { return now }
	ctx := t.Context()
	fill := func(i int) error {
		id := fmt.Sprintf("%04d", i)
		_, err := d.Open(ctx, store.Request{SID: id, UserCode: id, Secret: "s", ClientID: "c", CreatedAt: now, ExpiresAt: now.Add(time.Minute)},
			store.Limit{Key: id, Burst: 1, Every: time.Minute})
		if err != nil {
			return err
		}
		return d.soft.write(ctx, func(ctx context.Context, tx *runner) error {
			err := insertGrant(ctx, tx, store.Grant{SID: id, RotatedAt: now, Idle: time.Minute, ExpiresAt: now.Add(time.Hour)})
			for _, text := range []string{
				`INSERT INTO browsers (` + browserColumns + `, idle_at) VALUES ($1, '', '', '', 0, 0, 0, 0, 0, '', $2)`,
				`INSERT INTO links (` + linkColumns + `, wrong) VALUES ($1, '', '', '', '', '', '', 0, $2, '', 0)`,
				`INSERT INTO marks (name, expires_at) VALUES ($1, $2)`,
				`INSERT INTO revoked (sid, jti, expires_at) VALUES ($1, $1, $2)`,
			} {
				_, failed := tx.exec(ctx, text, id, ms(now.Add(time.Minute)))
				err = errors.Join(err, failed)
			}
			return errors.Join(err, signal(ctx, tx, id, now))
		})
	}
	for i := range sweepMost + 100 {
		if err := fill(i); err != nil {
			t.Fatal(err)
		}
	}
	tables := []string{"requests", "grants", "browsers", "links", "marks", "buckets", "revoked", "decided"}
	rows := func() string {
		var counts []string
		for _, table := range tables {
			var n int
			if err := d.read.one(ctx, `SELECT COUNT(*) FROM `+table, nil, &n); err != nil {
				t.Fatal(err)
			}
			counts = append(counts, fmt.Sprint(n))
		}
		return strings.Join(counts, " ")
	}
	all := strings.TrimSpace(strings.Repeat("600 ", len(tables)))
	if err := d.Sweep(ctx); err != nil || rows() != all {
		t.Fatalf("what lives was swept: %s (%v)", rows(), err)
	}
	now = now.Add(time.Minute + store.RequestAfterlife + time.Second)
	if err := d.Sweep(ctx); err != nil || rows() != "0 0 0 0 0 0 0 1" { // the last signal carries the numbers on
		t.Fatalf("after the sweep: %s (%v)", rows(), err)
	}
}

func TestOwnDecisionsWakeWithoutListening(t *testing.T) {
	d := inside(t)
	now := time.Now()
	_, err := d.Open(t.Context(), store.Request{SID: "ses_a", UserCode: "code", CreatedAt: now, ExpiresAt: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Bind(t.Context(), "code", "browser", "user"); err != nil {
		t.Fatal(err)
	}
	decided, stop := d.Watch("ses_a")
	defer stop()
	d.hub.quiet() // deaf for other processes
	d.hub.listening.Wait()
	if err := d.Deny(t.Context(), "ses_a", "browser", store.ReasonUser); err != nil {
		t.Fatal(err)
	}
	select {
	case <-decided:
	default:
		t.Error("the decision was committed and nobody was woken")
	}
}
