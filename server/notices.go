package server

import (
	"context"
	"crypto/hmac"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/mail"
	"github.com/handclasp/handclasp/providers"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// endTokenLife is how long the page behind a "new device" mail can end the session.
const endTokenLife = 30 * 24 * time.Hour

// Post is where mails go. Send must not wait for the network.
type Post interface {
	Send(ctx context.Context, m mail.Message) error
}

// Notices writes the mails: what a journey asks for, and what a person should hear afterwards.
type Notices struct {
	Site    mail.Site
	Issuer  string
	Post    Post
	Clients interface {
		Client(ctx context.Context, id string) (store.Client, error)
	}
	Now func() time.Time
	Log *slog.Logger

	secret *keys.Secret
}

// NewNotices signs the links that end a session with a key of their own.
func NewNotices(n Notices, k *keys.Keys) *Notices {
	n.secret = k.Secret("end device")
	return &n
}

// Letter mails the half of a link, unless it is to be thrown away.
func (n *Notices) Letter(ctx context.Context, l providers.Letter) error {
	m, err := n.signIn(l)
	if err != nil {
		return err
	}
	if l.Discard {
		return nil
	}
	m.Deadline = l.Deadline
	return n.Post.Send(ctx, m)
}

func (n *Notices) signIn(l providers.Letter) (mail.Message, error) {
	if l.App != "" {
		return mail.AppSignIn{
			Site: n.Site, To: l.To, App: l.App, Link: l.URL, Code: l.Code, From: l.Address, Asked: l.AskedAt, Life: l.Life,
		}.Message()
	}
	return mail.SignIn{
		Site: n.Site, To: l.To, Link: l.URL, Code: l.Code, From: l.Address, Asked: l.AskedAt, Life: l.Life,
	}.Message()
}

// Notify tells a person what has happened to their account. A mail that cannot be queued is logged: what it tells of has
// happened, and stands on the list of devices too.
func (n *Notices) Notify(ctx context.Context, what sessions.Notice) {
	m, err := n.write(ctx, what)
	if err == nil {
		err = n.Post.Send(ctx, m)
	}
	if err != nil {
		n.Log.ErrorContext(ctx, "post a notice", "kind", what.Kind, "session", what.Session.ID, "error", err)
	}
}

func (n *Notices) write(ctx context.Context, what sessions.Notice) (mail.Message, error) {
	row, app := what.Session, what.Session.ClientID
	client, err := n.Clients.Client(ctx, row.ClientID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		n.Log.WarnContext(ctx, "find the app's name for a notice", "error", err)
	}
	if client.Name != "" {
		app = client.Name
	}
	switch what.Kind {
	case sessions.NoticeNewDevice:
		return mail.NewDevice{
			Site: n.Site, To: what.User.Email, Name: row.Name, Platform: row.Platform, App: app, From: row.Address,
			At: n.Now(), End: n.Issuer + "/devices/end?t=" + n.endToken(row.ID), Account: n.Issuer + "/account",
		}.Message()
	case sessions.NoticeNewApp:
		return mail.NewApp{
			Site: n.Site, To: what.User.Email, App: app, Browser: row.Name, From: row.Address,
			At: n.Now(), End: n.Issuer + "/devices/end?t=" + n.endToken(row.ID), Account: n.Issuer + "/account",
		}.Message()
	case sessions.NoticeReuse:
		return mail.SessionEnded{
			Site: n.Site, To: what.User.Email, Why: mail.Reused, Name: row.Name, Platform: row.Platform, App: app,
			From: row.Address, At: n.Now(), Account: n.Issuer + "/account",
		}.Message()
	default:
		return mail.Message{}, errors.New("no such notice: " + what.Kind)
	}
}

// endToken is the right to end one session and nothing else: <key id>.<sid>.<expiry>.<mac>.
func (n *Notices) endToken(sid string) string {
	expires := strconv.FormatInt(n.Now().Add(endTokenLife).Unix(), 10)
	id, key := n.secret.Current()
	return id + "." + sid + "." + expires + "." + seal(key, sid, expires)
}

// ReadEndToken returns the session that a token may end; ok is false for one that is altered, foreign or too old.
func (n *Notices) ReadEndToken(token string) (sid string, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 4 || len(token) > 256 || !validSession(parts[1]) {
		return "", false
	}
	key, ok := n.secret.Key(parts[0])
	if !ok || !hmac.Equal([]byte(parts[3]), []byte(seal(key, parts[1], parts[2]))) {
		return "", false
	}
	expires, err := strconv.ParseInt(parts[2], 10, 64)
	return parts[1], err == nil && n.Now().Before(time.Unix(expires, 0))
}
