// Command go-resource-server is an API that takes the access tokens of a Handclasp server. Package verify does all of the
// work; what is here is an API.
//
//	ISSUER=https://login.example.test AUDIENCE=https://api.example.test LISTEN=127.0.0.1:8081 go run .
//
// URL is where clients find it, for those that prove a key of theirs; the audience's if it is not set.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/handclasp/handclasp/verify"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "go-resource-server:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	v, err := verify.New(verify.Options{
		Issuer: os.Getenv("ISSUER"), Audience: os.Getenv("AUDIENCE"), DPoP: true, URL: os.Getenv("URL"),
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", cmp.Or(os.Getenv("LISTEN"), "127.0.0.1:8081"))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: routes(v), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Printf("listening on http://%s\n", l.Addr())
	if err := server.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}

// routes has one route for whoever is signed in, and one for whoever may deploy.
func routes(v *verify.Verifier) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /me", v.Require()(http.HandlerFunc(me)))
	mux.Handle("POST /deploy", v.Require("deploy:write")(http.HandlerFunc(me)))
	return mux
}

// me says who is asking. A real API would do something for them.
func me(w http.ResponseWriter, r *http.Request) {
	token, _ := verify.FromContext(r.Context())
	w.Header().Set("Content-Type", "application/json")
	// The client may be gone; there is nobody else to tell.
	_ = json.NewEncoder(w).Encode(map[string]string{"subject": token.Subject, "client": token.ClientID})
}
