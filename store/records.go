package store

import (
	"context"
	"time"
)

// User is a person who can sign in.
type User struct {
	ID         string
	Email      string // the canonical form: lower case, one address, no display name
	Name       string // what the person is called; may be empty
	CreatedAt  time.Time
	VerifiedAt time.Time // when the address was first proven; zero if never
	DisabledAt time.Time // zero while the user may sign in
}

// Disabled reports whether the user may not sign in.
func (u User) Disabled() bool { return !u.DisabledAt.IsZero() }

// Device is one terminal, named by its fingerprint, with at most one owner.
type Device struct {
	ID          string
	Fingerprint string // the hash of what the client sent; empty for clients that know no fingerprint
	OwnerID     string // the user who has a live session on it; empty when it is free
	Name        string // what the device calls itself: its own claim, cleaned of control characters
	Platform    string // the same, such as "linux/amd64"
	FirstSeen   time.Time
	LastSeen    time.Time
}

// Kind says what holds the session: a terminal (or another OAuth client) or a browser on our own pages.
type Kind string

// The two kinds of session.
const (
	KindDevice  Kind = "device"
	KindBrowser Kind = "browser"
)

// Session is one login: a row that is written when it is approved and stays after it has ended.
//
// Its life: provisional (begun, not redeemed), live (ConfirmedAt set), ended (EndedAt set, the durable intent),
// finished (GrantGoneAt set: the ticket has been deleted too).
type Session struct {
	ID        string
	Kind      Kind
	UserID    string
	DeviceID  string // empty for a browser
	ClientID  string // empty for a browser
	Scope     []string
	Audience  []string
	AMR       []string // how the person proved who they are (RFC 8176), such as "mail"
	Address   string   // network address of the party that asked
	Name      string   // for lists: the device's name, or the browser's ("Firefox on Linux")
	Platform  string
	AuthTime  time.Time // when the person proved who they are
	CreatedAt time.Time
	SeenAt    time.Time // last known use; the ticket may know a later one

	ConfirmedAt time.Time
	CheckAt     time.Time // when the sweeper asks the ticket next
	ExpiresAt   time.Time // absolute end
	EndedAt     time.Time
	EndReason   string
	GrantGoneAt time.Time

	Opener      string // the browser session that it ends with; empty for what lives by itself
	StatusIndex int64  // where its end is told (StatusListSize); 0 of browsers, and of what began before there were lists
}

// Live reports whether the session is confirmed and not ended.
func (s Session) Live() bool { return !s.ConfirmedAt.IsZero() && s.EndedAt.IsZero() }

// Scope is a permission that a client may ask for, and what it says to people.
type Scope struct {
	Name  string `json:"name"`
	Words string `json:"words"` // "Deploy to production"
}

// SecretsMost is how many secrets of a client are good at a time.
const SecretsMost = 2

// Client is a registered OAuth client (RFC 6749 §2).
type Client struct {
	ID                 string
	Name               string
	Public             bool
	SecretHashes       []string // SHA-256 in hex of generated secrets, the newest first; empty for a public client
	JWKS               string   // public keys by which it proves itself (RFC 7517); empty if it has none
	RequireFingerprint bool
	Grants             []string
	RedirectURIs       []string
	LogoutURI          string   // hears of ended sessions (Back-Channel Logout); empty if it does not want to
	LogoutRedirectURIs []string // where a browser may go after the sign-out (RP-Initiated Logout §3)
	Scopes             []Scope
	Audiences          []string // the first is the default
	Admin              []string // scopes of the admin API; an operator gives them, on the data itself
	BuiltIn            bool
	CreatedAt          time.Time
	UpdatedAt          time.Time
	DisabledAt         time.Time
}

// Consent is what a person has allowed an app to do, remembered so that the same is not asked twice.
type Consent struct {
	UserID    string
	ClientID  string
	Scope     []string // sorted, none twice
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Event is one thing that happened which somebody may want to know later. It is written once and never changed.
type Event struct {
	ID        string    `json:"id"` // sorts by time
	Time      time.Time `json:"time"`
	Type      string    `json:"type"` // such as "device.conflict"
	Actor     string    `json:"actor,omitempty"`
	Target    string    `json:"target,omitempty"`
	UserID    string    `json:"user,omitempty"`
	SessionID string    `json:"session,omitempty"`
	ClientID  string    `json:"client,omitempty"`
	DeviceID  string    `json:"device,omitempty"`
	Address   string    `json:"address,omitempty"`
	RequestID string    `json:"request_id,omitempty"`
	Result    string    `json:"result"` // "ok" or "refused"
	Detail    string    `json:"detail,omitempty"`
}

// Beginning is what BeginSession writes: a provisional session and the claim of its device.
type Beginning struct {
	Session     Session // DeviceID is ignored: the claim gives it; ConfirmedAt set makes the row live at once (browsers)
	Fingerprint string  // hash; empty gives the session a device entry of its own (or none for a browser)
	MostDevices int     // how many devices the user may hold, this one among them; zero for any number. See AppFingerprint
}

// Begun is the answer to Beginning.
type Begun struct {
	DeviceID    string
	Known       bool  // the user has had a session on this device before
	StatusIndex int64 // of the session, see Session
	// Rival is set together with ErrConflict: the live session of the owner that stands in the way, so that the caller
	// can ask whether its ticket is still there. It is never shown to anybody.
	Rival Session
}

// Confirmed is what ConfirmSession found: the session that is live now, and those it replaces.
type Confirmed struct {
	Session  Session
	User     User
	Replaced []string // older live sessions of the same user, device and client; the caller ends them
}

// Ended is a session that has ended.
type Ended struct {
	Session
	First bool      // by this very call: of all that end a session at once, one hears so
	Took  []Session // what hung on it and has ended by this very call too
}

// Records is what a keeper of durable memory promises. Every method is one transaction and safe to call from any number
// of replicas at once. Methods that set a time take it as an argument, so that a caller's clock decides and a test can.
type Records interface {
	Logouts

	// User returns the user with this id, or ErrNotFound.
	User(ctx context.Context, id string) (User, error)
	// UserByEmail returns the user with this canonical address, or ErrNotFound.
	UserByEmail(ctx context.Context, email string) (User, error)
	// Users lists users in order of their id, from after (exclusive) on, at most limit of them.
	Users(ctx context.Context, after string, limit int) ([]User, error)
	// EnsureUser returns the user with u.Email, making u if there is none; created tells which. VerifiedAt of an existing
	// user is set if it was zero. Of any number of simultaneous calls for one address, one makes the user and all get it.
	EnsureUser(ctx context.Context, u User) (user User, created bool, err error)
	// Invite notes that this address may sign up; a second call is not an error.
	Invite(ctx context.Context, email, by string, at time.Time) error
	// Invited reports whether the address was invited.
	Invited(ctx context.Context, email string) (bool, error)
	// SetDisabled disables or enables a user and, in the same write, notes that the user's grants must follow (see
	// PendingChanges). ErrNotFound if there is no such user.
	SetDisabled(ctx context.Context, userID string, disabled bool, at time.Time) error
	// RemoveUser makes a user nobody: address, name, invitation and consents go, and only the id stays, disabled for good, for
	// as long as sessions or events may name it. Only a disabled user whose sessions are ended in both memories is removed,
	// else ErrRefused. ErrNotFound if there is none.
	RemoveUser(ctx context.Context, userID string, at time.Time) error
	// PendingChanges lists users whose state has changed and whose grants have not followed yet.
	PendingChanges(ctx context.Context, limit int) ([]string, error)
	// ChangeDone notes that the grants have followed every change made up to at.
	ChangeDone(ctx context.Context, userID string, at time.Time) error

	// BeginSession claims the device for the user and inserts the session, in one transaction. Idempotent by Session.ID:
	// a second call with the same id, user and device answers as the first did. ErrConflict if another user owns the
	// device and has a live or provisional session on it (Begun.Rival names one); a device whose owner has none is free
	// and changes hands. ErrFull if the user would hold more than MostDevices. ErrRefused if the user is disabled, the session id was
	// ended, or the browser session that it is to end with (Session.Opener) has.
	BeginSession(ctx context.Context, b Beginning) (Begun, error)
	// UndoSession deletes the session if it is still provisional, and frees its device if nothing else holds it.
	// Undoing what is not there is no error; a confirmed session is left alone.
	UndoSession(ctx context.Context, sid string) error
	// ConfirmSession turns provisional into live by one conditional write: the row is provisional and not ended, its user
	// and its client are enabled. Otherwise ErrRefused and nothing is written. Confirming a live session again answers
	// the same. SeenAt and the device's LastSeen become at.
	ConfirmSession(ctx context.Context, sid string, at time.Time) (Confirmed, error)
	// EndSession sets EndedAt if it is not set, and frees the device if no live or provisional session is left on it, in
	// one transaction. Unless the reason is Silent, the same transaction ends what hangs on a browser session, for the same
	// reason, and notes the Logouts of all that were confirmed; so it does too where the browser session itself had ended silently
	// before. Ending twice answers the same row, not as the First, and keeps the first time and reason. ErrNotFound if there is none.
	EndSession(ctx context.Context, sid, reason string, at time.Time) (Ended, error)
	// MoveOpened hangs on another browser session what hung on the first: the same person has signed in again.
	MoveOpened(ctx context.Context, from, to string) error
	// GrantGone notes that the tickets of an ended session are deleted. No error if it is noted already.
	GrantGone(ctx context.Context, sid string, at time.Time) error
	// Session returns one session in any state, or ErrNotFound.
	Session(ctx context.Context, sid string) (Session, error)
	// LiveSessions lists the live sessions of a user, newest first.
	LiveSessions(ctx context.Context, userID string) ([]Session, error)
	// SessionsOfUser lists live and provisional sessions of a user: all that must end when everything is to end. A provisional
	// one stands on no list for people, and would come to life after it.
	SessionsOfUser(ctx context.Context, userID string) ([]Session, error)
	// SessionsOnDevice lists live and provisional sessions of a user on one device.
	SessionsOnDevice(ctx context.Context, userID, deviceID string) ([]Session, error)
	// SessionsOfClient lists live and provisional sessions of a client, at most limit.
	SessionsOfClient(ctx context.Context, clientID string, limit int) ([]Session, error)
	// HalfEnded lists ended sessions of a user, or of a client, whose GrantGoneAt is not set; the empty one of the two ids
	// does not choose. Somebody who ends again what was ended halfway finishes these first.
	HalfEnded(ctx context.Context, userID, clientID string) ([]Session, error)
	// KnownDevice reports whether a device with this fingerprint hash has had a confirmed session of this user.
	KnownDevice(ctx context.Context, userID, fingerprint string) (bool, error)
	// KnownApp reports whether this user is remembered to have had a confirmed session with this client.
	KnownApp(ctx context.Context, userID, clientID string) (bool, error)
	// Device returns a device, or ErrNotFound.
	Device(ctx context.Context, id string) (Device, error)
	// DueSessions lists what the sweeper must look at by now: ended sessions whose GrantGoneAt is not set, and
	// provisional or live ones whose CheckAt has come; the longest due first, at most limit.
	DueSessions(ctx context.Context, now time.Time, limit int) ([]Session, error)
	// Recheck notes what the sweeper learned: the last use, and when to ask again.
	Recheck(ctx context.Context, sid string, seen, next time.Time) error
	// EndedSince lists sessions that ended at or after since, from after (exclusive session id) in order of id, at most limit.
	// After a failover of the tickets their grants are deleted once more.
	EndedSince(ctx context.Context, since time.Time, after string, limit int) ([]Session, error)
	// EndedIndexes returns the StatusIndex of every session that has ended and whose tickets are not known to have been gone by
	// since already, and the newest list that an index was given in. No two rows have one index, so that it means nobody else
	// until Forget has let go of its row.
	EndedIndexes(ctx context.Context, since time.Time) (indexes []int64, newest int64, err error)
	// Forget deletes ended and finished sessions, events, devices that nobody used since and no session is left of, and the
	// ids of removed users of whom the same is true, all older than before; it returns how many rows went.
	Forget(ctx context.Context, before time.Time) (int64, error)

	// Client returns a registered client, or ErrNotFound.
	Client(ctx context.Context, id string) (Client, error)
	// Clients lists all clients in order of their id.
	Clients(ctx context.Context) ([]Client, error)
	// CreateClient registers a client; ErrExists if the id is taken.
	CreateClient(ctx context.Context, c Client) error
	// UpdateClient replaces everything but ID, BuiltIn and CreatedAt; ErrNotFound if there is none.
	UpdateClient(ctx context.Context, c Client) error
	// ReplaceClient is UpdateClient for who has looked before: it writes only while the client is in everything as was says.
	// ErrChanged if somebody was faster, or if there is none.
	ReplaceClient(ctx context.Context, was, c Client) error
	// DeleteClient removes a client and what people have allowed it; ErrNotFound if there is none. Its sessions are the
	// caller's to end.
	DeleteClient(ctx context.Context, id string) error

	Registrations

	// Resource returns a registered resource, or ErrNotFound.
	Resource(ctx context.Context, id string) (Resource, error)
	// Resources lists all resources in order of their id.
	Resources(ctx context.Context) ([]Resource, error)
	// CreateResource registers a resource; ErrExists if the id is taken, ErrScopeTaken if one of its scopes is another's.
	CreateResource(ctx context.Context, r Resource) error
	// UpdateResource replaces everything but ID and CreatedAt; ErrNotFound if there is none, ErrScopeTaken as above.
	UpdateResource(ctx context.Context, r Resource) error
	// ReplaceResource is UpdateResource for who has looked before: it writes only while the resource is in everything as was
	// says. ErrChanged if somebody was faster, or if there is none.
	ReplaceResource(ctx context.Context, was, r Resource) error
	// DeleteResource removes a resource and lets go of its scopes; ErrNotFound if there is none.
	DeleteResource(ctx context.Context, id string) error

	// AddConsent remembers what a user has allowed a client, beside what was allowed before.
	AddConsent(ctx context.Context, c Consent) error
	// Consent returns what a user has allowed a client, or ErrNotFound.
	Consent(ctx context.Context, userID, clientID string) (Consent, error)
	// Consents lists what a user has allowed, in order of the clients' ids.
	Consents(ctx context.Context, userID string) ([]Consent, error)
	// RemoveConsent forgets it, so that the next request asks again; ErrNotFound if there is none.
	RemoveConsent(ctx context.Context, userID, clientID string) error

	// AddEvents appends events. There is no way to change or delete a single one; to add one again is no error, since a commit
	// may have succeeded although its answer was an error.
	AddEvents(ctx context.Context, events ...Event) error
	// Events lists events in order of their id, from after (exclusive) on, at most limit. An empty after with a negative
	// limit gives the newest -limit, still in order.
	Events(ctx context.Context, after string, limit int) ([]Event, error)

	Lists

	// Ping answers nil if the keeper can read and write now.
	Ping(ctx context.Context) error
}
