package store

import (
	"context"
	"time"
)

// State is where a device request, a grant or a browser session stands.
type State string

// The states of a ticket. Denied, redeemed, killed and expired are terminal.
const (
	StatePending  State = "pending"
	StateApproved State = "approved"
	StateDenied   State = "denied"
	StateKilled   State = "killed"   // three wrong fingerprints
	StateRedeemed State = "redeemed" // a grant was handed out
	StateExpired  State = "expired"
	StateLive     State = "live" // a grant or a browser session
	StateGone     State = "gone" // no ticket of that session is left
)

// Reasons for a denial that the client is told (the member "reason" of access_denied).
const (
	ReasonUser        = "denied_by_user"
	ReasonConflict    = "device_conflict"
	ReasonFingerprint = "fingerprint_mismatch"
)

// Limit is one bucket of the generic cell rate algorithm: it holds Burst tokens, and one more comes every Every.
// Within any window W no more than Burst + W/Every pass; so Burst 50 and Every 12s never let more than 100 live through
// in ten minutes.
type Limit struct {
	Key   string // what is counted, already hashed or validated: "device.address:192.0.2.1"
	Burst int
	Every time.Duration
	Peek  bool // look whether it would pass, and take nothing
}

// Times makes the bucket larger by a factor, and fill faster by the same.
func (l Limit) Times(factor float64) Limit {
	l.Burst = int(float64(l.Burst) * factor)
	l.Every = time.Duration(float64(l.Every) / factor)
	return l
}

// Verdict is the answer of a limiter.
type Verdict struct {
	Allowed    bool
	Limit      string        // the key of the first limit that refused
	RetryAfter time.Duration // when it would pass; zero if allowed
}

// Request is a device authorization request (RFC 8628 §3.1), kept under its session id from the first moment on, so that
// it and the grant that follows lie in one slot of a cluster.
type Request struct {
	SID         string
	Secret      string // hash of the secret part of the device code
	UserCode    string // hash of the normalised user code
	ClientID    string
	Scope       []string
	Audience    []string
	Fingerprint string // hash; empty if the client sent none
	Key         string // thumbprint (RFC 7638) of the key that the flow is bound to, or AnyKey; empty if to none
	Name        string // what the device calls itself
	Platform    string
	Address     string // where the request came from
	CreatedAt   time.Time
	ExpiresAt   time.Time
	Interval    time.Duration // the polling interval that is enforced at first
	State       State
	Reason      string
	Browser     string // the browser session that opened it; empty if none has
	UserID      string // its user
	DeviceID    string // set once approved
}

// AnyKey in a Request's Key: whoever redeems it must show a key, and may choose which.
const AnyKey = "*"

// Poll is one question of a waiting client (RFC 8628 §3.4).
type Poll struct {
	SID         string
	Secret      string // hash
	ClientID    string
	Fingerprint string // hash of what was sent; empty if nothing
	Key         string // thumbprint of the key that was shown; empty if none
	Bind        bool   // bind the grant to Key
	Again       bool   // ask for the grant once more if it was handed out and its answer was lost, see RedeemAgain
	Recheck     bool   // the second look of a held poll: it is never too early and counts for nothing
}

// The rules of Poll, the same for every keeper.
const (
	// PollSlack is how much earlier than its interval a poll may come.
	PollSlack = 500 * time.Millisecond
	// PollRepeat is how long one repeat of a poll gets the same answer and moves nothing: x/oauth2 sends each poll
	// twice, first with HTTP Basic, then in the body.
	PollRepeat = time.Second
	// SlowDownStep is what each slow_down adds for good (RFC 8628 §3.5).
	SlowDownStep = 5 * time.Second
	// SlowDownMost is where that ends.
	SlowDownMost = 60 * time.Second
	// WrongFingerprints is how many wrong fingerprints kill a code.
	WrongFingerprints = 3
	// RequestAfterlife is how long a request is kept after its end, so that a late poll hears expired_token.
	RequestAfterlife = 10 * time.Minute
	// RedeemAgain is how long a grant that is bound to a key is handed out again to whoever shows that key.
	RedeemAgain = 30 * time.Second
	// RefreshGrace is how long a refresh token stays good for its own successor, unless that is used first.
	RefreshGrace = 2 * time.Minute
	// WrongHalves is how many wrong halves or codes end a link.
	WrongHalves = 5
)

// Answer is what a poll gets.
type Answer string

// The answers of a poll.
const (
	AnswerPending          Answer = "pending"
	AnswerSlowDown         Answer = "slow_down"
	AnswerDenied           Answer = "denied"  // Polled.Reason says why
	AnswerExpired          Answer = "expired" // of a code that was never redeemed
	AnswerGranted          Answer = "granted" // this caller, and no other ever but with the same key, has the grant
	AnswerUnknown          Answer = "unknown" // no such code, another client's, or redeemed before
	AnswerWrongFingerprint Answer = "wrong_fingerprint"
	AnswerWrongKey         Answer = "wrong_key" // not the key that the flow is bound to, or none; nothing moved
)

// Polled is the answer to a poll.
type Polled struct {
	Answer   Answer
	Interval time.Duration // what is enforced from now on; with pending and slow_down
	Reason   string        // with denied
	Killed   bool          // with wrong_fingerprint: this try was the last
	Grant    Grant         // with granted
	Request  Request       // with wrong_fingerprint: SID, ClientID, Address and Name, for the event
}

// Approval turns a pending request into one that can be redeemed once.
type Approval struct {
	SID      string
	Browser  string // must be the browser session that opened the request
	UserID   string
	DeviceID string
	AuthTime time.Time
	AMR      []string
	JTI      string        // of the first refresh token
	Next     string        // of its successor
	Idle     time.Duration // life of the grant without use
	Absolute time.Duration // life of the grant altogether, from the redemption on

	StatusIndex int64 // goes on to the grant
}

// Grant is what a refresh needs to know, so that it asks nobody else.
type Grant struct {
	SID         string
	UserID      string
	DeviceID    string
	ClientID    string
	Scope       []string
	Audience    []string
	AMR         []string
	Fingerprint string // hash; empty if the flow had none
	AuthTime    time.Time
	CreatedAt   time.Time
	RotatedAt   time.Time // last use
	ExpiresAt   time.Time // absolute
	Idle        time.Duration
	JTI         string // the current refresh token's
	Next        string // the one that will follow
	Previous    string // the one before; empty at first
	StatusIndex int64  // where the session's end is told; 0 of grants that began before there were lists
	Key         string // thumbprint of the key that every refresh must show; empty if the grant is bound to none
}

// Ends is when the grant is gone unless it is used before.
func (g Grant) Ends() time.Time {
	if idle := g.RotatedAt.Add(g.Idle); idle.Before(g.ExpiresAt) {
		return idle
	}
	return g.ExpiresAt
}

// Rotation presents a refresh token.
type Rotation struct {
	SID         string
	JTI         string // presented
	Next        string // successor of JTI
	AfterNext   string // successor of Next
	ClientID    string
	Fingerprint string   // hash of what was sent; compared only if neither this nor the grant's is empty
	Key         string   // thumbprint of the key that was shown; compared if the grant has one
	Scope       []string // requested; every one must have been granted; empty asks for all
	Audience    string   // requested; must have been granted; empty asks for the first
}

// Browser is a signed-in browser on our own pages.
type Browser struct {
	SID       string
	Secret    string // hash of the secret part of the cookie
	UserID    string
	AMR       []string
	AuthTime  time.Time
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time // absolute
	Idle      time.Duration
	Address   string
}

// Link is a magic link that waits to be used. There is at most one for each asking browser or app: it is kept under the
// asker's own id, so that a newer request ends the older one in the same write and halves of different requests never fit.
type Link struct {
	ID        string // the asker's
	Device    string // hash of the half that stayed with the asker
	Mail      string // hash of the half that was mailed
	Code      string // hash of the six letters, salted with the ID; empty if there are none
	Email     string // canonical
	ReturnTo  string // where the person goes on
	Address   string // network address of the asker
	App       string // what the app asked for that it leads into, for the caller alone to read; empty for a browser's
	CreatedAt time.Time
	ExpiresAt time.Time
}

// LinkTry presents what somebody holds of a link: Device and Mail, or Device and Code, as hashes.
type LinkTry struct {
	ID     string
	Device string
	Mail   string
	Code   string
}

// Pulse is what the tickets know of a session.
type Pulse struct {
	SID       string
	State     State     // pending, approved, denied, killed, redeemed (grant lost), live, gone
	SeenAt    time.Time // last use of a grant or browser session
	ExpiresAt time.Time // when the ticket ends if nobody uses it
}

// Tickets is what a keeper of expiring memory promises. Each method is one atomic step, also against other replicas; the
// time that decides is the keeper's own (Redis's, or the database process's clock). What has expired is as good as gone,
// whether or not it has been deleted yet. A keeper that cannot answer returns an error that is none of this package's,
// within the context's time; it never says that something is gone because it could not look.
type Tickets interface {
	// Open keeps a new device request, unless one of the limits refuses (then nothing is kept and Verdict says so).
	// ErrExists if the user code is that of another live request: the caller makes a new code and tries again.
	Open(ctx context.Context, r Request, limits ...Limit) (Verdict, error)
	// Poll decides what a waiting client hears. In this order: unknown (no such request, wrong secret, another client,
	// redeemed), wrong key (a request without one accepts any and none; it comes before everything that only the client is
	// to move), wrong fingerprint (counted; the third kills; a request without one accepts any), killed or denied, expired,
	// granted, and only then the interval: the first poll is never slowed; one repeat within PollRepeat of
	// a counted poll gets that poll's answer; a poll before Interval-PollSlack since the last accepted one raises the
	// interval by SlowDownStep up to SlowDownMost and does not move the last accepted one.
	// Granted consumes the approval and writes the grant in the same step; its times run from now. If the request and the
	// grant are bound to the key that was shown, and Again asks for it, the same grant is granted once more within
	// RedeemAgain and until it has rotated: nobody but the one who had it can have it again.
	Poll(ctx context.Context, p Poll) (Polled, error)
	// Bind opens a request by the hash of its user code for a browser session. The first one owns it; the same one gets
	// it again, in any state. ErrNotFound for an unknown or expired code, ErrTaken (with the Request) if another session has it.
	Bind(ctx context.Context, userCode, browser, userID string) (Request, error)
	// Request returns the request of this session id if this browser session owns it, in any state; ErrNotFound if not.
	Request(ctx context.Context, sid, browser string) (Request, error)
	// Approve turns pending into approved and wakes the waiting client. Approving again with the same browser, user and
	// device is no error and changes nothing, also after the redemption. ErrNotFound, ErrTaken, ErrDecided, ErrExpired.
	Approve(ctx context.Context, a Approval) error
	// Deny turns pending into denied with this reason and wakes the waiting client. Denying again is no error.
	// ErrNotFound, ErrTaken, ErrDecided (approved, redeemed or killed), ErrExpired.
	Deny(ctx context.Context, sid, browser, reason string) error
	// Rotate decides what a refresh token is worth. ErrNotFound: no grant. ErrForeign, ErrKey, ErrScope, ErrTarget: nothing moved.
	// The current JTI rotates: it becomes Previous, Next becomes current, AfterNext becomes Next. Previous, within
	// RefreshGrace of the rotation, gets the same successor again and moves nothing. The Next one, presented early (the
	// store lost a rotation), rotates like the current one. Any other JTI deletes the grant: ErrReused.
	// The returned grant's JTI is that of the token to hand out. A rotation extends the life to Idle, never past ExpiresAt.
	Rotate(ctx context.Context, r Rotation) (Grant, error)
	// Grant returns the live grant of a session, or ErrNotFound; also ErrNotFound if jti is not empty and that access
	// token was revoked on its own. One round trip.
	Grant(ctx context.Context, sid, jti string) (Grant, error)
	// RevokeAccess remembers for ttl that one access token of a session is not good any more.
	RevokeAccess(ctx context.Context, sid, jti string, ttl time.Duration) error
	// RevokeService remembers for ttl that an access token which belongs to no session is not good any more. Saying so
	// again is no error.
	RevokeService(ctx context.Context, jti string, ttl time.Duration) error
	// Revoked reports whether RevokeService was told of this token. One round trip.
	Revoked(ctx context.Context, jti string) (bool, error)
	// Drop deletes every ticket of a session at once: request, grant, browser session. Dropping nothing is no error.
	Drop(ctx context.Context, sid string) error
	// Pulses says how the tickets of these sessions stand, in the same order.
	Pulses(ctx context.Context, sids ...string) ([]Pulse, error)

	// PutBrowser keeps a browser session.
	PutBrowser(ctx context.Context, b Browser) error
	// Browser returns a live browser session whose secret fits, and slides its idle end (at most one write a minute).
	// ErrNotFound otherwise.
	Browser(ctx context.Context, sid, secret string) (Browser, error)

	// PutLink keeps a link in place of any older one with the same ID.
	PutLink(ctx context.Context, l Link) error
	// Link reads a live link whose mailed half fits. It changes nothing and counts nothing.
	Link(ctx context.Context, id, mail string) (Link, error)
	// LinkOf reads a live link whose asker's half fits. It changes nothing.
	LinkOf(ctx context.Context, id, device string) (Link, error)
	// TakeLink uses up a link whose halves fit, once ever. ErrWrong counts the try, and the WrongHalves'th ends the
	// link; ErrNotFound if there is none.
	TakeLink(ctx context.Context, t LinkTry) (Link, error)

	// Allow takes one token from each bucket, or none from any if one is empty; from a bucket that is only peeked at it
	// takes none either way. Counter and expiry are one step.
	Allow(ctx context.Context, limits ...Limit) (Verdict, error)
	// Mark answers true to the first caller with this key, and false to all others until ttl has passed.
	Mark(ctx context.Context, key string, ttl time.Duration) (bool, error)

	// PutNote keeps a text under an unguessable name for ttl, in place of any older one.
	PutNote(ctx context.Context, name, body string, ttl time.Duration) error
	// Note reads a note, or ErrNotFound.
	Note(ctx context.Context, name string) (string, error)
	// TakeNote reads a note and deletes it in the same step: of any number of callers one gets it, the others ErrNotFound.
	TakeNote(ctx context.Context, name string) (string, error)

	// Watch returns a channel that receives once a decision about this session may have been made on any replica, and
	// how to stop watching. It may wake for nothing; a wake may be lost if the keeper's connection is, so a waiter asks
	// again at the end of its patience. Read the state after Watch has returned, never before.
	Watch(sid string) (decided <-chan struct{}, stop func())
	// Sweep deletes what has expired where the keeper must do that itself.
	Sweep(ctx context.Context) error
	// Ping answers nil if the keeper can read and write now.
	Ping(ctx context.Context) error
}
