package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	handclasp "github.com/handclasp/handclasp"
	"github.com/handclasp/handclasp/mail"
	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/outside"
	"github.com/handclasp/handclasp/providers"
	"github.com/handclasp/handclasp/server"
	"github.com/handclasp/handclasp/server/pages"
	"github.com/handclasp/handclasp/sessions"
)

const builtInClient = server.BuiltInClient

// program is everything that serve runs.
type program struct {
	house    *house
	provider *oauth.Provider
	server   *server.Server
	queue    *mail.Queue
	tls      *tls.Config
}

// compose builds the program from the ground up. It must be closed, also after an error.
func compose(ctx context.Context, s Settings, log *slog.Logger, console io.Writer) (*program, error) {
	p := &program{}
	notices := &server.Notices{}
	var err error
	p.house, err = open(ctx, s, log, func(ctx context.Context, n sessions.Notice) { notices.Notify(ctx, n) })
	if err != nil {
		return p, err
	}
	if p.queue, err = openQueue(s, log, console); err != nil {
		return p, err
	}
	p.house.openLetters(p.queue.Send)
	if p.tls, err = certificate(s); err != nil {
		return p, err
	}
	*notices = *server.NewNotices(server.Notices{
		Site: siteOf(s), Issuer: s.Issuer,
		Post: p.queue, Clients: p.house.db, Now: time.Now, Log: log,
	}, p.house.keys)
	limiter, links, err := p.composeLinks(notices)
	if err != nil {
		return p, err
	}
	if p.provider, err = p.composeOAuth(links); err != nil {
		return p, err
	}
	return p, p.composeServer(notices, limiter, links)
}

func (p *program) composeLinks(notices *server.Notices) (*server.Limiter, *providers.MagicLink, error) {
	h, s := p.house, p.house.settings
	signup, err := providers.ParseSignup(s.Signup)
	if err != nil {
		return nil, nil, err
	}
	limiter := server.NewLimiter(h.tickets, s.LimitScale, time.Now, h.log)
	links, err := providers.NewMagicLink(providers.Options{
		Issuer: s.Issuer, Tickets: h.tickets, Limiter: limiter, Journal: h.journal, Post: notices.Letter,
		Admission: &providers.Admission{Records: h.db, Journal: h.journal, Signup: signup, Now: time.Now},
		Now:       time.Now, Log: h.log, Life: s.LinkLife, Limits: providers.DefaultMailLimits,
	})
	return limiter, links, err
}

func (p *program) composeOAuth(links *providers.MagicLink) (*oauth.Provider, error) {
	h, s := p.house, p.house.settings
	return oauth.New(oauth.Options{
		Issuer: s.Issuer, Keys: h.keys, Chain: h.chain, Tickets: h.tickets, Clients: h.db, Ends: h.db, Sessions: h.sessions, Links: links,
		Journal: h.journal, Log: h.log, Now: time.Now,
		CodeLife: s.CodeLife, Interval: s.Interval, AccessLife: s.AccessLife, WaitMost: s.WaitMost, HeldMost: s.HeldMost,
		LimitScale: s.LimitScale, Registration: registrationModes[s.Registration], Registrations: h.db,
		SelfMade: oauth.SelfMade{
			Scopes: listed(s.RegistrationScopes), Audiences: listed(s.RegistrationAudiences), Names: []string{s.SiteName},
			Most: s.RegistrationMost,
		},
		Documents: s.documents(),
	})
}

// registrationModes are the words of the setting.
var registrationModes = map[string]oauth.RegistrationMode{
	"off": oauth.RegistrationOff, "token": oauth.RegistrationToken, "open": oauth.RegistrationOpen,
}

// documents are fetched from wherever the setting says, and nil if nowhere.
func (s *Settings) documents() oauth.Documents {
	switch s.ClientDocuments {
	case "off":
		return nil
	case "any":
		return outside.New(outside.Options{})
	default:
		return outside.New(outside.Options{Hosts: listed(s.ClientDocuments)})
	}
}

// listed reads a list with commas or spaces.
func listed(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' })
}

func (p *program) composeServer(notices *server.Notices, limiter *server.Limiter, links *providers.MagicLink) error {
	h, s := p.house, p.house.settings
	proxies, errProxies := server.ParseProxies(s.TrustedProxies)
	drawn, errPages := pages.New(pages.Site{Name: s.SiteName, Host: server.Host(s.Issuer), Logo: s.Logo, Accent: s.Accent})
	if err := errors.Join(errProxies, errPages); err != nil {
		return err
	}
	var err error
	p.server, err = server.New(server.Options{
		Issuer: s.Issuer, Records: h.db, Tickets: h.tickets, Limiter: limiter, Sessions: h.sessions, OAuth: p.provider, Admin: h.desk(),
		Links: links, Notices: notices, Journal: h.journal, Keys: h.keys, Pages: drawn, Proxies: proxies,
		OpenAPI: handclasp.OpenAPI, Signup: links.Admission.Signup.String(), Console: s.SMTP == "", Now: time.Now, Log: h.log,
	})
	if err != nil {
		return err
	}
	p.server.Register(mailCounters(p.queue)...)
	return nil
}

// certificate reads the server's own, if it speaks TLS itself.
func certificate(s Settings) (*tls.Config, error) {
	if s.TLSCert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// close ends what is still open; what went wrong is on its way to nobody but the log.
func (p *program) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if p.provider != nil {
		p.provider.Close()
	}
	if p.queue != nil {
		_ = p.queue.Close(ctx) // a second time does nothing
	}
	if p.house != nil {
		if err := p.house.close(ctx); err != nil {
			p.house.log.Error("close", "error", err)
		}
	}
}

// outbox is where mails go while nobody has said how to send them.
func outbox(s Settings) string { return filepath.Join(s.Data, "outbox") }
