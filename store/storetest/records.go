package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/handclasp/handclasp/store"
)

// book is the stage of the record stories: one keeper, and steps that fail the story on any surprise.
type book struct {
	store.Records
	t   *testing.T
	ctx context.Context
}

func newBook(t *testing.T, k store.Records) *book {
	b := &book{Records: k, t: t, ctx: within(t)}
	b.ok(k.CreateClient(b.ctx, someClient(tool)))
	return b
}

func (b *book) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("unexpected error: %v", err)
	}
}

func (b *book) fails(err, want error) {
	b.t.Helper()
	if !errors.Is(err, want) {
		b.t.Fatalf("got error %v, want %v", err, want)
	}
}

func (b *book) same(got, want any) {
	b.t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.t.Fatalf("difference (-want +got):\n%s", diff)
	}
}

// noon is when every record story begins; records take their times from the caller.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func after(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

func someClient(id string) store.Client {
	return store.Client{
		ID: id, Name: "Deploy tool", RequireFingerprint: true, SecretHashes: []string{"aa", "bb"}, JWKS: `{"keys":[{"kid":"a \"quoted\" one"}]}`,
		Grants: []string{"device_code", "refresh_token"}, RedirectURIs: []string{"http://127.0.0.1/back", "https://a.example.test/x y"},
		LogoutURI: "https://a.example.test/logout", LogoutRedirectURIs: []string{"https://a.example.test/bye"},
		Scopes:    []store.Scope{{Name: "deploy:write", Words: "Deploy to production"}},
		Audiences: []string{"https://api.example.test"}, CreatedAt: noon, UpdatedAt: noon,
	}
}

// user makes a person with a proven address.
func (b *book) user(name string) store.User {
	b.t.Helper()
	u, created, err := b.EnsureUser(b.ctx, store.User{
		ID: store.NewID(store.UserPrefix), Email: name + "@example.test", Name: name, CreatedAt: noon, VerifiedAt: noon,
	})
	b.ok(err)
	b.same(created, true)
	return u
}

func beginning(u store.User, fingerprint string) store.Beginning {
	return store.Beginning{
		Fingerprint: fingerprint,
		Session: store.Session{
			ID: store.NewID(store.SessionPrefix), Kind: store.KindDevice, UserID: u.ID, ClientID: tool,
			Scope: []string{"account:read", "deploy:write"}, Audience: []string{"https://api.example.test"}, AMR: []string{"mail"},
			Address: "192.0.2.7", Name: "laptop", Platform: "linux/amd64", AuthTime: noon, CreatedAt: noon, SeenAt: noon,
			CheckAt: after(10), ExpiresAt: noon.Add(90 * 24 * time.Hour),
		},
	}
}

// begun is a provisional session.
func (b *book) begun(u store.User, fingerprint string) store.Session {
	b.t.Helper()
	_, s := b.beginsAs(beginning(u, fingerprint))
	return s
}

func (b *book) beginsAs(start store.Beginning) (store.Begun, store.Session) {
	b.t.Helper()
	begun, err := b.BeginSession(b.ctx, start)
	b.ok(err)
	s, err := b.Session(b.ctx, start.Session.ID)
	b.ok(err)
	return begun, s
}

// live is a confirmed session.
func (b *book) live(u store.User, fingerprint string, at time.Time) store.Session {
	b.t.Helper()
	c, err := b.ConfirmSession(b.ctx, b.begun(u, fingerprint).ID, at)
	b.ok(err)
	return c.Session
}

func (b *book) owner(deviceID string) string {
	b.t.Helper()
	d, err := b.Device(b.ctx, deviceID)
	b.ok(err)
	return d.OwnerID
}

func ids(sessions []store.Session) []string {
	var out []string
	for _, s := range sessions {
		out = append(out, s.ID)
	}
	return out
}
