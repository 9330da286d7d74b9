package storetest

import (
	"strconv"

	"github.com/handclasp/handclasp/store"
)

const photos = "https://photos.example.test"

func someResource(id string, scopes ...string) store.Resource {
	r := store.Resource{ID: id, Name: "An API", DPoP: true, CreatedAt: noon, UpdatedAt: noon}
	for _, name := range scopes {
		r.Scopes = append(r.Scopes, store.Scope{Name: name, Words: "\"Do\", " + name})
	}
	return r
}

var resourceStories = []story[*book]{
	{"a resource is kept whole, its scopes in their order", func(b *book) {
		r, bare := someResource(photos, "photos:write", "photos:read"), store.Resource{ID: "https://a.example.test", CreatedAt: noon, UpdatedAt: noon}
		b.ok(b.CreateResource(b.ctx, r))
		b.ok(b.CreateResource(b.ctx, bare))
		got, err := b.Resource(b.ctx, photos)
		b.ok(err)
		b.same(got, r)
		list, err := b.Resources(b.ctx)
		b.ok(err)
		b.same(list, []store.Resource{bare, r})
	}},
	{"a scope is one resource's, and whoever cannot have it writes nothing", func(b *book) {
		b.ok(b.CreateResource(b.ctx, someResource(photos, "photos:read")))
		other := someResource("https://other.example.test", "other:read", "photos:read")
		b.fails(b.CreateResource(b.ctx, other), store.ErrScopeTaken)
		_, err := b.Resource(b.ctx, other.ID)
		b.fails(err, store.ErrNotFound)
		other.Scopes = other.Scopes[:1]
		b.ok(b.CreateResource(b.ctx, other))
		b.fails(b.UpdateResource(b.ctx, someResource(other.ID, "photos:read")), store.ErrScopeTaken)
		got, err := b.Resource(b.ctx, other.ID)
		b.ok(err)
		b.same(got, other)
	}},
	{"of 32 who want an id or a scope at once one gets it", func(b *book) {
		errs := race(32, func(int) error { return b.CreateResource(b.ctx, someResource(photos)) })
		b.same(count(errs, won), 1)
		errs = race(32, func(i int) error {
			return b.CreateResource(b.ctx, someResource("https://api.example.test/"+strconv.Itoa(i), "deploy"))
		})
		b.same(count(errs, won), 1)
		for _, err := range errs {
			if err != nil {
				b.fails(err, store.ErrScopeTaken)
			}
		}
	}},
	{"an update replaces everything but the id and the beginning", func(b *book) {
		b.fails(b.UpdateResource(b.ctx, someResource(photos)), store.ErrNotFound)
		b.ok(b.CreateResource(b.ctx, someResource(photos, "photos:read", "photos:write")))
		r := store.Resource{ID: photos, Name: "Photos", Scopes: []store.Scope{{Name: "photos:read"}}, CreatedAt: after(9), UpdatedAt: after(9)}
		b.ok(b.UpdateResource(b.ctx, r))
		got, err := b.Resource(b.ctx, photos)
		b.ok(err)
		r.CreatedAt = noon
		b.same(got, r)
	}},
	{"what is deleted is gone, and its scopes are free", func(b *book) {
		b.fails(b.DeleteResource(b.ctx, photos), store.ErrNotFound)
		b.ok(b.CreateResource(b.ctx, someResource(photos, "photos:read")))
		b.ok(b.DeleteResource(b.ctx, photos))
		_, err := b.Resource(b.ctx, photos)
		b.fails(err, store.ErrNotFound)
		b.ok(b.CreateResource(b.ctx, someResource(photos, "photos:read")))
	}},
}
