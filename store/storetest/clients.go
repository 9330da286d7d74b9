package storetest

import (
	"strconv"
	"strings"

	"github.com/handclasp/handclasp/store"
)

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
	{"a new secret is the first of two, and the oldest goes", func(b *book) {
		c, err := b.AddSecret(b.ctx, tool, "cc")
		b.ok(err)
		b.same(c.SecretHashes, []string{"cc", "aa"})
		got, err := b.Client(b.ctx, tool)
		b.ok(err)
		want := someClient(tool)
		want.SecretHashes, want.UpdatedAt = c.SecretHashes, got.UpdatedAt
		b.same(got, want)
		b.ok(b.CreateClient(b.ctx, store.Client{ID: "keys-alone", CreatedAt: noon, UpdatedAt: noon}))
		c, err = b.AddSecret(b.ctx, "keys-alone", "first")
		b.ok(err)
		b.same(c.SecretHashes, []string{"first"})
		b.ok(b.CreateClient(b.ctx, store.Client{ID: "public", Public: true, CreatedAt: noon, UpdatedAt: noon}))
		_, err = b.AddSecret(b.ctx, "public", "aa")
		b.fails(err, store.ErrRefused)
		_, err = b.AddSecret(b.ctx, "nothing", "aa")
		b.fails(err, store.ErrNotFound)
	}},
	{"of secrets that are added at once the last two are kept", func(b *book) {
		errs := race(16, func(i int) error { _, err := b.AddSecret(b.ctx, tool, "new-"+strconv.Itoa(i)); return err })
		b.same(count(errs, won), 16)
		got, err := b.Client(b.ctx, tool)
		b.ok(err)
		b.same(len(got.SecretHashes), 2)
		for _, hash := range got.SecretHashes {
			b.same(strings.HasPrefix(hash, "new-"), true)
		}
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
