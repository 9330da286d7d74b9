// Package admin is what an operator can do with a server: look at its clients, resources, users, sessions, events and keys,
// and change them. Its rules hold whoever asks: Local does the work on the memories themselves, for commands in the data folder
// and for the admin API behind its door, and admin/remote does the same by asking that API.
package admin

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// Desk is what an operator sits at. Errors are an Invalid, a *Refusal or an *Unfinished, store.ErrNotFound for what is not
// there, or say that a memory or the server could not answer. Each change is journaled.
type Desk interface {
	// Clients lists clients in order of their id.
	Clients(ctx context.Context, q ClientQuery) (Page[Client], error)
	Client(ctx context.Context, id string) (Client, error)
	// CreateClient registers a client. Its secret, if it has one, is in the answer and never again.
	CreateClient(ctx context.Context, f ClientForm) (Client, error)
	// ChangeClient changes what the form says and nothing else. A match that is not empty is the Version that was looked at: if
	// the client has another one by now nothing is changed. One that ceases to be public gets a secret, as by CreateClient.
	ChangeClient(ctx context.Context, id string, f ClientForm, match string) (Client, error)
	// GiveSecret gives a client one more secret. The one before stays good, every older one ends.
	GiveSecret(ctx context.Context, id string) (Client, error)
	// WithdrawSecrets ends every secret of a client but the newest.
	WithdrawSecrets(ctx context.Context, id string) (Client, error)
	// DisableClient keeps a client from everything and ends every session of it; without an error all of it is done. One that is
	// known by a document does not come back with it.
	DisableClient(ctx context.Context, id string) (Client, error)
	EnableClient(ctx context.Context, id string) (Client, error)
	// DeleteClient ends a client's sessions, says how many, and removes it.
	DeleteClient(ctx context.Context, id string) (ended int, err error)

	// InitialTokens lists the tokens that let clients register themselves, in order of their id.
	InitialTokens(ctx context.Context, q InitialTokenQuery) (Page[InitialToken], error)
	// CreateInitialToken makes one. The token is in the answer and never again.
	CreateInitialToken(ctx context.Context, f InitialTokenForm) (InitialToken, error)
	// DeleteInitialToken takes one back; what has registered with it stays.
	DeleteInitialToken(ctx context.Context, id string) error

	// Resources lists resources in order of their id.
	Resources(ctx context.Context, q ResourceQuery) (Page[Resource], error)
	Resource(ctx context.Context, id string) (Resource, error)
	CreateResource(ctx context.Context, f ResourceForm) (Resource, error)
	// ChangeResource is to resources what ChangeClient is to clients.
	ChangeResource(ctx context.Context, id string, f ResourceForm, match string) (Resource, error)
	// DeleteResource removes a resource that no client uses.
	DeleteResource(ctx context.Context, id string) error

	// Users lists users in order of their id.
	Users(ctx context.Context, q UserQuery) (Page[User], error)
	User(ctx context.Context, id string) (User, error)
	// InviteUser notes that an address may sign up, and sends it a mail. After an error that is Unfinished the address may sign
	// up all the same; the same request sends the mail again.
	InviteUser(ctx context.Context, email string) (Invitation, error)
	// DisableUser keeps a user out and ends every session; without an error all of it is done.
	DisableUser(ctx context.Context, id string) (User, error)
	EnableUser(ctx context.Context, id string) (User, error)
	// EndSessions ends every session of a user and says how many.
	EndSessions(ctx context.Context, userID string) (ended int, err error)
	// DeleteUser disables a user, ends every session, and forgets who it was.
	DeleteUser(ctx context.Context, id string) error

	// Sessions lists sessions, the newest first.
	Sessions(ctx context.Context, q SessionQuery) (Page[Session], error)
	Session(ctx context.Context, id string) (Session, error)
	EndSession(ctx context.Context, id string) error

	// Events lists events, the newest first unless the query says otherwise.
	Events(ctx context.Context, q EventQuery) (Page[store.Event], error)

	// Keys lists signing keys and roots, the newest of each first.
	Keys(ctx context.Context) ([]keys.Info, error)
	// RotateKeys and RetireKey are keys.Rotate and keys.Retire; they answer as Keys does.
	RotateKeys(ctx context.Context, now bool) ([]keys.Info, error)
	RetireKey(ctx context.Context, id string, now bool) ([]keys.Info, error)
}

// Records is what the desk needs of the durable memory; store.Records says what each method promises.
type Records interface {
	store.Lists
	Client(ctx context.Context, id string) (store.Client, error)
	Clients(ctx context.Context) ([]store.Client, error)
	CreateClient(ctx context.Context, c store.Client) error
	ReplaceClient(ctx context.Context, was, c store.Client) error
	DeleteClient(ctx context.Context, id string) error
	CreateClientInvite(ctx context.Context, i store.ClientInvite) error
	ClientInvites(ctx context.Context) ([]store.ClientInvite, error)
	DeleteClientInvite(ctx context.Context, id string) error
	Resource(ctx context.Context, id string) (store.Resource, error)
	Resources(ctx context.Context) ([]store.Resource, error)
	CreateResource(ctx context.Context, r store.Resource) error
	ReplaceResource(ctx context.Context, was, r store.Resource) error
	DeleteResource(ctx context.Context, id string) error
	User(ctx context.Context, id string) (store.User, error)
	UserByEmail(ctx context.Context, email string) (store.User, error)
	Invite(ctx context.Context, email, by string, at time.Time) error
	RemoveUser(ctx context.Context, userID string, at time.Time) error
	Session(ctx context.Context, sid string) (store.Session, error)
}

// Options compose a desk. What no command of its user needs may be nil.
type Options struct {
	Records  Records
	Sessions *sessions.Sessions
	Keys     *keys.Keys
	Journal  sessions.Recorder
	Letters  Letters
	Issuer   string // the audience of clients that say none; empty if nobody has said it
	Now      func() time.Time
	// Registration is who may register clients, and is only told.
	Registration oauth.RegistrationMode
}

// Asker is whom a desk works for.
type Asker struct {
	Actor  string // as events name it
	Remote bool   // it came over the network, and may not give or touch the rights of the admin API itself
	Seed   []byte // what is made at random derives from it if there is one, so that a repeated request makes the same
}

// Local works on the memories themselves.
type Local struct {
	o     Options
	asker Asker
}

var _ Desk = (*Local)(nil)

// New returns a desk for somebody who can write to the data: whoever can need not be asked for more.
func New(o Options) *Local { return &Local{o, Asker{Actor: Operator}} }

// Operator is the actor of whoever works at the data.
const Operator = "operator"

// For returns the same desk for somebody else.
func (l *Local) For(a Asker) *Local { return &Local{l.o, a} }

// record notes what was done.
func (l *Local) record(ctx context.Context, e store.Event) {
	e.Result = sessions.OK
	l.o.Journal.Record(l.as(ctx), e)
}

// as lets events say who did it, also those that another room records.
func (l *Local) as(ctx context.Context) context.Context {
	o := sessions.OriginOf(ctx)
	o.Actor = l.asker.Actor
	return sessions.WithOrigin(ctx, o)
}

func (l *Local) newID(prefix string) string {
	if l.asker.Seed == nil {
		return store.NewID(prefix)
	}
	return store.IDOf(prefix, [16]byte(l.derive(prefix)))
}

// newSecret returns 256 bits that are shown once.
func (l *Local) newSecret() string {
	if l.asker.Seed == nil {
		return store.RandomText(32)
	}
	return base64.RawURLEncoding.EncodeToString(l.derive("secret"))
}

func (l *Local) derive(purpose string) []byte {
	h := hmac.New(sha256.New, l.asker.Seed)
	h.Write([]byte(purpose))
	return h.Sum(nil)
}

// now is the time as it is kept.
func (l *Local) now() time.Time { return l.o.Now().UTC().Truncate(time.Millisecond) }
