package storetest

import (
	"time"

	"github.com/handclasp/handclasp/store"
)

func event(minute int) store.Event {
	return store.Event{
		ID: store.FirstEventID(after(minute).Add(time.Millisecond)), Time: after(minute), Type: "device.conflict", Actor: "usr_a",
		Target: "dev_a", UserID: "usr_a", SessionID: "ses_a", ClientID: tool, DeviceID: "dev_a", Address: "192.0.2.7",
		RequestID: "req", Result: "refused", Detail: "=cmd(\"x\")\tü",
	}
}

var eventStories = []story[*book]{
	{"events are kept whole and listed in order", func(b *book) {
		b.ok(b.AddEvents(b.ctx))
		b.ok(b.AddEvents(b.ctx, event(3), event(1)))
		b.ok(b.AddEvents(b.ctx, event(2)))
		got, err := b.Events(b.ctx, "", 10)
		b.ok(err)
		b.same(got, []store.Event{event(1), event(2), event(3)})
		got, err = b.Events(b.ctx, event(1).ID, 1)
		b.ok(err)
		b.same(got, []store.Event{event(2)})
		got, err = b.Events(b.ctx, "", -2)
		b.ok(err)
		b.same(got, []store.Event{event(2), event(3)})
	}},
	{"an event cannot be written over, and a batch is one step", func(b *book) {
		b.ok(b.AddEvents(b.ctx, event(1)))
		changed := event(1)
		changed.Result = "ok"
		if err := b.AddEvents(b.ctx, event(2), changed); err == nil {
			b.t.Fatal("an event was written over")
		}
		got, err := b.Events(b.ctx, "", 10)
		b.ok(err)
		b.same(got, []store.Event{event(1)})
	}},
	{"what was added is added again without an error, and is there once", func(b *book) {
		b.ok(b.AddEvents(b.ctx, event(1), event(2)))
		b.ok(b.AddEvents(b.ctx, event(1), event(2), event(3)))
		got, err := b.Events(b.ctx, "", 10)
		b.ok(err)
		b.same(got, []store.Event{event(1), event(2), event(3)})
	}},
	{"events from 32 places at once are all kept", func(b *book) {
		errs := race(32, func(i int) error { return b.AddEvents(b.ctx, event(2*i), event(2*i+1)) })
		b.same(count(errs, won), 32)
		got, err := b.Events(b.ctx, "", 100)
		b.ok(err)
		b.same(len(got), 64)
	}},
}
