package storetest

import (
	"time"

	"github.com/handclasp/handclasp/store"
)

func (r *rig) link(id string) store.Link {
	now := r.now()
	return store.Link{
		ID: id, Device: "device-half", Mail: "mail-half", Code: "letters", Email: "ana@example.test", ReturnTo: "/device",
		Address: "192.0.2.7", CreatedAt: now, ExpiresAt: now.Add(15 * time.Minute),
	}
}

func (r *rig) mailed() store.Link {
	r.t.Helper()
	l := r.link(store.NewID("ask-"))
	r.ok(r.PutLink(r.ctx, l))
	return l
}

func byMail(l store.Link) store.LinkTry {
	return store.LinkTry{ID: l.ID, Device: l.Device, Mail: l.Mail}
}

func byCode(l store.Link) store.LinkTry {
	return store.LinkTry{ID: l.ID, Device: l.Device, Code: l.Code}
}

var linkStories = []story[*rig]{
	{"a link works once, by its two halves", func(r *rig) {
		l := r.mailed()
		got, err := r.Second.TakeLink(r.ctx, byMail(l))
		r.ok(err)
		r.same(got, l)
		_, err = r.TakeLink(r.ctx, byMail(l))
		r.fails(err, store.ErrNotFound)
		_, err = r.TakeLink(r.ctx, byCode(l))
		r.fails(err, store.ErrNotFound)
	}},
	{"a link works once, by the six letters", func(r *rig) {
		l := r.mailed()
		_, err := r.TakeLink(r.ctx, byCode(l))
		r.ok(err)
		_, err = r.Second.TakeLink(r.ctx, byMail(l))
		r.fails(err, store.ErrNotFound)
	}},
	{"of 32 who press the button one is signed in", func(r *rig) {
		l := r.mailed()
		errs := race(32, func(i int) error {
			_, err := r.either(i).TakeLink(r.ctx, byMail(l))
			return err
		})
		r.same(count(errs, won), 1)
		for _, err := range errs {
			if err != nil {
				r.fails(err, store.ErrNotFound)
			}
		}
	}},
	{"a scanner may read a link as often as it likes", func(r *rig) {
		l := r.mailed()
		for i := range 20 {
			got, err := r.either(i).Link(r.ctx, l.ID, l.Mail)
			r.ok(err)
			r.same(got, l)
			_, err = r.Link(r.ctx, l.ID, "guess")
			r.fails(err, store.ErrNotFound)
			got, err = r.LinkOf(r.ctx, l.ID, l.Device)
			r.ok(err)
			r.same(got, l)
			_, err = r.LinkOf(r.ctx, l.ID, "guess")
			r.fails(err, store.ErrNotFound)
		}
		_, err := r.TakeLink(r.ctx, byMail(l))
		r.ok(err)
	}},
	{"one half alone signs nobody in", func(r *rig) {
		for _, try := range []store.LinkTry{
			{Mail: "mail-half"},
			{Code: "letters"},
			{Device: "device-half"},
			{},
			{Device: "guess", Mail: "mail-half"},
			{Device: "device-half", Mail: "guess"},
			{Device: "device-half", Code: "guess"},
		} {
			l := r.mailed()
			try.ID = l.ID
			_, err := r.TakeLink(r.ctx, try)
			r.fails(err, store.ErrWrong)
		}
	}},
	{"a link without letters cannot be taken by none", func(r *rig) {
		l := r.link(store.NewID("ask-"))
		l.Code = ""
		r.ok(r.PutLink(r.ctx, l))
		_, err := r.TakeLink(r.ctx, byCode(l))
		r.fails(err, store.ErrWrong)
		_, err = r.TakeLink(r.ctx, byMail(l))
		r.ok(err)
	}},
	{"halves of different requests do not combine", func(r *rig) {
		a, b := r.link(store.NewID("ask-")), r.link(store.NewID("ask-"))
		b.Device, b.Mail, b.Code = "device-b", "mail-b", "letters-b"
		r.ok(r.PutLink(r.ctx, a))
		r.ok(r.PutLink(r.ctx, b))
		for _, try := range []store.LinkTry{
			{ID: a.ID, Device: a.Device, Mail: b.Mail},
			{ID: a.ID, Device: b.Device, Mail: a.Mail},
			{ID: b.ID, Device: a.Device, Mail: a.Mail},
			{ID: b.ID, Device: b.Device, Code: a.Code},
		} {
			_, err := r.TakeLink(r.ctx, try)
			r.fails(err, store.ErrWrong)
		}
	}},
	{"five wrong halves end a link, four do not", func(r *rig) {
		patient, ended := r.mailed(), r.mailed()
		wrong := func(l store.Link, times int) {
			for i := range times {
				_, err := r.either(i).TakeLink(r.ctx, store.LinkTry{ID: l.ID, Device: l.Device, Code: "guess"})
				r.fails(err, store.ErrWrong)
			}
		}
		wrong(patient, store.WrongHalves-1)
		_, err := r.TakeLink(r.ctx, byMail(patient))
		r.ok(err)
		wrong(ended, store.WrongHalves)
		_, err = r.TakeLink(r.ctx, byMail(ended))
		r.fails(err, store.ErrNotFound)
		_, err = r.Link(r.ctx, ended.ID, ended.Mail)
		r.fails(err, store.ErrNotFound)
		_, err = r.LinkOf(r.ctx, ended.ID, ended.Device)
		r.fails(err, store.ErrNotFound)
	}},
	{"of 32 wrong halves at once five are counted", func(r *rig) {
		l := r.mailed()
		errs := race(32, func(i int) error {
			_, err := r.either(i).TakeLink(r.ctx, store.LinkTry{ID: l.ID, Device: l.Device, Mail: "guess"})
			return err
		})
		for _, err := range errs {
			if err == nil {
				r.t.Fatal("a wrong half signed somebody in")
			}
		}
		_, err := r.TakeLink(r.ctx, byMail(l))
		r.fails(err, store.ErrNotFound)
	}},
	{"a newer request of the same browser ends the older link", func(r *rig) {
		older := r.mailed()
		for range store.WrongHalves - 1 {
			_, err := r.TakeLink(r.ctx, store.LinkTry{ID: older.ID, Device: older.Device, Mail: "guess"})
			r.fails(err, store.ErrWrong)
		}
		newer := r.link(older.ID)
		newer.Mail, newer.Code, newer.Email = "mail-new", "letters-new", "bo@example.test"
		r.ok(r.Second.PutLink(r.ctx, newer))
		_, err := r.Link(r.ctx, older.ID, older.Mail)
		r.fails(err, store.ErrNotFound)
		_, err = r.TakeLink(r.ctx, byMail(older)) // the count begins anew with the newer link
		r.fails(err, store.ErrWrong)
		got, err := r.TakeLink(r.ctx, byCode(newer))
		r.ok(err)
		r.same(got.Email, "bo@example.test")
	}},
	{"what an app asked for comes back as it was kept, until a newer request takes its place", func(r *rig) {
		l := r.link(store.NewID("ask-"))
		l.App = `{"client":"phone","scope":["a","b"],"name":"Mara's ☎"}`
		r.ok(r.PutLink(r.ctx, l))
		got, err := r.Second.LinkOf(r.ctx, l.ID, l.Device)
		r.ok(err)
		r.same(got, l)
		got, err = r.Second.TakeLink(r.ctx, byMail(l))
		r.ok(err)
		r.same(got, l)
		r.ok(r.PutLink(r.ctx, l))
		l.App = ""
		r.ok(r.Second.PutLink(r.ctx, l))
		got, err = r.TakeLink(r.ctx, byCode(l))
		r.ok(err)
		r.same(got, l)
	}},
	{"an expired link is gone for everybody", func(r *rig) {
		l := r.mailed()
		r.pass(15*time.Minute + time.Second)
		_, err := r.Link(r.ctx, l.ID, l.Mail)
		r.fails(err, store.ErrNotFound)
		_, err = r.LinkOf(r.ctx, l.ID, l.Device)
		r.fails(err, store.ErrNotFound)
		_, err = r.TakeLink(r.ctx, byMail(l))
		r.fails(err, store.ErrNotFound)
		_, err = r.TakeLink(r.ctx, store.LinkTry{ID: l.ID, Device: "guess"})
		r.fails(err, store.ErrNotFound)
	}},
}
