// Command phone-app plays a mobile app that signs its person in by a link in a mail. The screen is a page, best seen in a
// window as narrow as a phone; this program is what a phone has around it: it serves the page under the address that the
// mailed link leads to, and carries the app's calls to the server, as a native app calls it without a browser's rules.
//
//	ISSUER=http://127.0.0.1:8080 CLIENT=pictures LISTEN=127.0.0.1:8443 go run .
package main

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"embed"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

//go:embed app
var app embed.FS

// calls are what the app may ask of the server, by the name that it has for them.
var calls = map[string]string{ //nolint:gosec // G101: paths, no credentials
	"/calls/magic-links": "/v1/magic-links",
	"/calls/token":       "/oauth/token",
	"/calls/userinfo":    "/oauth/userinfo",
	"/calls/revoke":      "/oauth/revoke",
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "phone-app:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	issuer, err := url.Parse(cmp.Or(os.Getenv("ISSUER"), "http://127.0.0.1:8080"))
	if err != nil || issuer.Host == "" {
		return fmt.Errorf("ISSUER %q: want the server's address, such as http://127.0.0.1:8080", os.Getenv("ISSUER"))
	}
	certificate, err := selfSigned()
	if err != nil {
		return err
	}
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", cmp.Or(os.Getenv("LISTEN"), "127.0.0.1:8443"))
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           routes(issuer, cmp.Or(os.Getenv("CLIENT"), "pictures")),
		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Printf("listening on https://%s\n", l.Addr())
	if err := server.ServeTLS(l, "", ""); ctx.Err() == nil {
		return err
	}
	return nil
}

// routes serves the app for whatever address it is opened by, and its calls.
func routes(issuer *url.URL, client string) http.Handler {
	files, _ := fs.Sub(app, "app") // embedded: it is there
	mux := http.NewServeMux()
	for name, path := range calls {
		mux.Handle("POST "+name, forward(issuer, path))
	}
	mux.Handle("GET /app/", http.StripPrefix("/app/", http.FileServerFS(files)))
	mux.HandleFunc("GET /client", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, client) })
	page := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		w.Header().Set("Referrer-Policy", "no-referrer") // the address may hold half of a link
		http.ServeFileFS(w, r, files, "index.html")
	}
	mux.HandleFunc("GET /{$}", page)
	mux.HandleFunc("GET /signin", page)
	return mux
}

// forward carries a call to one endpoint of the server, without what a browser adds.
func forward(issuer *url.URL, path string) http.Handler {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(issuer)
		r.Out.URL.Path, r.Out.URL.RawQuery = path, ""
		for name := range r.Out.Header {
			if name == "Cookie" || name == "Origin" || name == "Referer" || strings.HasPrefix(name, "Sec-") {
				r.Out.Header.Del(name)
			}
		}
	}}
}

// selfSigned is a certificate for this run: a link that leads into an app is https.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, DNSNames: []string{"localhost"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
