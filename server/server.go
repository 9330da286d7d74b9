// Package server is HTTP: the OAuth endpoints, our own JSON API and the pages, one file a journey. It decides nothing that
// another room owns; it reads a request, asks the room, and writes what came of it. routes.go is the table of everything
// that is reachable, errors.go the only place with statuses and public sentences.
package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/providers"
	"github.com/handclasp/handclasp/server/pages"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// Records is what the pages and the API read of the durable memory; store.Records says what each method promises.
type Records interface {
	User(ctx context.Context, id string) (store.User, error)
	Client(ctx context.Context, id string) (store.Client, error)
	Registration(ctx context.Context, clientID string) (store.Registration, error)
	Session(ctx context.Context, sid string) (store.Session, error)
	Device(ctx context.Context, id string) (store.Device, error)
	LiveSessions(ctx context.Context, userID string) ([]store.Session, error)
	AddConsent(ctx context.Context, c store.Consent) error
	Consent(ctx context.Context, userID, clientID string) (store.Consent, error)
	Consents(ctx context.Context, userID string) ([]store.Consent, error)
	RemoveConsent(ctx context.Context, userID, clientID string) error
	KnownDevice(ctx context.Context, userID, fingerprint string) (bool, error)
	SessionsOnDevice(ctx context.Context, userID, deviceID string) ([]store.Session, error)
	Ping(ctx context.Context) error
}

// Tickets is what the pages and the API need of the expiring memory; store.Tickets says what each method promises.
type Tickets interface {
	Bind(ctx context.Context, userCode, browser, userID string) (store.Request, error)
	Request(ctx context.Context, sid, browser string) (store.Request, error)
	Browser(ctx context.Context, sid, secret string) (store.Browser, error)
	Pulses(ctx context.Context, sids ...string) ([]store.Pulse, error)
	Allow(ctx context.Context, limits ...store.Limit) (store.Verdict, error)
	Mark(ctx context.Context, key string, ttl time.Duration) (bool, error)
	PutNote(ctx context.Context, name, body string, ttl time.Duration) error
	Note(ctx context.Context, name string) (string, error)
	Ping(ctx context.Context) error
}

// Options compose a server.
type Options struct {
	Issuer   string
	Records  Records
	Tickets  Tickets
	Limiter  *Limiter
	Sessions *sessions.Sessions
	OAuth    *oauth.Provider
	Admin    *admin.Local
	Links    *providers.MagicLink
	Notices  *Notices
	Journal  sessions.Recorder
	Keys     *keys.Keys
	Pages    *pages.Pages
	Proxies  Proxies
	OpenAPI  []byte // the text of openapi.yaml
	Console  bool   // mails are not sent but shown on the console
	Signup   string // for the pages: "closed" says that nobody new can join
	Now      func() time.Time
	Log      *slog.Logger

	Slack time.Duration // how much longer than it should a request may take; see oauth.Options
}

// Server answers HTTP. Its handler is safe for any number of goroutines.
type Server struct {
	Options
	secure  bool // the issuer is https
	openapi oauth.Document
	csrf    *keys.Secret
	known   *keys.Secret
	origins *http.CrossOriginProtection
	metrics *metrics
	once    once
	handler http.Handler
}

// New composes the server.
func New(o Options) (*Server, error) {
	issuer, err := url.Parse(o.Issuer)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	s := &Server{
		Options: o,
		secure:  issuer.Scheme == "https",
		openapi: oauth.NewDocument(o.OpenAPI),
		csrf:    o.Keys.Secret("csrf"),
		known:   o.Keys.Secret("known browser"),
		origins: http.NewCrossOriginProtection(),
		metrics: newMetrics(o),
		once:    once{o.Tickets, o.Keys.Secret("admin answer")},
	}
	if err := s.origins.AddTrustedOrigin(o.Issuer); err != nil {
		return nil, fmt.Errorf("issuer as an origin: %w", err)
	}
	s.handler = s.routes()
	return s, nil
}

// Handler answers everything that strangers may reach.
func (s *Server) Handler() http.Handler { return s.handler }

// Host is the issuer's host, which every page names.
func Host(issuer string) string {
	_, host, _ := strings.Cut(issuer, "://")
	return host
}
