package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/mail"
	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/providers"
	"github.com/handclasp/handclasp/server"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis"
	"github.com/handclasp/handclasp/store/sql"
)

// Whoever uses these keepers declares what it needs; here it is said that they have it.
var (
	_ store.Records     = (*sql.DB)(nil)
	_ store.Tickets     = (*sql.DB)(nil)
	_ store.Tickets     = (*redis.Store)(nil)
	_ oauth.Tickets     = store.Tickets(nil)
	_ oauth.Clients     = store.Records(nil)
	_ oauth.Ends        = store.Records(nil)
	_ oauth.Links       = (*providers.MagicLink)(nil)
	_ sessions.Records  = store.Records(nil)
	_ sessions.Tickets  = store.Tickets(nil)
	_ providers.Tickets = store.Tickets(nil)
	_ providers.Records = store.Records(nil)
	_ admin.Records     = store.Records(nil)
)

// house is the part of the server that every command needs: both memories, the keys, the journal, and the sessions.
type house struct {
	settings Settings
	log      *slog.Logger
	db       *sql.DB
	tickets  store.Tickets
	keys     *keys.Keys
	chain    *oauth.Chain
	journal  *sessions.Journal
	sessions *sessions.Sessions
	letters  admin.Letters
	closers  []func(context.Context) error
}

// open makes the data folder and opens what lies in it. notify may be nil. The house must be closed, also after an error.
func open(ctx context.Context, s Settings, log *slog.Logger, notify func(context.Context, sessions.Notice)) (*house, error) {
	h := &house{settings: s, log: log}
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return h, fmt.Errorf("make the data folder: %w", err)
	}
	if err := h.openRecords(ctx); err != nil {
		return h, err
	}
	if err := h.openTickets(ctx); err != nil {
		return h, err
	}
	if err := h.noteKeeper(ctx); err != nil {
		return h, err
	}
	if err := h.openKeys(ctx); err != nil {
		return h, err
	}
	if err := h.openJournal(); err != nil {
		return h, err
	}
	h.chain = oauth.NewChain(h.keys.Secret("refresh token"))
	h.openSessions(notify)
	return h, h.builtIn(ctx)
}

// desk is where an operator sits.
func (h *house) desk() *admin.Local {
	return admin.New(admin.Options{
		Records: h.db, Sessions: h.sessions, Keys: h.keys, Journal: h.journal, Letters: h.letters,
		Issuer: h.settings.Issuer, Now: time.Now, Registration: registrationModes[h.settings.Registration],
	})
}

// openLetters says how people are written to.
func (h *house) openLetters(post func(context.Context, mail.Message) error) {
	s := h.settings
	h.letters = admin.Letters{Site: siteOf(s), Post: post, Outbox: s.SMTP == "", Signup: s.Signup}
}

// siteOf is how mails speak of this server.
func siteOf(s Settings) mail.Site {
	return mail.Site{Name: s.SiteName, Host: server.Host(s.Issuer), Accent: s.Accent}
}

// openSessions needs both memories and the journal. Without a chain sessions can be ended, and none begun.
func (h *house) openSessions(notify func(context.Context, sessions.Notice)) {
	s := h.settings
	h.sessions = sessions.New(sessions.Options{
		Records: h.db, Tickets: h.tickets, Chain: h.chain, Journal: h.journal, Notify: notify, Now: time.Now, Log: h.log,
		AccessLife: s.AccessLife, Idle: s.RefreshIdle, Absolute: s.RefreshAbsolute,
		BrowserIdle: s.BrowserIdle, BrowserAbsolute: s.BrowserAbsolute, Retention: s.Retention,
		ClientUnused: s.RegistrationUnused,
		MostDevices:  s.DevicesMost,
	})
}

// openRecords migrates SQLite by itself: it is one file of one machine, and nobody else looks after it.
func (h *house) openRecords(ctx context.Context) error {
	if err := h.openDatabase(ctx); err != nil {
		return err
	}
	if _, err := h.db.Migrate(ctx); err != nil {
		return err
	}
	return h.db.Check(ctx)
}

func (h *house) openTickets(ctx context.Context) error {
	h.tickets = h.db
	if h.settings.Redis == "" {
		return nil
	}
	keeper, err := redis.Open(ctx, redis.Options{URL: h.settings.Redis, Log: h.log})
	if err != nil {
		return err
	}
	h.tickets = keeper
	h.closers = append(h.closers, func(context.Context) error { return keeper.Close() })
	return nil
}

func (h *house) openDatabase(ctx context.Context) error {
	db, err := sql.Open(ctx, sql.Options{Path: h.settings.Database, Log: h.log})
	if err != nil {
		return err
	}
	h.db = db
	h.closers = append(h.closers, func(context.Context) error { return db.Close() })
	return nil
}

func (h *house) openKeys(ctx context.Context) error {
	k, err := keys.Open(ctx, keys.Options{
		Dir: filepath.Join(h.settings.Data, "keys"), Signer: h.settings.Signer, TokenLife: h.settings.AccessLife,
		RootLife: h.settings.RefreshAbsolute + 24*time.Hour, Log: h.log, KeyPEM: []byte(h.settings.SigningKey),
	})
	if err != nil {
		return err
	}
	h.keys = k
	return nil
}

func (h *house) openJournal() error {
	var out io.Writer = os.Stdout
	if h.settings.Events != "-" {
		file, err := os.OpenFile(h.settings.Events, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("open the events file: %w", err)
		}
		h.closers = append(h.closers, func(context.Context) error { return file.Close() })
		out = file
	}
	h.journal = sessions.NewJournal(h.db, out, time.Now, h.log)
	h.closers = append(h.closers, h.journal.Close)
	return nil
}

// builtIn registers our own client at the first start. What the operator changes of it later stays.
func (h *house) builtIn(ctx context.Context) error {
	err := h.db.CreateClient(ctx, server.OwnClient(h.settings.Issuer, time.Now()))
	if errors.Is(err, store.ErrExists) {
		return h.followIssuer(ctx)
	}
	if err != nil {
		return fmt.Errorf("register our own client: %w", err)
	}
	return nil
}

// followIssuer gives our own client the issuer as an audience, if that has changed since the first start: its own calls
// ask for nothing else.
func (h *house) followIssuer(ctx context.Context) error {
	client, err := h.db.Client(ctx, builtInClient)
	if err == nil && !slices.Contains(client.Audiences, h.settings.Issuer) {
		client.Audiences, client.UpdatedAt = append(client.Audiences, h.settings.Issuer), time.Now()
		err = h.db.UpdateClient(ctx, client)
	}
	if err != nil {
		return fmt.Errorf("give our own client its audience: %w", err)
	}
	return nil
}

// close closes what was opened, the last first.
func (h *house) close(ctx context.Context) error {
	var failed []error
	for i := len(h.closers) - 1; i >= 0; i-- {
		failed = append(failed, h.closers[i](ctx))
	}
	h.closers = nil
	return errors.Join(failed...)
}
