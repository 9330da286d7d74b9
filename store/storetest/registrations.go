package storetest

import (
	"slices"
	"time"

	"github.com/handclasp/handclasp/store"
)

const (
	itself   = "cli_itself"
	document = "https://app.example.test/client.json"
)

// registered puts a client that registered itself into the book.
func (b *book) registered(id, token string) store.Registration {
	b.t.Helper()
	r := store.Registration{ClientID: id, Origin: store.OriginRegistered, AuthMethod: "client_secret_post", Token: token, CreatedAt: noon}
	b.ok(b.RegisterClient(b.ctx, someClient(id), r, "", 10))
	return r
}

func (b *book) registration(id string) store.Registration {
	b.t.Helper()
	r, err := b.Registration(b.ctx, id)
	b.ok(err)
	return r
}

// sessionOf begins a session with a client and confirms it.
func (b *book) sessionOf(client string, at time.Time) store.Session {
	b.t.Helper()
	begin := beginning(b.user("of-"+client[4:]), "fp-"+client)
	begin.Session.ClientID = client
	_, err := b.BeginSession(b.ctx, begin)
	b.ok(err)
	_, err = b.ConfirmSession(b.ctx, begin.Session.ID, at)
	b.ok(err)
	return begin.Session
}

var registrationStories = []story[*book]{
	{"a client that registers itself is kept whole, and an operator's has no registration", func(b *book) {
		r := b.registered(itself, "t1")
		b.same(b.registration(itself), r)
		got, err := b.Client(b.ctx, itself)
		b.ok(err)
		b.same(got, someClient(itself))
		_, err = b.Registration(b.ctx, tool)
		b.fails(err, store.ErrNotFound)
		names, err := b.OwnNames(b.ctx)
		b.ok(err)
		b.same(names, []string{"Deploy tool"})
		b.fails(b.RegisterClient(b.ctx, someClient(tool), r, "", 10), store.ErrExists)
		b.fails(b.RegisterClient(b.ctx, someClient("cli_more"), store.Registration{Origin: store.OriginRegistered, Token: "t2", CreatedAt: noon}, "", 1), store.ErrFull)
		_, err = b.Client(b.ctx, "cli_more")
		b.fails(err, store.ErrNotFound)
	}},
	{"an invite lets in as many as it says, also of 16 who come at once, and not after its end", func(b *book) {
		i := store.ClientInvite{ID: "inv_1", Token: "hash", Note: "for the team", Uses: 3, Left: 3, CreatedAt: noon, ExpiresAt: after(60)}
		b.ok(b.CreateClientInvite(b.ctx, i))
		errs := race(16, func(n int) error {
			r := store.Registration{Origin: store.OriginRegistered, Token: "t" + string(rune('a'+n)), CreatedAt: after(1)}
			return b.RegisterClient(b.ctx, someClient("cli_"+string(rune('a'+n))), r, "hash", 100)
		})
		b.same(count(errs, won), 3)
		for _, err := range errs {
			if err != nil {
				b.fails(err, store.ErrRefused)
			}
		}
		list, err := b.ClientInvites(b.ctx)
		b.ok(err)
		i.Left = 0
		b.same(list, []store.ClientInvite{i})
		late := store.ClientInvite{ID: "inv_2", Token: "late", Uses: 1, Left: 1, CreatedAt: noon, ExpiresAt: after(1)}
		b.ok(b.CreateClientInvite(b.ctx, late))
		r := store.Registration{Origin: store.OriginRegistered, Token: "tz", CreatedAt: after(1)}
		b.fails(b.RegisterClient(b.ctx, someClient("cli_z"), r, "late", 100), store.ErrRefused)
		b.fails(b.RegisterClient(b.ctx, someClient("cli_z"), r, "unknown", 100), store.ErrRefused)
		b.ok(b.DeleteClientInvite(b.ctx, "inv_2"))
		b.fails(b.DeleteClientInvite(b.ctx, "inv_2"), store.ErrNotFound)
	}},
	{"a registration that fails takes nothing from its invite", func(b *book) {
		b.ok(b.CreateClientInvite(b.ctx, store.ClientInvite{ID: "inv_1", Token: "hash", Uses: 1, Left: 1, CreatedAt: noon, ExpiresAt: after(60)}))
		r := store.Registration{Origin: store.OriginRegistered, Token: "t1", CreatedAt: noon}
		b.fails(b.RegisterClient(b.ctx, someClient(itself), r, "hash", 0), store.ErrFull)
		b.ok(b.RegisterClient(b.ctx, someClient(itself), r, "hash", 1))
		b.same(b.registration(itself).InviteID, "inv_1")
	}},
	{"a change rotates the token, and the one before is good for a lost answer only", func(b *book) {
		r := b.registered(itself, "t1")
		c := someClient(itself)
		c.Name, c.SecretHashes, c.RequireFingerprint, c.BuiltIn = "Another", nil, false, true
		c.Audiences = []string{"https://elsewhere.example.test"}
		r.Token, r.AuthMethod = "t2", "none"
		b.fails(b.RestateClient(b.ctx, c, r, "wrong", after(1)), store.ErrNotFound)
		b.fails(b.RestateClient(b.ctx, someClient(tool), r, "t1", after(1)), store.ErrNotFound)
		b.ok(b.RestateClient(b.ctx, c, r, "t1", after(1)))
		got, err := b.Client(b.ctx, itself)
		b.ok(err)
		want := someClient(itself)
		want.Name, want.SecretHashes, want.UpdatedAt = "Another", nil, after(1)
		b.same(got, want)
		r.Token = "t3"
		b.ok(b.RestateClient(b.ctx, c, r, "t1", after(2))) // whose answer was lost
		kept := b.registration(itself)
		b.same([]any{kept.Token, kept.Before, kept.RotatedAt}, []any{"t3", "t1", after(1)})
		r.Token = "t4"
		b.fails(b.RestateClient(b.ctx, c, r, "t2", after(3)), store.ErrNotFound)
		b.fails(b.RestateClient(b.ctx, c, r, "t1", after(1).Add(store.RegistrationGrace)), store.ErrNotFound)
		b.ok(b.RestateClient(b.ctx, c, r, "t3", after(200)))
		b.fails(b.RestateClient(b.ctx, c, r, "t1", after(201)), store.ErrNotFound)
	}},
	{"what people have allowed goes when the client takes another name or address, and stays when it takes another key", func(b *book) {
		r, ann := b.registered(itself, "t1"), b.user("ann").ID
		b.ok(b.PutDocument(b.ctx, someClient(document), after(5), 10))
		for _, id := range []string{itself, document} {
			b.ok(b.AddConsent(b.ctx, store.Consent{UserID: ann, ClientID: id, CreatedAt: noon, UpdatedAt: noon}))
		}
		restate := func(c store.Client) {
			b.ok(b.RestateClient(b.ctx, c, r, r.Token, after(1)))
			c.ID = document
			b.ok(b.PutDocument(b.ctx, c, after(15), 10))
		}
		c := someClient(itself)
		c.JWKS, c.Scopes = "", nil
		c.RedirectURIs = slices.Clone(c.RedirectURIs)
		slices.Reverse(c.RedirectURIs)
		restate(c)
		for _, id := range []string{itself, document} {
			_, err := b.Consent(b.ctx, ann, id)
			b.ok(err)
		}
		for _, change := range []func(){
			func() { c.Name = "Another" },
			func() { c.RedirectURIs = []string{"https://another.example.test/back"} },
		} {
			change()
			restate(c)
			for _, id := range []string{itself, document} {
				_, err := b.Consent(b.ctx, ann, id)
				b.fails(err, store.ErrNotFound)
				b.ok(b.AddConsent(b.ctx, store.Consent{UserID: ann, ClientID: id, CreatedAt: noon, UpdatedAt: noon}))
			}
		}
	}},
	{"nothing that a client says of itself enables it again", func(b *book) {
		r := b.registered(itself, "t1")
		c := someClient(itself)
		c.DisabledAt = after(1)
		b.ok(b.UpdateClient(b.ctx, c))
		b.fails(b.RestateClient(b.ctx, someClient(itself), r, "t1", after(2)), store.ErrNotFound)
		b.ok(b.PutDocument(b.ctx, someClient(document), after(5), 10))
		c = someClient(document)
		c.DisabledAt = after(1)
		b.ok(b.UpdateClient(b.ctx, c))
		renamed := someClient(document)
		renamed.Name = "Another"
		b.ok(b.PutDocument(b.ctx, renamed, after(15), 10))
		got, err := b.Client(b.ctx, document)
		b.ok(err)
		b.same([]any{got.Name, got.DisabledAt}, []any{"Deploy tool", after(1)})
	}},
	{"a client that an operator has disabled does not leave", func(b *book) {
		b.registered(itself, "t1")
		c, err := b.Client(b.ctx, itself)
		b.ok(err)
		c.DisabledAt = after(1)
		b.ok(b.UpdateClient(b.ctx, c))
		b.fails(b.LeaveClient(b.ctx, itself, "t1", after(2)), store.ErrNotFound)
		ids, err := b.LeavingClients(b.ctx, 10)
		b.ok(err)
		b.same(len(ids), 0)
	}},
	{"a client that leaves is disabled at once, and may say so again until it is gone", func(b *book) {
		b.registered(itself, "t1")
		b.fails(b.LeaveClient(b.ctx, itself, "wrong", after(1)), store.ErrNotFound)
		b.ok(b.LeaveClient(b.ctx, itself, "t1", after(1)))
		b.ok(b.LeaveClient(b.ctx, itself, "t1", after(2)))
		got, err := b.Client(b.ctx, itself)
		b.ok(err)
		b.same(got.DisabledAt, after(1))
		b.fails(b.RestateClient(b.ctx, someClient(itself), store.Registration{Token: "t2"}, "t1", after(3)), store.ErrNotFound)
		ids, err := b.LeavingClients(b.ctx, 10)
		b.ok(err)
		b.same(ids, []string{itself})
		b.ok(b.DeleteClient(b.ctx, itself))
		_, err = b.Registration(b.ctx, itself)
		b.fails(err, store.ErrNotFound)
		b.fails(b.LeaveClient(b.ctx, itself, "t1", after(3)), store.ErrNotFound)
	}},
	{"a document is kept under its address, again and again, but never over an operator's client", func(b *book) {
		c := someClient(document)
		b.ok(b.PutDocument(b.ctx, c, after(5), 1))
		b.same(b.registration(document), store.Registration{
			ClientID: document, Origin: store.OriginDocument, AuthMethod: "private_key_jwt", CreatedAt: noon, FreshUntil: after(5),
		})
		c.Name, c.CreatedAt, c.UpdatedAt, c.JWKS = "Another", after(6), after(6), ""
		b.ok(b.PutDocument(b.ctx, c, after(15), 1))
		got, err := b.Client(b.ctx, document)
		b.ok(err)
		b.same([]any{got.Name, got.CreatedAt, got.UpdatedAt}, []any{"Another", noon, after(6)})
		b.same([]any{b.registration(document).FreshUntil, b.registration(document).AuthMethod}, []any{after(15), "none"})
		b.fails(b.PutDocument(b.ctx, someClient("https://more.example.test/"), after(5), 1), store.ErrFull)
		b.fails(b.PutDocument(b.ctx, someClient(tool), after(5), 10), store.ErrExists)
		got, err = b.Client(b.ctx, tool)
		b.ok(err)
		b.same(got, someClient(tool))
	}},
	{"clients that nobody uses are forgotten, and nothing else is", func(b *book) {
		b.registered(itself, "t1")
		b.registered("cli_used", "t2")
		b.registered("cli_ended", "t3")
		b.ok(b.PutDocument(b.ctx, someClient(document), after(5), 10))
		b.sessionOf("cli_used", after(1))
		ended := b.sessionOf("cli_ended", after(100))
		_, err := b.EndSession(b.ctx, ended.ID, "logout", after(101))
		b.ok(err)
		b.ok(b.AddConsent(b.ctx, store.Consent{UserID: ended.UserID, ClientID: itself, CreatedAt: noon, UpdatedAt: noon}))
		n, err := b.ForgetClients(b.ctx, after(60), noon)
		b.ok(err)
		b.same(n, int64(0))
		n, err = b.ForgetClients(b.ctx, noon, after(1))
		b.ok(err)
		b.same(n, int64(2))
		for _, id := range []string{itself, document} {
			_, err = b.Client(b.ctx, id)
			b.fails(err, store.ErrNotFound)
		}
		_, err = b.Consent(b.ctx, ended.UserID, itself)
		b.fails(err, store.ErrNotFound)
		n, err = b.ForgetClients(b.ctx, noon, after(200)) // it was used, and is waited for
		b.ok(err)
		b.same(n, int64(0))
		n, err = b.ForgetClients(b.ctx, after(200), after(200))
		b.ok(err)
		b.same(n, int64(1))
		for _, id := range []string{tool, "cli_used"} {
			_, err = b.Client(b.ctx, id)
			b.ok(err)
		}
	}},
}
