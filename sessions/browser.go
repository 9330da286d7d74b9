package sessions

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/handclasp/handclasp/store"
)

// SignIn is what a browser's session begins with.
type SignIn struct {
	User store.User
	AMR  []string
	Name string // what the browser seems to be, for lists: "Firefox on Linux"
}

// BeginBrowser begins a session of a browser on our own pages, under a new id, and returns the text of its cookie. The
// row comes first: a ticket without a row would be a session that nobody can see or end. store.ErrRefused: the user may not
// sign in, or the session was ended before it had begun.
func (s *Sessions) BeginBrowser(ctx context.Context, in SignIn) (cookie string, b store.Browser, err error) {
	now, origin := s.Now(), OriginOf(ctx)
	secret := store.RandomText(32)
	b = store.Browser{
		SID: store.NewID(store.SessionPrefix), Secret: store.Digest("browser", secret), UserID: in.User.ID, AMR: in.AMR,
		AuthTime: now, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(s.BrowserAbsolute), Idle: s.BrowserIdle,
		Address: origin.Address,
	}
	_, err = s.Records.BeginSession(ctx, store.Beginning{Session: store.Session{
		ID: b.SID, Kind: store.KindBrowser, UserID: in.User.ID, AMR: in.AMR, Address: origin.Address, Name: in.Name,
		AuthTime: now, CreatedAt: now, SeenAt: now, ConfirmedAt: now, CheckAt: now.Add(s.BrowserIdle), ExpiresAt: b.ExpiresAt,
	}})
	if err != nil {
		return "", store.Browser{}, fmt.Errorf("begin browser session: %w", err)
	}
	if err := s.Tickets.PutBrowser(ctx, b); err != nil {
		return "", store.Browser{}, fmt.Errorf("keep browser session: %w", err)
	}
	if err := s.stillBegun(ctx, b.SID); err != nil {
		return "", store.Browser{}, fmt.Errorf("begin browser session: %w", err)
	}
	s.Journal.Record(ctx, store.Event{
		Type: "browser.signin", Actor: b.UserID, UserID: b.UserID, SessionID: b.SID, Result: OK, Detail: strings.Join(in.AMR, " "),
	})
	return b.SID + "." + secret, b, nil
}

// stillBegun looks at the row once more when the ticket is there. Somebody who ended everything in between deleted a ticket
// that was not there yet, and no list would ever show the one that came after. Whoever ends it after this look finds both.
func (s *Sessions) stillBegun(ctx context.Context, sid string) error {
	row, err := s.Records.Session(ctx, sid)
	if err == nil && row.Live() {
		return nil
	}
	if err == nil || errors.Is(err, store.ErrNotFound) {
		err = store.ErrRefused
	}
	return errors.Join(err, s.Tickets.Drop(ctx, sid))
}

// ReadCookie takes the text of a cookie apart; ok is false for what we cannot have made.
func ReadCookie(text string) (sid, secretHash string, ok bool) {
	sid, secret, ok := strings.Cut(text, ".")
	if !ok || len(secret) != 43 || !store.ValidID(store.SessionPrefix, sid) {
		return "", "", false
	}
	return sid, store.Digest("browser", secret), true
}
