package storetest

import "github.com/handclasp/handclasp/store"

var consentStories = []story[*book]{
	{"what was allowed grows, is a person's own, and can be forgotten", func(b *book) {
		ana, bo := b.user("ana"), b.user("bo")
		_, err := b.Consent(b.ctx, ana.ID, tool)
		b.fails(err, store.ErrNotFound)
		first := store.Consent{UserID: ana.ID, ClientID: tool, Scope: []string{"email", "profile"}, CreatedAt: noon, UpdatedAt: noon}
		b.ok(b.AddConsent(b.ctx, first))
		b.ok(b.AddConsent(b.ctx, store.Consent{
			UserID: ana.ID, ClientID: tool, Scope: []string{"deploy:write", "email"}, CreatedAt: after(1), UpdatedAt: after(1),
		}))
		got, err := b.Consent(b.ctx, ana.ID, tool)
		b.ok(err)
		b.same(got, store.Consent{
			UserID: ana.ID, ClientID: tool, Scope: []string{"deploy:write", "email", "profile"}, CreatedAt: noon, UpdatedAt: after(1),
		})
		_, err = b.Consent(b.ctx, bo.ID, tool)
		b.fails(err, store.ErrNotFound)
		all, err := b.Consents(b.ctx, ana.ID)
		b.ok(err)
		b.same(all, []store.Consent{got})
		b.ok(b.RemoveConsent(b.ctx, ana.ID, tool))
		b.fails(b.RemoveConsent(b.ctx, ana.ID, tool), store.ErrNotFound)
	}},
}
