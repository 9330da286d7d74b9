// Package sessions is how a login begins, ends and is swept up. It is the one owner of every step that touches records
// and tickets: nobody else writes to both. The order of its writes is the design (docs/architecture.md says why), and
// each step may be cut off at any point without leaving a session that nobody owns.
package sessions

import (
	"context"
	"log/slog"
	"time"

	"github.com/handclasp/handclasp/store"
)

// Records is what this room needs of the durable memory; store.Records says what each method promises.
type Records interface {
	User(ctx context.Context, id string) (store.User, error)
	Client(ctx context.Context, id string) (store.Client, error)
	SetDisabled(ctx context.Context, userID string, disabled bool, at time.Time) error
	PendingChanges(ctx context.Context, limit int) ([]string, error)
	ChangeDone(ctx context.Context, userID string, at time.Time) error
	BeginSession(ctx context.Context, b store.Beginning) (store.Begun, error)
	UndoSession(ctx context.Context, sid string) error
	ConfirmSession(ctx context.Context, sid string, at time.Time) (store.Confirmed, error)
	EndSession(ctx context.Context, sid, reason string, at time.Time) (store.Ended, error)
	MoveOpened(ctx context.Context, from, to string) error
	GrantGone(ctx context.Context, sid string, at time.Time) error
	Session(ctx context.Context, sid string) (store.Session, error)
	SessionsOfUser(ctx context.Context, userID string) ([]store.Session, error)
	SessionsOnDevice(ctx context.Context, userID, deviceID string) ([]store.Session, error)
	SessionsOfClient(ctx context.Context, clientID string, limit int) ([]store.Session, error)
	DeleteClient(ctx context.Context, id string) error
	LeavingClients(ctx context.Context, limit int) ([]string, error)
	ForgetClients(ctx context.Context, registered, passing time.Time) (int64, error)
	HalfEnded(ctx context.Context, userID, clientID string) ([]store.Session, error)
	KnownDevice(ctx context.Context, userID, fingerprint string) (bool, error)
	KnownApp(ctx context.Context, userID, clientID string) (bool, error)
	DueSessions(ctx context.Context, now time.Time, limit int) ([]store.Session, error)
	Recheck(ctx context.Context, sid string, seen, next time.Time) error
	EndedSince(ctx context.Context, since time.Time, after string, limit int) ([]store.Session, error)
	Forget(ctx context.Context, before time.Time) (int64, error)
}

// Tickets is what this room needs of the expiring memory; store.Tickets says what each method promises.
type Tickets interface {
	Open(ctx context.Context, r store.Request, limits ...store.Limit) (store.Verdict, error)
	Bind(ctx context.Context, userCode, browser, userID string) (store.Request, error)
	Poll(ctx context.Context, p store.Poll) (store.Polled, error)
	Approve(ctx context.Context, a store.Approval) error
	Deny(ctx context.Context, sid, browser, reason string) error
	Drop(ctx context.Context, sid string) error
	Pulses(ctx context.Context, sids ...string) ([]store.Pulse, error)
	Grant(ctx context.Context, sid, jti string) (store.Grant, error)
	PutBrowser(ctx context.Context, b store.Browser) error
	Sweep(ctx context.Context) error
}

// Chain names the first two refresh tokens of a family.
type Chain interface {
	First(sid string) (jti, next string)
}

// Options say how long sessions live and whom to tell.
type Options struct {
	Records Records
	Tickets Tickets
	Chain   Chain
	Journal Recorder
	// Notify is told, after the fact, of what the person should hear by mail. It must not block. Nil tells nobody.
	Notify func(ctx context.Context, n Notice)
	Now    func() time.Time
	Log    *slog.Logger

	AccessLife      time.Duration // the life of a grant whose client neither refreshes nor hears of its end
	Idle            time.Duration // life of a grant without use
	Absolute        time.Duration // life of a grant altogether
	BrowserIdle     time.Duration
	BrowserAbsolute time.Duration
	MostDevices     int           // of one user; zero for any number
	Retention       time.Duration // how long ended sessions and events are kept
	ClientUnused    time.Duration // how long clients are kept that came by themselves and that nobody uses; zero for ever
}

// Sessions begins and ends sessions. It is safe for any number of goroutines and replicas.
type Sessions struct{ Options }

// New returns the owner of all sessions.
func New(o Options) *Sessions { return &Sessions{o} }

// Notice is something that a person should hear of.
type Notice struct {
	Kind    string // NoticeNewDevice, NoticeNewApp or NoticeReuse
	User    store.User
	Session store.Session
}

// The kinds of notice.
const (
	NoticeNewDevice = "new_device"
	NoticeNewApp    = "new_app" // in a browser, which is no device of its own
	NoticeReuse     = "reuse"
)

// The reasons for which a session ends.
const (
	EndLogout   = "logout"
	EndUser     = "ended_by_user"
	EndReuse    = "reuse"
	EndReplaced = store.ReasonReplaced
	EndDisabled = "disabled"
	EndExpired  = store.ReasonExpired
	EndRefused  = "refused"
	EndClient   = "client_removed"
)

func (s *Sessions) notify(ctx context.Context, n Notice) {
	if s.Notify != nil {
		s.Notify(ctx, n)
	}
}
