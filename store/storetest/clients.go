package storetest

import "github.com/handclasp/handclasp/store"

var clientStories = []story[*book]{
	{"a client is kept whole", func(b *book) {
		got, err := b.Client(b.ctx, tool)
		b.ok(err)
		b.same(got, someClient(tool))
		bare := store.Client{ID: "bare", Public: true, BuiltIn: true, CreatedAt: noon, UpdatedAt: noon, DisabledAt: after(1)}
		b.ok(b.CreateClient(b.ctx, bare))
		got, err = b.Client(b.ctx, "bare")
		b.ok(err)
		b.same(got, bare)
		all, err := b.Clients(b.ctx)
		b.ok(err)
		b.same(all, []store.Client{bare, someClient(tool)})
	}},
	{"an id is given once, also to 32 who ask at once", func(b *book) {
		b.fails(b.CreateClient(b.ctx, someClient(tool)), store.ErrExists)
		errs := race(32, func(int) error { return b.CreateClient(b.ctx, someClient("new")) })
		b.same(count(errs, won), 1)
		for _, err := range errs {
			if err != nil {
				b.fails(err, store.ErrExists)
			}
		}
	}},
	{"an update replaces everything but what a client is", func(b *book) {
		c := store.Client{ID: tool, Name: "New name", Public: true, BuiltIn: true, CreatedAt: after(9), UpdatedAt: after(9), DisabledAt: after(9), Scopes: []store.Scope{{Name: "a", Words: "\"Quoted\", words"}}}
		b.ok(b.UpdateClient(b.ctx, c))
		got, err := b.Client(b.ctx, tool)
		b.ok(err)
		c.BuiltIn, c.CreatedAt = false, noon
		b.same(got, c)
	}},
	{"what is not there is neither found, updated nor deleted", func(b *book) {
		_, err := b.Client(b.ctx, "nothing")
		b.fails(err, store.ErrNotFound)
		b.fails(b.UpdateClient(b.ctx, someClient("nothing")), store.ErrNotFound)
		b.fails(b.DeleteClient(b.ctx, "nothing"), store.ErrNotFound)
	}},
	{"a deleted client is gone, its sessions are not", func(b *book) {
		s := b.live(b.user("ana"), "fp", after(1))
		b.ok(b.DeleteClient(b.ctx, tool))
		_, err := b.Client(b.ctx, tool)
		b.fails(err, store.ErrNotFound)
		b.unchanged(s)
	}},
}
