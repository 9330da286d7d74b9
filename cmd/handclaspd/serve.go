package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/sessions"
)

// shutdownTime is how long requests, mails and events may take to finish after SIGTERM.
const shutdownTime = 20 * time.Second

func serveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Serve until SIGTERM", Args: words(), Annotations: settings(every),
		Example: "  handclaspd serve\n" +
			"  handclaspd serve --issuer https://login.example.test --tls-cert cert.pem --tls-key key.pem \\\n" +
			"    --smtp smtp://smtp.example.test:587 --mail-from login@example.test --signup domains:example.test",
		RunE: a.run(func(ctx context.Context, _ []string) error { return a.serve(ctx) }),
	}
}

// serve opens the listeners first, so that a port that is taken is heard of before anything is made.
func (a *app) serve(ctx context.Context) error {
	if os.Getenv("GOGC") == "" {
		// A request leaves some kilobytes of garbage beside a few megabytes that stay. Collecting at a third of the usual
		// rate costs memory under load only, and makes each request cheaper.
		debug.SetGCPercent(300)
	}
	s := a.settings
	if err := s.check(); err != nil {
		return hint(usage{err}, "handclaspd help serve")
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Listen)
	if err != nil {
		return hint(err, "handclaspd serve --listen 127.0.0.1:8081")
	}
	defer listener.Close() //nolint:errcheck // the server closes it before; this is for the ways out in between
	ops, err := listenOps(ctx, s.OpsListen)
	if err != nil {
		return err
	}
	if ops != nil {
		defer ops.Close() //nolint:errcheck // as above
	}
	p, err := compose(ctx, s, a.log, a.err)
	defer p.close()
	if err != nil {
		return err
	}
	a.log.InfoContext(ctx, "serving", "issuer", s.Issuer, "listen", listener.Addr().String(), "ops", s.OpsListen,
		"signer", p.house.keys.Backend(), "tickets", s.ticketsName(), "version", version())
	a.greet()
	return p.run(ctx, listener, ops)
}

func listenOps(ctx context.Context, address string) (net.Listener, error) {
	if address == "none" || address == "" {
		return nil, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, hint(err, "handclaspd serve --ops-listen 127.0.0.1:9091, or none")
	}
	return l, nil
}

// run serves until ctx ends, then lets everything finish.
func (p *program) run(ctx context.Context, listener, ops net.Listener) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go p.house.keys.Watch(background)
	go sessions.NewSweeper(p.house.sessions).Run(background)
	go p.provider.NewHerald(p.house.db).Run(background)

	public := httpServer(p.server.Handler(), p.house.log)
	public.TLSConfig = p.tls
	failed := make(chan error, 2)
	go func() { failed <- serveOn(public, listener, p.tls != nil) }()
	private := httpServer(p.server.Ops(), p.house.log)
	if ops != nil {
		go func() { failed <- serveOn(private, ops, false) }()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	p.house.log.InfoContext(ctx, "stopping")
	p.provider.Close() // held polls are answered now
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	return errors.Join(public.Shutdown(finish), private.Shutdown(finish), p.queue.Close(finish))
}

func serveOn(s *http.Server, l net.Listener, tls bool) error {
	var err error
	if tls {
		err = s.ServeTLS(l, "", "")
	} else {
		err = s.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve on %s: %w", l.Addr(), err)
}

// httpServer bounds every phase of a connection; a held poll moves its own deadlines.
func httpServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 15 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
	}
}
