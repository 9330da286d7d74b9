package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

// InitialToken is an initial access token (RFC 7591 §1.2) as the desk shows one: whoever holds it may register clients.
type InitialToken struct {
	ID        string    `json:"id"`
	Token     string    `json:"token,omitempty"` // once, when it was made
	Note      string    `json:"note,omitempty"`
	Uses      int       `json:"uses"`
	Left      int       `json:"uses_left"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	// Registration is who may register, when it was made: "off" and "open" make no use of the token.
	Registration string `json:"registration,omitempty"`
}

func initialTokenOf(i store.ClientInvite) InitialToken {
	return InitialToken{
		ID: i.ID, Note: i.Note, Uses: i.Uses, Left: i.Left, CreatedAt: i.CreatedAt.UTC(), ExpiresAt: i.ExpiresAt.UTC(),
	}
}

// InitialTokenForm says what a token is to be good for.
type InitialTokenForm struct {
	Uses *int   `json:"uses,omitempty"`       // clients, 1 to 1000; 1 if nothing is said
	Life *int64 `json:"expires_in,omitempty"` // seconds, a minute to a year; a day if nothing is said
	Note string `json:"note,omitempty"`
}

// What a form may say, and what it says by saying nothing.
const (
	initialUsesMost  = 1000
	initialLifeMost  = 365 * 24 * time.Hour
	initialLifeUsual = 24 * time.Hour
)

// read reports every mistake.
func (f InitialTokenForm) read() (uses int, life time.Duration, err error) {
	var problems []error
	uses, seconds := 1, int64(initialLifeUsual/time.Second)
	if f.Uses != nil {
		uses = *f.Uses
	}
	if f.Life != nil {
		seconds = *f.Life
	}
	if uses < 1 || uses > initialUsesMost {
		problems = append(problems, fmt.Errorf("uses: want 1 to %d", initialUsesMost))
	}
	if seconds < 60 || seconds > int64(initialLifeMost/time.Second) {
		problems = append(problems, errors.New("life (expires_in): want a minute to a year"))
	}
	if f.Note != "" {
		problems = append(problems, checkText("note", f.Note, nameMost))
	}
	return uses, time.Duration(seconds) * time.Second, invalid(problems...)
}

// InitialTokenQuery chooses all initial access tokens.
type InitialTokenQuery struct{ Paging }

// InitialTokens implements Desk. There are a few of them, so they are read at once.
func (l *Local) InitialTokens(ctx context.Context, q InitialTokenQuery) (Page[InitialToken], error) {
	at := func(i store.ClientInvite) string { return i.ID }
	return pagedWhole(ctx, q.Paging, "initial-access-tokens", l.o.Records.ClientInvites, initialTokenOf, at)
}

// CreateInitialToken implements Desk.
func (l *Local) CreateInitialToken(ctx context.Context, f InitialTokenForm) (InitialToken, error) {
	uses, life, err := f.read()
	if err != nil {
		return InitialToken{}, err
	}
	now, token := l.now(), oauth.InvitePrefix+l.newSecret()
	i := store.ClientInvite{
		ID: l.newID(store.InvitePrefix), Token: oauth.HashInvite(token), Note: f.Note, Uses: uses, Left: uses,
		CreatedAt: now, ExpiresAt: now.Add(life),
	}
	err = l.o.Records.CreateClientInvite(ctx, i)
	switch {
	case errors.Is(err, store.ErrExists): // by the same request, whose answer was lost
		i, err = l.initialToken(ctx, i.ID)
	case err == nil:
		l.record(ctx, store.Event{Type: "client.invite", Target: i.ID, Detail: strconv.Itoa(uses)})
	}
	if err != nil {
		return InitialToken{}, fmt.Errorf("keep the token: %w", err)
	}
	shown := initialTokenOf(i)
	shown.Token, shown.Registration = token, cmp.Or(string(l.o.Registration), "off")
	return shown, nil
}

// initialToken finds one token.
func (l *Local) initialToken(ctx context.Context, id string) (store.ClientInvite, error) {
	all, err := l.o.Records.ClientInvites(ctx)
	if err != nil {
		return store.ClientInvite{}, err
	}
	at := slices.IndexFunc(all, func(i store.ClientInvite) bool { return i.ID == id })
	if at < 0 {
		return store.ClientInvite{}, store.ErrNotFound
	}
	return all[at], nil
}

// DeleteInitialToken implements Desk.
func (l *Local) DeleteInitialToken(ctx context.Context, id string) error {
	if err := l.o.Records.DeleteClientInvite(ctx, id); err != nil {
		return fmt.Errorf("take the token back: %w", err)
	}
	l.record(ctx, store.Event{Type: "client.uninvite", Target: id})
	return nil
}
