package sessions_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// A stranger whom a limit refuses pays nothing for the next try. What is kept of it must not grow with the tries.
func TestAFloodOfRefusalsDoesNotFillTheDisk(t *testing.T) {
	t.Parallel()
	r := newRig(t, keepers[0].open)
	var out bytes.Buffer
	j := sessions.NewJournal(r.records, &out, r.clock.now, slog.New(slog.DiscardHandler))
	flood := func(ctx context.Context, e store.Event) {
		for range 1000 {
			j.Record(ctx, e)
		}
	}
	limit := store.Event{Type: "limit.device", Result: sessions.Refused, Detail: "device.network:2001:db8::/64"}
	for i := range 3 { // one household, another address each time
		flood(sessions.WithOrigin(r.ctx, sessions.Origin{Address: fmt.Sprintf("2001:db8::%d", i), Network: "2001:db8::/64"}), limit)
	}
	flood(r.ctx, store.Event{Type: "device.conflict", UserID: r.ada, Result: sessions.Refused})
	for i := range 5000 { // from as many networks
		j.Record(sessions.WithOrigin(r.ctx, sessions.Origin{Network: fmt.Sprintf("2001:db8:%x::/64", i)}), limit)
	}
	j.Record(r.ctx, store.Event{Type: "device.conflict", UserID: r.bob, Result: sessions.Refused})
	for range 20 {
		j.Record(r.ctx, store.Event{Type: "session.begin", Result: sessions.OK})
	}
	r.clock.advance(2 * time.Minute)
	j.Record(r.ctx, limit)
	if err := j.Close(r.ctx); err != nil {
		t.Fatal(err)
	}
	lines := out.String()
	kept, err := r.records.Events(r.ctx, "", 10_000)
	if err != nil || len(kept) != strings.Count(lines, "\n") {
		t.Errorf("%d events are kept and %d written, %v", len(kept), strings.Count(lines, "\n"), err)
	}
	for what, want := range map[string][2]int{
		`"detail":"device.network:2001:db8::/64"`: {59, 600},
		`left out`:               {2, 2},
		`"user":"` + r.ada + `"`: {60, 60},
		`"user":"` + r.bob + `"`: {1, 1},
		`"type":"session.begin"`: {20, 20},
	} {
		if n := strings.Count(lines, what); n < want[0] || n > want[1] {
			t.Errorf("%d lines hold %s, want %d to %d", n, what, want[0], want[1])
		}
	}
	if newest := kept[len(kept)-1]; newest.Type != "limit.device" {
		t.Errorf("the next minute's refusal is not told: %+v", newest)
	}
}

// slow commits, and says the first time that it has not: so does a file whose disk was too slow for the writer's patience.
type slow struct {
	store.Records
	answered atomic.Bool
}

func (s *slow) AddEvents(ctx context.Context, events ...store.Event) error {
	err := s.Records.AddEvents(ctx, events...)
	if !s.answered.Swap(true) {
		return context.DeadlineExceeded
	}
	return err
}

// One commit that took too long must not be the end of the journal: what it wrote is written again, and everything after it.
func TestAnEventWhoseCommitWasSlowStopsNoneThatFollow(t *testing.T) {
	t.Parallel()
	r := newRig(t, keepers[0].open)
	records := &slow{Records: r.records}
	j := sessions.NewJournal(records, io.Discard, r.clock.now, slog.New(slog.DiscardHandler))
	j.Record(r.ctx, store.Event{Type: "session.begin", Result: sessions.OK})
	for !records.answered.Load() {
		time.Sleep(time.Millisecond)
	}
	j.Record(r.ctx, store.Event{Type: "session.end", Result: sessions.OK})
	if err := j.Close(r.ctx); err != nil {
		t.Error(err)
	}
	kept, err := r.records.Events(r.ctx, "", 10)
	if err != nil || len(kept) != 2 {
		t.Errorf("%d events are kept, want 2: %v", len(kept), err)
	}
}

// Lists are read by the ids, which are made of the time, so the two must be of one moment.
func TestAnEventIsFoundFromItsOwnTimeOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, keepers[0].open)
	now := r.clock.now()
	runs := func() time.Time {
		now = now.Add(time.Millisecond)
		return now
	}
	j := sessions.NewJournal(r.records, io.Discard, runs, slog.New(slog.DiscardHandler))
	j.Record(r.ctx, store.Event{Type: "session.begin", Result: sessions.OK})
	if err := j.Close(r.ctx); err != nil {
		t.Fatal(err)
	}
	kept, err := r.records.Events(r.ctx, "", 10)
	if err != nil || len(kept) != 1 {
		t.Fatalf("%d events are kept, want 1: %v", len(kept), err)
	}
	found, err := r.records.(store.Lists).ListEvents(r.ctx, store.EventQuery{Since: kept[0].Time, Limit: 10})
	if err != nil || len(found) != 1 {
		t.Errorf("%d events since %s, want the one of then: %v", len(found), kept[0].Time, err)
	}
}
