package storetest

import (
	"time"

	"github.com/handclasp/handclasp/store"
)

var listStories = []story[*book]{
	{"clients and users are listed page by page, as they stand", func(b *book) {
		off := store.Client{ID: "off", CreatedAt: noon, UpdatedAt: noon, DisabledAt: after(1), Admin: []string{"admin:read", "admin:keys"}}
		b.ok(b.CreateClient(b.ctx, off))
		clients := func(q store.ClientQuery) []store.Client {
			got, err := b.ListClients(b.ctx, q)
			b.ok(err)
			return got
		}
		b.same(clients(store.ClientQuery{Limit: 9}), []store.Client{off, someClient(tool)})
		b.same(clients(store.ClientQuery{Limit: 1}), []store.Client{off})
		b.same(clients(store.ClientQuery{Limit: 9, After: off.ID}), []store.Client{someClient(tool)})
		b.same(clients(store.ClientQuery{Limit: 9, Standing: store.Enabled}), []store.Client{someClient(tool)})
		b.same(clients(store.ClientQuery{Limit: 9, Standing: store.Disabled}), []store.Client{off})
		b.registered(itself, "t1")
		b.ok(b.PutDocument(b.ctx, someClient(document), after(5), 10))
		origins, err := b.Origins(b.ctx, "", "zzz")
		b.ok(err)
		b.same(origins, map[string]store.Origin{itself: store.OriginRegistered, document: store.OriginDocument})
		origins, err = b.Origins(b.ctx, tool, tool)
		b.ok(err)
		b.same(len(origins), 0)
		ana, bob := b.user("ana"), b.user("bob")
		b.ok(b.SetDisabled(b.ctx, bob.ID, true, after(1)))
		bob.DisabledAt = after(1)
		users := func(q store.UserQuery) []store.User {
			got, err := b.ListUsers(b.ctx, q)
			b.ok(err)
			return got
		}
		both := []store.User{ana, bob}
		if bob.ID < ana.ID {
			both = []store.User{bob, ana}
		}
		b.same(users(store.UserQuery{Limit: 9}), both)
		b.same(users(store.UserQuery{Limit: 9, After: both[0].ID}), both[1:])
		b.same(users(store.UserQuery{Limit: 9, Email: "bob@example.test"}), []store.User{bob})
		b.same(users(store.UserQuery{Limit: 9, Standing: store.Enabled}), []store.User{ana})
		b.same(users(store.UserQuery{Limit: 9, Standing: store.Disabled}), []store.User{bob})
	}},
	{"sessions are listed newest first, and a page goes on where the last one ended", func(b *book) {
		ana := b.user("ana")
		var made []string
		for i := range 4 {
			s := beginning(ana, "fp-"+string(rune('a'+i)))
			s.Session.CreatedAt = after(i / 2) // two in one moment
			_, err := b.BeginSession(b.ctx, s)
			b.ok(err)
			made = append(made, s.Session.ID)
		}
		_, err := b.ConfirmSession(b.ctx, made[0], after(5))
		b.ok(err)
		_, err = b.EndSession(b.ctx, made[3], "logout", after(6))
		b.ok(err)
		list := func(q store.SessionQuery) []string {
			q.Limit = max(q.Limit, 1)
			got, err := b.ListSessions(b.ctx, q)
			b.ok(err)
			var ids []string
			for _, s := range got {
				ids = append(ids, s.ID)
			}
			return ids
		}
		whole := list(store.SessionQuery{Limit: 9})
		b.same(len(whole), 4)
		var paged []string
		for q := (store.SessionQuery{Limit: 1}); ; {
			page, err := b.ListSessions(b.ctx, q)
			b.ok(err)
			if len(page) == 0 {
				break
			}
			paged = append(paged, page[0].ID)
			q.AfterTime, q.AfterID = page[0].CreatedAt, page[0].ID
		}
		b.same(paged, whole)
		b.same(list(store.SessionQuery{Limit: 9, Phase: store.PhaseLive}), made[:1])
		b.same(list(store.SessionQuery{Limit: 9, Phase: store.PhaseEnded}), made[3:])
		b.same(len(list(store.SessionQuery{Limit: 9, Phase: store.PhaseProvisional})), 2)
		b.same(len(list(store.SessionQuery{Limit: 9, Since: after(1), Until: after(2)})), 2)
		b.same(len(list(store.SessionQuery{Limit: 9, UserID: ana.ID, ClientID: tool})), 4)
		b.same(list(store.SessionQuery{Limit: 9, UserID: "usr_x' OR 1=1 --"}), []string(nil))
		b.same(list(store.SessionQuery{Limit: 9, ClientID: "other"}), []string(nil))
		first, err := b.Session(b.ctx, made[0])
		b.ok(err)
		b.same(list(store.SessionQuery{Limit: 9, DeviceID: first.DeviceID}), made[:1])
	}},
	{"events are chosen by what they say, in either direction", func(b *book) {
		other := event(2)
		other.Type, other.UserID, other.SessionID, other.ClientID = "user.enable", "usr_b", "ses_b", "other"
		b.ok(b.AddEvents(b.ctx, event(1), other, event(3)))
		list := func(q store.EventQuery, want ...store.Event) {
			b.t.Helper()
			q.Limit = 9
			got, err := b.ListEvents(b.ctx, q)
			b.ok(err)
			b.same(got, want)
		}
		list(store.EventQuery{}, event(1), other, event(3))
		list(store.EventQuery{Newest: true}, event(3), other, event(1))
		list(store.EventQuery{After: event(1).ID}, other, event(3))
		list(store.EventQuery{After: event(3).ID, Newest: true}, other, event(1))
		list(store.EventQuery{Type: "user.enable"}, other)
		list(store.EventQuery{UserID: "usr_b", SessionID: "ses_b", ClientID: "other"}, other)
		list(store.EventQuery{UserID: "usr_b", ClientID: tool})
		list(store.EventQuery{Since: after(2), Until: after(3)}, other)
	}},
	{"a change that was made upon an older look moves nothing", func(b *book) {
		was, err := b.Client(b.ctx, tool)
		b.ok(err)
		c := was
		c.Name, c.Admin, c.UpdatedAt = "New name", []string{"admin:read"}, after(1)
		b.ok(b.ReplaceClient(b.ctx, was, c))
		got, err := b.Client(b.ctx, tool)
		b.ok(err)
		b.same(got, c)
		b.fails(b.ReplaceClient(b.ctx, was, was), store.ErrChanged)
		b.fails(b.ReplaceClient(b.ctx, someClient("nothing"), someClient("nothing")), store.ErrChanged)
		errs := race(16, func(i int) error {
			mine := c
			mine.UpdatedAt = after(2 + i)
			return b.ReplaceClient(b.ctx, c, mine)
		})
		b.same(count(errs, won), 1)
	}},
	{"a change of a resource that was made upon an older look moves nothing", func(b *book) {
		b.ok(b.CreateResource(b.ctx, someResource(photos, "photos:read", "photos:write")))
		was, err := b.Resource(b.ctx, photos)
		b.ok(err)
		r := was
		r.Name, r.Scopes, r.UpdatedAt = "Photos", was.Scopes[:1], after(1)
		b.ok(b.ReplaceResource(b.ctx, was, r))
		got, err := b.Resource(b.ctx, photos)
		b.ok(err)
		b.same(got, r)
		b.fails(b.ReplaceResource(b.ctx, was, was), store.ErrChanged)
		b.fails(b.ReplaceResource(b.ctx, someResource("https://no.example.test"), was), store.ErrChanged)
		errs := race(16, func(i int) error {
			mine := r
			mine.UpdatedAt = after(2 + i)
			return b.ReplaceResource(b.ctx, r, mine)
		})
		b.same(count(errs, won), 1)
	}},
	{"a removed user is nobody, once nothing of theirs is left to end", func(b *book) {
		ana := b.user("ana")
		s := b.live(ana, "fp", after(1))
		b.ok(b.Invite(b.ctx, ana.Email, "operator", noon))
		b.ok(b.AddConsent(b.ctx, store.Consent{UserID: ana.ID, ClientID: tool, Scope: []string{"a"}, CreatedAt: noon, UpdatedAt: noon}))
		b.fails(b.RemoveUser(b.ctx, ana.ID, after(2)), store.ErrRefused)
		b.ok(b.SetDisabled(b.ctx, ana.ID, true, after(2)))
		b.ok(b.ChangeDone(b.ctx, ana.ID, after(3)))
		b.fails(b.RemoveUser(b.ctx, ana.ID, after(3)), store.ErrRefused)
		_, err := b.EndSession(b.ctx, s.ID, "disabled", after(3))
		b.ok(err)
		b.fails(b.RemoveUser(b.ctx, ana.ID, after(3)), store.ErrRefused)
		b.ok(b.GrantGone(b.ctx, s.ID, after(3)))
		b.ok(b.RemoveUser(b.ctx, ana.ID, after(3)))
		for _, err := range []error{
			b.RemoveUser(b.ctx, ana.ID, after(4)), b.SetDisabled(b.ctx, ana.ID, false, after(4)),
			second(b.User(b.ctx, ana.ID)), second(b.UserByEmail(b.ctx, ana.Email)), second(b.Consent(b.ctx, ana.ID, tool)),
		} {
			b.fails(err, store.ErrNotFound)
		}
		invited, err := b.Invited(b.ctx, ana.Email)
		b.ok(err)
		b.same(invited, false)
		users, err := b.ListUsers(b.ctx, store.UserQuery{Limit: 9})
		b.ok(err)
		b.same(users, []store.User(nil))
		_, err = b.BeginSession(b.ctx, beginning(ana, "fp-2"))
		b.fails(err, store.ErrRefused)
		b.same(b.user("ana").ID == ana.ID, false) // the address is free again
		_, err = b.Forget(b.ctx, after(9).Add(24*time.Hour))
		b.ok(err)
		b.fails(second(b.Session(b.ctx, s.ID)), store.ErrNotFound)
	}},
}

// second is the error of a call whose answer does not matter.
func second[T any](_ T, err error) error { return err }
