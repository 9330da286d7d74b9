package storetest

import (
	"time"

	"github.com/handclasp/handclasp/store"
)

var noteStories = []story[*rig]{
	{"a note is read as often as one likes, and taken once, also by 32 at once", func(r *rig) {
		r.ok(r.PutNote(r.ctx, "aut_a", "first", time.Minute))
		r.ok(r.PutNote(r.ctx, "aut_a", "second, \"quoted\"\n and of two lines", time.Minute))
		for i := range 3 {
			got, err := r.either(i).Note(r.ctx, "aut_a")
			r.ok(err)
			r.same(got, "second, \"quoted\"\n and of two lines")
		}
		errs := race(32, func(i int) error {
			got, err := r.either(i).TakeNote(r.ctx, "aut_a")
			if err == nil {
				r.same(got, "second, \"quoted\"\n and of two lines")
			}
			return err
		})
		r.same(count(errs, won), 1)
		for _, err := range errs {
			if err != nil {
				r.fails(err, store.ErrNotFound)
			}
		}
		_, err := r.Note(r.ctx, "aut_a")
		r.fails(err, store.ErrNotFound)
	}},
	{"a note ends by itself, and one does not touch another", func(r *rig) {
		r.ok(r.PutNote(r.ctx, "aut_short", "short", time.Minute))
		r.ok(r.PutNote(r.ctx, "aut_long", "", time.Hour))
		r.pass(2 * time.Minute)
		_, err := r.Note(r.ctx, "aut_short")
		r.fails(err, store.ErrNotFound)
		_, err = r.Second.TakeNote(r.ctx, "aut_short")
		r.fails(err, store.ErrNotFound)
		got, err := r.TakeNote(r.ctx, "aut_long")
		r.ok(err)
		r.same(got, "")
	}},
}
