package servertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	handclasp "github.com/handclasp/handclasp"
	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/mail"
	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/providers"
	"github.com/handclasp/handclasp/server"
	"github.com/handclasp/handclasp/server/pages"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis"
	"github.com/handclasp/handclasp/store/sql"
)

// House is what a server consists of, for tests that look behind its pages.
type House struct {
	DB       *sql.DB       // the file itself
	Records  store.Records // DB, or what Options.Records made of it
	Tickets  store.Tickets // likewise
	Keys     *keys.Keys
	Chain    *oauth.Chain
	Journal  *sessions.Journal
	Sessions *sessions.Sessions
	OAuth    *oauth.Provider
	Queue    *mail.Queue
	HTTP     *server.Server

	closers []func(context.Context) error
}

// compose builds the house from the ground up.
func (s *Server) compose(ctx context.Context) error {
	log, notices := s.logger(), &server.Notices{}
	if err := s.openStores(ctx, log); err != nil {
		return err
	}
	if err := s.openKeys(ctx, log); err != nil {
		return err
	}
	s.Journal = sessions.NewJournal(s.Records, s.Events, s.Clock.Now, log)
	s.closers = append(s.closers, s.Journal.Close)
	s.Chain = oauth.NewChain(s.Keys.Secret("refresh token"))
	o := s.options
	s.Sessions = sessions.New(sessions.Options{
		Records: s.Records, Tickets: s.Tickets, Chain: s.Chain, Journal: s.Journal, Now: s.Clock.Now, Log: log,
		Notify:     func(ctx context.Context, n sessions.Notice) { notices.Notify(ctx, n) },
		AccessLife: o.AccessLife, Idle: o.RefreshIdle, Absolute: o.RefreshAbsolute,
		BrowserIdle: o.BrowserIdle, BrowserAbsolute: o.BrowserAbsolute, Retention: 180 * 24 * time.Hour,
		ClientUnused: 90 * 24 * time.Hour,
		MostDevices:  o.MostDevices,
	})
	if err := s.register(ctx); err != nil {
		return err
	}
	if err := s.openQueue(log); err != nil {
		return err
	}
	*notices = *server.NewNotices(server.Notices{
		Site: mail.Site{Name: "Handclasp", Host: server.Host(s.Issuer)}, Issuer: s.Issuer,
		Post: s.Queue, Clients: s.Records, Now: s.Clock.Now, Log: log,
	}, s.Keys)
	limiter, links, err := s.composeLinks(log, notices)
	if err != nil {
		return err
	}
	return errors.Join(s.composeOAuth(log, links), s.composeServer(log, notices, limiter, links))
}

func (s *Server) openStores(ctx context.Context, log *slog.Logger) error {
	if err := layFolder(ctx, s.options.Dir); err != nil {
		return err
	}
	db, err := sql.Open(ctx, sql.Options{Path: filepath.Join(s.options.Dir, database), Now: s.Clock.Now, Log: log})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func(context.Context) error { return db.Close() })
	if _, err := db.Migrate(ctx); err != nil {
		return err
	}
	s.DB, s.Records, s.Tickets = db, db, db
	if s.options.Redis != "" {
		keeper, err := redis.Open(ctx, redis.Options{URL: s.options.Redis, Prefix: prefixOf(s.options.Dir), Log: log, Now: s.Clock.Now})
		if err != nil {
			return err
		}
		s.closers = append(s.closers, func(context.Context) error { return keeper.Close() })
		s.Tickets = keeper
	}
	if s.options.Records != nil {
		s.Records = s.options.Records(s.Records)
	}
	if s.options.Tickets != nil {
		s.Tickets = s.options.Tickets(s.Tickets)
	}
	return nil
}

// prefixOf keeps servers apart that share a Redis, and lets replicas share a prefix: they have one folder.
func prefixOf(dir string) string {
	return "test" + oauth.HashUserCode(dir)[:16]
}

func (s *Server) openKeys(ctx context.Context, log *slog.Logger) (err error) {
	s.Keys, err = keys.Open(ctx, keys.Options{
		Dir: filepath.Join(s.options.Dir, "keys"), Signer: s.options.Signer, TokenLife: s.options.AccessLife,
		RootLife: s.options.RefreshAbsolute + 24*time.Hour, Now: s.Clock.Now, Log: log,
	})
	return err
}

// register makes the built-in client known, unless another server on the same folder has.
func (s *Server) register(ctx context.Context) error {
	err := s.Records.CreateClient(ctx, server.OwnClient(s.Issuer, s.Clock.Now()))
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return err
}

func (s *Server) openQueue(log *slog.Logger) (err error) {
	// Mails leave in real time: one that is still on its way when a test moves the clock by a month is not too late by that.
	o := mail.QueueOptions{From: s.options.MailFrom, Now: time.Now, Log: log}
	if s.options.SMTP == "" {
		o.Outbox = mail.Outbox(s.outbox())
	} else if o.SMTP, err = mail.ParseSMTP(s.options.SMTP); err != nil {
		return err
	}
	if s.Queue, err = mail.NewQueue(o); err != nil {
		return err
	}
	return nil
}

func (s *Server) composeLinks(log *slog.Logger, notices *server.Notices) (*server.Limiter, *providers.MagicLink, error) {
	signup, err := providers.ParseSignup(s.options.Signup)
	if err != nil {
		return nil, nil, err
	}
	limiter := server.NewLimiter(s.Tickets, s.options.LimitScale, s.Clock.Now, log)
	links, err := providers.NewMagicLink(providers.Options{
		Issuer: s.Issuer, Tickets: s.Tickets, Limiter: limiter, Journal: s.Journal, Post: notices.Letter,
		Admission: &providers.Admission{Records: s.Records, Journal: s.Journal, Signup: signup, Now: s.Clock.Now},
		Now:       s.Clock.Now, Log: log, Life: s.options.LinkLife, Limits: providers.DefaultMailLimits,
	})
	return limiter, links, err
}

func (s *Server) composeOAuth(log *slog.Logger, links *providers.MagicLink) (err error) {
	o := s.options
	s.OAuth, err = oauth.New(oauth.Options{
		Issuer: s.Issuer, Keys: s.Keys, Chain: s.Chain, Tickets: s.Tickets, Clients: s.Records, Ends: s.Records, Sessions: s.Sessions, Links: links,
		Journal: s.Journal, Log: log, Now: s.Clock.Now,
		CodeLife: o.CodeLife, Interval: o.Interval, AccessLife: o.AccessLife, WaitMost: o.WaitMost, HeldMost: o.HeldMost,
		LimitScale: o.LimitScale, Registration: o.Registration, Registrations: s.Records, SelfMade: o.SelfMade,
		Documents: o.Documents, Slack: o.slack(),
	})
	return err
}

func (s *Server) composeServer(log *slog.Logger, notices *server.Notices, limiter *server.Limiter, links *providers.MagicLink) error {
	proxies, errProxies := server.ParseProxies(s.options.TrustedProxies)
	drawn, errPages := pages.New(pages.Site{Name: "Handclasp", Host: server.Host(s.Issuer)})
	if err := errors.Join(errProxies, errPages); err != nil {
		return err
	}
	var err error
	s.HTTP, err = server.New(server.Options{
		Issuer: s.Issuer, Records: s.Records, Tickets: s.Tickets, Limiter: limiter, Sessions: s.Sessions, OAuth: s.OAuth,
		Admin: admin.New(admin.Options{
			Records: s.Records, Sessions: s.Sessions, Keys: s.Keys, Journal: s.Journal, Issuer: s.Issuer, Now: s.Clock.Now,
			Registration: s.options.Registration,
			Letters: admin.Letters{
				Site: mail.Site{Name: "Handclasp", Host: server.Host(s.Issuer)}, Post: s.Queue.Send, Signup: links.Admission.Signup.String(),
			},
		}),
		Links: links, Notices: notices, Journal: s.Journal, Keys: s.Keys, Pages: drawn, Proxies: proxies,
		OpenAPI: handclasp.OpenAPI, Signup: links.Admission.Signup.String(), Now: s.Clock.Now, Log: log,
		Slack: s.options.slack(),
	})
	return err
}

// watch runs what serve runs beside the listener.
func (s *Server) watch(ctx context.Context) {
	go s.Keys.Watch(ctx)
	go sessions.NewSweeper(s.Sessions).Run(ctx)
	go s.OAuth.NewHerald(s.Records).Run(ctx)
}

// Sweep does one round of the sweeper.
func (s *Server) Sweep(ctx context.Context) error {
	return sessions.NewSweeper(s.Sessions).Sweep(ctx)
}

// TellLogouts makes one round of what apps have to hear of.
func (s *Server) TellLogouts(ctx context.Context) error {
	return s.OAuth.NewHerald(s.Records).Tell(ctx)
}

// close sends the mails that wait and closes what was opened, the last first. A second time does nothing.
func (h *House) close(ctx context.Context) error {
	var failed []error
	if h.Queue != nil {
		if err := h.Queue.Close(ctx); err != nil {
			failed = append(failed, fmt.Errorf("close the mail queue: %w", err))
		}
	}
	for i := len(h.closers) - 1; i >= 0; i-- {
		failed = append(failed, h.closers[i](ctx))
	}
	h.closers = nil
	return errors.Join(failed...)
}
