package store

import (
	"context"
	"time"
)

// Origin says how a client came here that no operator has registered.
type Origin string

// The ways in which clients come by themselves.
const (
	OriginRegistered Origin = "registered" // it registered itself (RFC 7591)
	OriginDocument   Origin = "document"   // its id is the address of a document that says who it is
)

// RegistrationGrace is how long the registration access token before the current one stays good, so that a client that has
// lost the answer to a change can make it again.
const RegistrationGrace = time.Hour

// Registration stands beside a client that no operator has registered. A client without one is an operator's.
type Registration struct {
	ClientID   string
	Origin     Origin
	AuthMethod string // token_endpoint_auth_method, as it is told back
	Token      string // hash of the registration access token (RFC 7592); empty for a document's client
	Before     string // hash of the one that Token has replaced
	InviteID   string // of the ClientInvite that let it in; empty if none was needed
	CreatedAt  time.Time
	RotatedAt  time.Time // when Token replaced Before
	UsedAt     time.Time // when somebody last began a session, within a day; zero if nobody ever has
	LeavingAt  time.Time // when it asked to be deleted; its sessions are being ended since
	FreshUntil time.Time // when the document is to be fetched again; zero if there is none
}

// ClientInvite is an initial access token (RFC 7591 §1.2): it lets whoever holds it register so many clients until a time.
type ClientInvite struct {
	ID        string
	Token     string // hash
	Note      string // for the operator
	Uses      int    // how many clients it was made for
	Left      int    // how many it lets in yet
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Registrations is what a keeper of records promises of clients that no operator has registered.
type Registrations interface {
	// Registration returns what stands beside a client; ErrNotFound if an operator has registered it, or nobody has.
	Registration(ctx context.Context, clientID string) (Registration, error)
	// OwnNames lists the names of all clients that an operator has registered.
	OwnNames(ctx context.Context) ([]string, error)
	// RegisterClient keeps a client with its registration, in one step with the use of an invite (named by its hash; empty for
	// none). ErrRefused: the invite is unknown, used up or too old at r.CreatedAt; ErrFull: there are most registrations
	// already; ErrExists: the id is taken. Nothing is written then.
	RegisterClient(ctx context.Context, c Client, r Registration, invite string, most int) error
	// RestateClient replaces what a client may say of itself (name, kind, secrets, keys, grants, redirect URIs, scopes), and
	// rotates its registration access token from the presented hash to r.Token. Its audiences stay. The presented token becomes
	// Before and stays good for RegistrationGrace. With another name or other redirect URIs, what people have allowed the client
	// is forgotten. ErrNotFound: the token is not, or not any more, this client's, or the client is disabled.
	RestateClient(ctx context.Context, c Client, r Registration, presented string, at time.Time) error
	// LeaveClient notes that a client wants to be deleted and disables it, if the presented hash is that of its registration
	// access token; saying so again is no error. ErrNotFound otherwise, and for one that an operator has disabled. Its sessions
	// are the caller's to end.
	LeaveClient(ctx context.Context, clientID, presented string, at time.Time) error
	// LeavingClients lists clients that have asked to be deleted and are still there, at most limit.
	LeavingClients(ctx context.Context, limit int) ([]string, error)
	// PutDocument keeps what a document says of its client: a new one, unless there are most registrations already (ErrFull),
	// or the one that came from the same document before. Whether that is disabled, and since when it is here, stays;
	// what people have allowed it goes as with RestateClient.
	// ErrExists: an operator has registered this id.
	PutDocument(ctx context.Context, c Client, freshUntil time.Time, most int) error
	// ForgetClients deletes clients without live or provisional sessions, and what people have allowed them: registered ones
	// that were neither changed nor used since registered; and those of documents, and registered ones that nobody has ever
	// used, that were neither fetched, registered nor changed since passing. What was disabled stays. Invites that have ended
	// before registered go too. It returns how many rows went.
	ForgetClients(ctx context.Context, registered, passing time.Time) (int64, error)

	// CreateClientInvite keeps an invite.
	CreateClientInvite(ctx context.Context, i ClientInvite) error
	// ClientInvites lists all invites in order of their id.
	ClientInvites(ctx context.Context) ([]ClientInvite, error)
	// DeleteClientInvite takes an invite back; ErrNotFound if there is none.
	DeleteClientInvite(ctx context.Context, id string) error
}
