package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/handclasp/handclasp/mail"
	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/outside"
	"github.com/handclasp/handclasp/providers"
	"github.com/handclasp/handclasp/server"
	"github.com/handclasp/handclasp/server/pages"
)

// check returns everything that keeps a server from running with these settings, each with what to do about it.
func (s *Settings) check() error {
	problems := append(s.checkIssuer(), s.checkAddresses()...)
	if s.Issuer != "" && !s.loopback() {
		problems = append(problems, s.checkPublic()...)
	}
	problems = append(problems, s.checkMail()...)
	problems = append(problems, s.checkWords()...)
	return errors.Join(append(problems, s.checkLives()...)...)
}

// checkIssuer wants the one form that is compared everywhere, byte by byte: by clients, in tokens, in a browser's Origin.
func (s *Settings) checkIssuer() []error {
	if s.Issuer == "" {
		if _, _, err := net.SplitHostPort(s.Listen); err != nil {
			return nil // that is what is wrong; with an address of this machine alone the issuer follows from it
		}
		return []error{fmt.Errorf("issuer: missing; others can reach %s, so say the URL under which they do", s.Listen)}
	}
	u, err := url.Parse(s.Issuer)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return []error{fmt.Errorf("issuer %q: want a URL such as https://login.example.test", s.Issuer)}
	}
	plain := strings.ToLower(u.Scheme + "://" + u.Host)
	plain = strings.TrimSuffix(plain, map[string]string{"http": ":80", "https": ":443"}[u.Scheme])
	switch {
	case strings.ContainsFunc(s.Issuer, func(r rune) bool { return r > '~' }):
		return []error{fmt.Errorf("issuer %q: write the host in its ASCII form, xn--…", s.Issuer)}
	case s.Issuer != plain:
		return []error{fmt.Errorf("issuer %q: must be exactly scheme and host, %s", s.Issuer, plain)}
	case u.Scheme == "http" && !s.loopback():
		return []error{fmt.Errorf("issuer %q: must be https; give --tls-cert and --tls-key, or name the proxy in front in --trusted-proxies", s.Issuer)}
	case u.Scheme == "https" && s.TLSCert == "" && s.TrustedProxies == "":
		return []error{fmt.Errorf("issuer %q: who speaks https? give --tls-cert and --tls-key, or name the proxy in front in --trusted-proxies", s.Issuer)}
	}
	return nil
}

func (s *Settings) checkAddresses() []error {
	var problems []error
	if _, _, err := net.SplitHostPort(s.Listen); err != nil {
		problems = append(problems, fmt.Errorf("listen %q: want host:port", s.Listen))
	}
	if _, _, err := net.SplitHostPort(s.OpsListen); err != nil && s.OpsListen != "none" && s.OpsListen != "" {
		problems = append(problems, fmt.Errorf("ops-listen %q: want host:port or none", s.OpsListen))
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		problems = append(problems, errors.New("tls-cert, tls-key: they go together"))
	} else if _, err := certificate(*s); err != nil {
		problems = append(problems, fmt.Errorf("tls-cert, tls-key: %w", err))
	}
	if _, err := server.ParseProxies(s.TrustedProxies); err != nil {
		problems = append(problems, fmt.Errorf("trusted-proxies: %w", err))
	}
	if u, err := url.Parse(s.Redis); s.Redis != "" && (err != nil || u.Hostname() == "" || u.Scheme != "redis" && u.Scheme != "rediss") {
		problems = append(problems, errors.New("redis: want redis://[user:password@]host:port[/db], or rediss:// for TLS"))
	}
	return problems
}

// checkDatabase is asked by every command: the URL of a database server would become a file of that name.
func (s *Settings) checkDatabase() error {
	if strings.HasPrefix(s.Database, "postgres:") || strings.HasPrefix(s.Database, "postgresql:") {
		return errors.New("database: this version keeps its records in SQLite; give a path")
	}
	return nil
}

// checkPublic is for a server that others reach. What would be convenient on one's own machine is harmful there.
func (s *Settings) checkPublic() []error {
	var problems []error
	if s.SMTP == "" {
		problems = append(problems, errors.New("smtp: missing; a server that others reach must send its mails (smtp://user:password@host:587)"))
	}
	if s.MailFrom == "" {
		problems = append(problems, errors.New("mail-from: missing; mails need a sender"))
	}
	if s.Signup == "" {
		problems = append(problems, errors.New("signup: missing; say who may sign up: open, domains:example.test, invite or closed"))
	}
	return problems
}

func (s *Settings) checkMail() []error {
	var problems []error
	if s.SMTP != "" {
		if _, err := mail.ParseSMTP(s.SMTP); err != nil {
			problems = append(problems, fmt.Errorf("smtp: %w", err))
		}
	}
	if s.MailFrom != "" {
		// The queue knows what a sender may look like. It starts nothing before it has a mail.
		o := mail.QueueOptions{From: s.MailFrom, Outbox: mail.Outbox(outbox(*s))}
		if _, err := mail.NewQueue(o); err != nil {
			problems = append(problems, fmt.Errorf("mail-from: %w", err))
		}
	}
	return problems
}

// checkWords looks at the settings that are one of several words, or text for people.
func (s *Settings) checkWords() []error {
	var problems []error
	if s.Signup != "" {
		if _, err := providers.ParseSignup(s.Signup); err != nil {
			problems = append(problems, err)
		}
	}
	problems = append(problems, s.checkRegistration()...)
	if s.Signer != "auto" && s.Signer != "go" && s.Signer != "openssl" {
		problems = append(problems, fmt.Errorf("signer %q: want auto, go or openssl", s.Signer))
	}
	if _, err := newLog(*s, io.Discard); err != nil {
		problems = append(problems, err)
	}
	if _, err := pages.New(pages.Site{Name: s.SiteName, Host: "login.example.test", Logo: s.Logo, Accent: s.Accent}); err != nil {
		problems = append(problems, fmt.Errorf("site-name, accent, logo: %w", err))
	}
	return problems
}

// checkRegistration looks at what clients that come by themselves may be.
func (s *Settings) checkRegistration() []error {
	var problems []error
	if _, known := registrationModes[s.Registration]; !known {
		problems = append(problems, fmt.Errorf("registration %q: want off, token or open", s.Registration))
	}
	if s.ClientDocuments != "off" && s.ClientDocuments != "any" {
		for _, host := range listed(s.ClientDocuments) {
			if err := outside.Check("https://" + host + "/"); err != nil {
				problems = append(problems, fmt.Errorf("client-documents %q: want off, any, or names of hosts", host))
			}
		}
	}
	for _, scope := range listed(s.RegistrationScopes) {
		if err := oauth.CheckSelfScope(scope); err != nil {
			problems = append(problems, fmt.Errorf("registration-scopes %q: %w", scope, err))
		}
	}
	for _, audience := range listed(s.RegistrationAudiences) {
		if err := oauth.CheckAudience(audience); err != nil {
			problems = append(problems, fmt.Errorf("registration-audiences %q: %w", audience, err))
		}
	}
	return problems
}

func (s *Settings) checkLives() []error {
	var problems []error
	within := func(name string, got, least, most time.Duration) {
		if got != 0 && (got < least || got > most) { // 0 could not be read, which has been said
			problems = append(problems, fmt.Errorf("%s: %s is not within %s and %s", name, short(got), short(least), short(most)))
		}
	}
	const ages = 10 * 365 * 24 * time.Hour
	within("link-life", s.LinkLife, time.Second, time.Hour)
	within("access-life", s.AccessLife, time.Second, time.Hour)
	within("code-life", s.CodeLife, time.Second, time.Hour)
	within("interval", s.Interval, time.Second, time.Minute)
	within("wait-most", s.WaitMost, time.Millisecond, 30*time.Second)
	within("refresh-absolute", s.RefreshAbsolute, time.Second, ages)
	within("refresh-idle", s.RefreshIdle, time.Second, s.RefreshAbsolute)
	within("browser-absolute", s.BrowserAbsolute, time.Second, ages)
	within("browser-idle", s.BrowserIdle, time.Second, s.BrowserAbsolute)
	// What was ended within a day is ended again after a failover of the tickets: so long its record must be there.
	within("retention", s.Retention, 24*time.Hour, ages)
	// When a client was last used is noted once a day.
	within("registration-unused", s.RegistrationUnused, 48*time.Hour, ages)
	return problems
}

// newLog writes to w, which is stderr, so that stdout carries nothing but what a command was asked for.
func newLog(s Settings, w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		return nil, fmt.Errorf("log-level %q: want debug, info, warn or error", s.LogLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	if s.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return slog.New(slog.NewTextHandler(w, options)), nil
}
