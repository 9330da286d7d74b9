// Package providers holds the ways to prove who a person is. The first is the magic link: a link in a mail, of no use
// without the half that stayed with the browser that asked for it.
package providers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// The refusals of a magic link.
var (
	// ErrLink: the link or its code is wrong, used, expired or replaced by a newer one. Nobody learns which.
	ErrLink = errors.New("the link is not good any more")
	// ErrOtherBrowser: the link is good, but this is not the browser that asked for it.
	ErrOtherBrowser = errors.New("another browser asked for the link")
	// ErrTooMany: this network asks too often.
	ErrTooMany = errors.New("too many requests")
	// ErrNotAllowed: the person may not sign in here.
	ErrNotAllowed = errors.New("not allowed to sign in")
)

// MethodMail is what the token says of this proof (amr).
const MethodMail = "mail"

// Tickets is what this room needs of the expiring memory; store.Tickets says what each method promises.
type Tickets interface {
	PutLink(ctx context.Context, l store.Link) error
	Link(ctx context.Context, id, mail string) (store.Link, error)
	LinkOf(ctx context.Context, id, device string) (store.Link, error)
	TakeLink(ctx context.Context, t store.LinkTry) (store.Link, error)
}

// Limiter counts; it never says yes because it could not count.
type Limiter interface {
	Allow(ctx context.Context, limits ...store.Limit) (store.Verdict, error)
}

// Letter is the mail that carries the other half.
type Letter struct {
	To       string
	App      string // the name of the app that the link leads into; empty if it leads to our own page
	URL      string
	Code     string // six letters, for a mail that is read on another device
	Address  string // network address of the asker
	Life     time.Duration
	AskedAt  time.Time
	Deadline time.Time // after which sending it is of no use
	Discard  bool      // write it and throw it away: an address that may not sign in takes as long as any other
}

// Options say how links behave.
type Options struct {
	Issuer    string
	Tickets   Tickets
	Limiter   Limiter
	Admission *Admission
	Journal   sessions.Recorder
	// Post hands a letter over to be sent. It must not wait for the network: the answer to the asker takes as long for an
	// unknown address as for a known one.
	Post   func(ctx context.Context, l Letter) error
	Now    func() time.Time
	Log    *slog.Logger
	Life   time.Duration // of a link, an hour at most
	Limits MailLimits
}

// MagicLink proves an address. It is safe for any number of goroutines and replicas.
type MagicLink struct{ Options }

// NewMagicLink refuses a link that would live longer than an hour.
func NewMagicLink(o Options) (*MagicLink, error) {
	if o.Life <= 0 || o.Life > time.Hour {
		return nil, fmt.Errorf("a link lives for at most an hour, not %s", o.Life)
	}
	return &MagicLink{o}, nil
}

// Ask is a request for a link.
type Ask struct {
	Email    string // canonical, see mail.ParseAddress
	ReturnTo string // where the person goes on; checked by the caller
	Asker    Asker  // what this browser keeps already; the zero value if nothing
	Known    bool   // this browser has signed this address in before
	KnownID  string // its own name, for its own allowance
	App      *App   // the app that asks; nil for a browser
}

// Asker is the half that stays with the browser: its name, and a secret for its newest request.
type Asker struct {
	ID     string
	Secret string
}

const askerPrefix = "lnk_"

// String is the text of the asker's cookie.
func (a Asker) String() string { return a.ID + "." + a.Secret }

// ReadAsker reads what String wrote; the zero Asker for anything else.
func ReadAsker(text string) Asker {
	id, secret, ok := strings.Cut(text, ".")
	if !ok || !store.ValidID(askerPrefix, id) || len(secret) != 43 {
		return Asker{}
	}
	return Asker{ID: id, Secret: secret}
}

// Ask keeps a link and has it mailed. The answer is the same for every address, known or not, admitted or not, limited or
// not; only a network that asks too often hears of it (ErrTooMany). What the returned Asker says must be kept by the
// browser in place of what it had. When the address's own allowance is used up nothing is mailed, and the link that this
// browser was sent last for the address stays good.
func (m *MagicLink) Ask(ctx context.Context, a Ask) (Asker, error) {
	if !a.Known {
		verdict, err := m.Limiter.Allow(ctx, m.Limits.network(ctx))
		if err != nil {
			return Asker{}, fmt.Errorf("count mails: %w", err)
		}
		if !verdict.Allowed {
			m.note(ctx, "limit.mail", sessions.Refused, "network")
			return Asker{}, ErrTooMany
		}
	}
	admitted, err := m.Admission.MayAsk(ctx, a.Email)
	if err != nil {
		return Asker{}, err
	}
	verdict, err := m.Limiter.Allow(ctx, m.Limits.address(ctx, a)...)
	if err != nil {
		return Asker{}, fmt.Errorf("count mails: %w", err)
	}
	if !verdict.Allowed {
		return m.keepWaiting(ctx, a)
	}
	return m.send(ctx, a, admitted)
}

// keepWaiting mails nothing. The link that this asker was sent for the same address stays good; whoever has none waits
// for one like everybody, so that nothing tells a limit from an address that may not sign in.
func (m *MagicLink) keepWaiting(ctx context.Context, a Ask) (Asker, error) {
	m.note(ctx, "limit.mail", sessions.Refused, "address")
	link, err := m.waiting(ctx, a.App, a.Asker)
	if err == nil && link.Email == a.Email && link.App == a.App.kept() {
		return a.Asker, nil
	}
	if err != nil && !errors.Is(err, ErrLink) {
		return Asker{}, fmt.Errorf("read link: %w", err)
	}
	asker, _, err := m.keep(ctx, a)
	return asker, err
}

// send keeps the ticket first and mails then. An address that is not admitted costs the same and gets no mail.
func (m *MagicLink) send(ctx context.Context, a Ask, admitted bool) (Asker, error) {
	asker, letter, err := m.keep(ctx, a)
	if err != nil {
		return Asker{}, err
	}
	if admitted {
		m.note(ctx, "signin.ask", sessions.OK, "")
	} else {
		m.note(ctx, "signin.ask", sessions.Refused, "not admitted")
	}
	letter.Discard = !admitted
	if err := m.Post(ctx, letter); err != nil { // the queue is full; the person can ask again, and hears the same as everybody
		m.Log.ErrorContext(ctx, "post a link", "error", err)
	}
	return asker, nil
}

// keep writes a new link in place of the asker's older one, and the letter that carries its other half.
func (m *MagicLink) keep(ctx context.Context, a Ask) (Asker, Letter, error) {
	asker, now, address := orNew(a.Asker), m.Now(), sessions.OriginOf(ctx).Address
	asker.Secret = secret()
	mailed, code, id := secret(), store.RandomLetters(letterCount), a.App.linkID(asker)
	err := m.Tickets.PutLink(ctx, store.Link{
		ID: id, Device: a.App.deviceHash(asker), Mail: hash("mail", mailed), Code: hash("code", id+code),
		Email: a.Email, ReturnTo: a.ReturnTo, Address: address, App: a.App.kept(), CreatedAt: now, ExpiresAt: now.Add(m.Life),
	})
	if err != nil {
		return Asker{}, Letter{}, fmt.Errorf("keep link: %w", err)
	}
	return asker, Letter{
		To: a.Email, App: a.App.name(), URL: a.App.link(m.Issuer, asker.ID+"."+mailed), Code: code,
		Address: address, Life: m.Life, AskedAt: now, Deadline: now.Add(m.Life),
	}, nil
}

// Look tells what a link is about, for the page behind it. It changes and counts nothing: scanners open every link, with
// GET and HEAD and a browser's engine. ErrLink, or ErrOtherBrowser together with the link.
func (m *MagicLink) Look(ctx context.Context, token string, asker Asker) (store.Link, error) {
	id, mailed, ok := readToken(token)
	if !ok {
		return store.Link{}, ErrLink
	}
	link, err := m.Tickets.Link(ctx, id, hash("mail", mailed))
	if errors.Is(err, store.ErrNotFound) {
		return store.Link{}, ErrLink
	}
	if err != nil {
		return store.Link{}, fmt.Errorf("read link: %w", err)
	}
	if asker.ID != id || hash("device", asker.Secret) != link.Device {
		return link, ErrOtherBrowser
	}
	return link, nil
}

// Waiting returns the link that this asker waits for, or ErrLink.
func (m *MagicLink) Waiting(ctx context.Context, asker Asker) (store.Link, error) {
	return m.waiting(ctx, nil, asker)
}

func (m *MagicLink) waiting(ctx context.Context, app *App, asker Asker) (store.Link, error) {
	if asker.ID == "" {
		return store.Link{}, ErrLink
	}
	link, err := m.Tickets.LinkOf(ctx, app.linkID(asker), app.deviceHash(asker))
	if errors.Is(err, store.ErrNotFound) {
		return store.Link{}, ErrLink
	}
	return link, err
}

// Proof is a person who has proven an address.
type Proof struct {
	User     store.User
	Created  bool
	ReturnTo string
	AMR      []string
}

// Use uses up a link with both of its halves. Only one caller ever succeeds.
func (m *MagicLink) Use(ctx context.Context, token string, asker Asker) (Proof, error) {
	id, mailed, ok := readToken(token)
	if !ok {
		return Proof{}, ErrLink
	}
	if asker.ID != id {
		return Proof{}, ErrOtherBrowser
	}
	return m.take(ctx, store.LinkTry{ID: id, Device: hash("device", asker.Secret), Mail: hash("mail", mailed)})
}

// UseCode uses up a link with the six letters of its mail, typed in the window that asked.
func (m *MagicLink) UseCode(ctx context.Context, typed string, asker Asker) (Proof, error) {
	if asker.ID == "" {
		return Proof{}, ErrLink
	}
	code, ok := readLetters(typed)
	if !ok {
		return Proof{}, ErrLink
	}
	return m.take(ctx, store.LinkTry{ID: asker.ID, Device: hash("device", asker.Secret), Code: hash("code", asker.ID+code)})
}

func (m *MagicLink) take(ctx context.Context, t store.LinkTry) (Proof, error) {
	link, err := m.spend(ctx, t)
	if err != nil {
		return Proof{}, err
	}
	user, created, err := m.admit(ctx, link)
	if err != nil {
		return Proof{}, err
	}
	return Proof{User: user, Created: created, ReturnTo: link.ReturnTo, AMR: []string{MethodMail}}, nil
}

// spend is the one step that decides. ErrLink for whatever does not fit.
func (m *MagicLink) spend(ctx context.Context, t store.LinkTry) (store.Link, error) {
	link, err := m.Tickets.TakeLink(ctx, t)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrWrong) {
		m.note(ctx, "signin.link", sessions.Refused, "")
		return store.Link{}, ErrLink
	}
	if err != nil {
		return store.Link{}, fmt.Errorf("use link: %w", err)
	}
	return link, nil
}

// admit makes the person of a link that is spent, who need not wait for the answer.
func (m *MagicLink) admit(ctx context.Context, link store.Link) (store.User, bool, error) {
	user, created, err := m.Admission.Admit(context.WithoutCancel(ctx), link.Email)
	if err != nil {
		m.note(ctx, "signin.link", sessions.Refused, "not admitted")
	}
	return user, created, err
}

func (m *MagicLink) note(ctx context.Context, kind, result, detail string) {
	m.Journal.Record(ctx, store.Event{Type: kind, Result: result, Detail: detail})
}

func readToken(token string) (id, mailed string, ok bool) {
	a := ReadAsker(token)
	return a.ID, a.Secret, a.ID != ""
}

func orNew(a Asker) Asker {
	if a.ID == "" {
		return Asker{ID: store.NewID(askerPrefix), Secret: secret()}
	}
	return a
}

func hash(purpose, value string) string { return store.Digest("link-"+purpose, value) }

func secret() string { return store.RandomText(32) }
