// Package servertest starts whole servers for tests: the rooms composed as handclaspd composes them, on a real SQLite
// file in a temporary folder, with keys and an outbox of their own, behind a real listener. Beside the server stand those
// who use it: a Browser that reads pages and presses their buttons, and a Terminal that asks for codes and polls.
//
// Nothing here knows a short cut into a session: whoever is signed in has read a mail and pressed a button.
package servertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

// Options say how the server is to be. Zero values mean what handclaspd does when nothing is set.
type Options struct {
	// Issuer is the URL that the server goes by; the address on which it listens if empty. With an https issuer the
	// server speaks TLS. Every client of this package reaches the server under this name, wherever it listens.
	Issuer string
	Listen string // address to listen on; a free port of 127.0.0.1 if empty
	Dir    string // data folder; a temporary one if empty. Servers with one folder and one issuer are replicas
	Redis  string // URL of the Redis that keeps the tickets; they lie in SQLite if empty

	Signup         string  // "open" if empty
	LimitScale     float64 // multiplies every rate limit; 1 if zero
	TrustedProxies string
	SMTP           string        // where mails go, as in handclaspd --smtp; the outbox folder if empty
	Mailbox        func() []Mail // what the SMTP server took in, see ReadMail; the outbox folder if nil
	MailFrom       string
	Signer         string // "auto" if empty

	AccessLife      time.Duration
	RefreshIdle     time.Duration
	RefreshAbsolute time.Duration
	CodeLife        time.Duration
	Interval        time.Duration
	WaitMost        time.Duration
	HeldMost        int
	LinkLife        time.Duration
	BrowserIdle     time.Duration
	BrowserAbsolute time.Duration
	MostDevices     int // of one account; 20 if zero

	Registration oauth.RegistrationMode // off if empty
	Documents    oauth.Documents        // of clients that are known by one; off if nil
	SelfMade     oauth.SelfMade         // of clients that come by themselves; a thousand of them if it says nothing

	Strict bool // stores have no more time to answer than with handclaspd; see slack

	Clock      *Clock // shared by replicas; one of the server's own if nil
	Background bool   // run the sweeper and the watch over the keys, as serve does; otherwise only Sweep sweeps

	// Records and Tickets put something between the rooms and the keepers, such as a fault.
	Records func(store.Records) store.Records
	Tickets func(store.Tickets) store.Tickets
	// Transport puts something between the clients of this package and the network, such as a witness.
	Transport func(http.RoundTripper) http.RoundTripper
}

// Server is a running server and its insides.
type Server struct {
	House
	Issuer  string
	Address string // on which it listens
	Clock   *Clock
	Log     *Output // what it logged, at every level
	Events  *Output // its security events, one JSON line each

	options   Options
	http      *httptest.Server
	transport *http.Transport
	stop      context.CancelFunc
}

// Start starts a server that ends with the test. When the test has failed, the server's log is shown.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := start(t, o)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.Log)
		}
	})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the server: %v", err)
		}
	})
	if err != nil {
		t.Fatalf("start the server: %v", err)
	}
	return s
}

func start(t testing.TB, o Options) (*Server, error) {
	o.fill(t)
	s := &Server{options: o, Issuer: o.Issuer, Clock: o.Clock, Log: &Output{}, Events: &Output{}}
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", o.Listen)
	if err != nil {
		return s, fmt.Errorf("listen: %w", err)
	}
	s.Address = l.Addr().String()
	if s.Issuer == "" {
		s.Issuer = "http://" + s.Address
	}
	if err := s.compose(t.Context()); err != nil {
		return s, errors.Join(err, l.Close())
	}
	s.serve(l)
	if s.transport, err = s.newTransport(); err != nil {
		return s, err
	}
	background, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	s.stop = stop
	if o.Background {
		s.watch(background)
	}
	return s, nil
}

// Replica returns the options of another server beside this one, or after it: the same folder, issuer and clock. It
// listens on a port of its own.
func (s *Server) Replica() Options {
	o := s.options
	o.Issuer, o.Listen, o.Clock = s.Issuer, "", s.Clock
	return o
}

// slack is what a busy machine may take longer than handclaspd would wait, so that a test hears the answer that it is about.
func (o *Options) slack() time.Duration {
	if o.Strict {
		return 0
	}
	return 10 * time.Second
}

// serve bounds connections as handclaspd does.
func (s *Server) serve(l net.Listener) {
	slack := s.options.slack()
	s.http = &httptest.Server{Listener: l, Config: &http.Server{
		Handler: s.HTTP.Handler(), ErrorLog: s.errorLog(), IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ReadHeaderTimeout: 5*time.Second + slack, ReadTimeout: 10*time.Second + slack, WriteTimeout: 15*time.Second + slack,
	}}
	if s.secure() {
		s.http.StartTLS()
		return
	}
	s.http.Start()
}

func (s *Server) secure() bool {
	issuer, err := url.Parse(s.Issuer)
	return err == nil && issuer.Scheme == "https"
}

// Close stops the server as SIGTERM does: held polls are answered, requests and mails finish. It may be called before the
// test ends, to start another server on the same folder.
func (s *Server) Close() error {
	if s.OAuth != nil {
		s.OAuth.Close()
	}
	if s.transport != nil {
		s.transport.CloseIdleConnections()
	}
	if s.http != nil {
		s.http.Close()
	}
	if s.stop != nil {
		s.stop()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return s.close(ctx)
}

func (o *Options) fill(t testing.TB) {
	text := func(at *string, value string) {
		if *at == "" {
			*at = value
		}
	}
	life := func(at *time.Duration, value time.Duration) {
		if *at == 0 {
			*at = value
		}
	}
	text(&o.Listen, "127.0.0.1:0")
	text(&o.Signup, "open")
	text(&o.MailFrom, "Handclasp <login@example.test>")
	text(&o.Signer, "auto")
	life(&o.AccessLife, 15*time.Minute)
	life(&o.RefreshIdle, 30*24*time.Hour)
	life(&o.RefreshAbsolute, 90*24*time.Hour)
	life(&o.CodeLife, 10*time.Minute)
	life(&o.Interval, 5*time.Second)
	life(&o.WaitMost, 30*time.Second)
	life(&o.LinkLife, 15*time.Minute)
	life(&o.BrowserIdle, 30*time.Minute)
	life(&o.BrowserAbsolute, 8*time.Hour)
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.LimitScale == 0 {
		o.LimitScale = 1
	}
	if o.HeldMost == 0 {
		o.HeldMost = 10_000
	}
	if o.SelfMade.Most == 0 {
		o.SelfMade.Most = 1000
	}
	if o.MostDevices == 0 {
		o.MostDevices = 20
	}
	if o.Clock == nil {
		o.Clock = &Clock{}
	}
}
