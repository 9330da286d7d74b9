package outside_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/outside"
)

func TestAddressesThatAreNotAsked(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", "http://app.example.test/client", "https://app.example.test", "//app.example.test/client", "https:app.example.test/x",
		"https://ann@app.example.test/client", "https://app.example.test/client?x=1", "https://app.example.test/client?",
		"https://app.example.test/client#x", "https://app.example.test:8443/client", "https://app.example.test:443/client", "https://app.example.test:/client",
		"https://app.example.test/a/../client", "https://app.example.test/./client", "https://app.example.test/..", "https://app.example.test/a/%2e%2e/b",
		"https://127.0.0.1/client", "https://0x7f000001/client", "https://2130706433/client", "https://127.1/client", "https://0177.0.0.1/client",
		"https://[::1]/client", "https://[::ffff:127.0.0.1]/client", "https://[fe80::1%25eth0]/client", "https://localhost/client",
		"https://db/client", "https://db.internal/client", "https://printer.local/client", "https://app.localhost/client", "https://app.example.test./client",
		"https://APP.example.test/client", "https://app.example.test\\@evil.example.test/client", "https://app.example.test /client", "ftp://app.example.test/client",
	} {
		if err := outside.Check(address); !errors.Is(err, outside.ErrRefused) {
			t.Errorf("%q: %v", address, err)
		}
	}
	for _, address := range []string{"https://app.example.test/client", "https://app.example.test/", "https://a.b.example.test/x/y.json"} {
		if err := outside.Check(address); err != nil {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestOnlyServersOnTheInternetArePublic(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.9.9.9", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1",
		"192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:10.0.0.1", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1",
		"2001::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1",
	} {
		if outside.Public(netip.MustParseAddr(text)) {
			t.Errorf("%s is taken for public", text)
		}
	}
	if outside.Public(netip.Addr{}) || outside.Public(netip.MustParseAddr("2606:4700::1%eth0")) {
		t.Error("no address, or one with a zone, is taken for public")
	}
	for _, text := range []string{"8.8.8.8", "1.1.1.1", "168.63.129.17", "172.32.0.1", "192.0.1.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1"} {
		if !outside.Public(netip.MustParseAddr(text)) {
			t.Errorf("%s is not taken for public", text)
		}
	}
}

// Names are judged by what they resolve to at the moment of the connection: a name that was fine before, or has several
// addresses, is judged anew each time.
func TestANameThatLeadsInsideIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1:443", "10.0.0.1:443", "[::1]:443", "[::ffff:127.0.0.1]:443", "169.254.169.254:443", "8.8.8.8:80", "8.8.8.8:22"} {
		if err := outside.Judge("tcp4", address); !errors.Is(err, outside.ErrRefused) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := outside.Judge("tcp4", "8.8.8.8:443"); err != nil {
		t.Error(err)
	}
	// A real name that resolves to loopback, through the real dialer.
	_, err := outside.New(outside.Options{}).DialForTest(t.Context(), "tcp", "localhost:443")
	if !errors.Is(err, outside.ErrRefused) {
		t.Errorf("dialled localhost: %v", err)
	}
}

// site is a server on the internet, as far as the fetcher can tell.
func site(t *testing.T, answer http.HandlerFunc) (*outside.Fetcher, string) {
	t.Helper()
	s := httptest.NewTLSServer(answer)
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return outside.New(outside.Options{Roots: roots, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, s.Listener.Addr().String())
	}}), "https://example.com/client" // whom the certificate is for
}

func TestADocumentIsFetchedWithItsAge(t *testing.T) {
	t.Parallel()
	f, address := site(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != "" || r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("asked with %v", r.Header)
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=120")
		_, _ = w.Write([]byte(`{"client_id":"x"}`))
	})
	got, err := f.Get(t.Context(), address)
	if err != nil || string(got.Body) != `{"client_id":"x"}` || got.Age != 2*time.Minute {
		t.Errorf("got %s %v, %v", got.Body, got.Age, err)
	}
}

func TestWhatIsNoSmallDocumentIsRefused(t *testing.T) {
	t.Parallel()
	json := func(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/json") }
	for name, answer := range map[string]http.HandlerFunc{
		"a redirect inside": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
		},
		"a redirect to itself": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/client", http.StatusMovedPermanently)
		},
		"a page": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"a large one": func(w http.ResponseWriter, _ *http.Request) {
			json(w)
			_, _ = w.Write(bytes.Repeat([]byte(" "), outside.MostBytes+1))
		},
		"a bomb": func(w http.ResponseWriter, _ *http.Request) {
			json(w)
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write(bytes.Repeat([]byte(" "), 1<<20))
			_ = z.Close()
		},
		"a long header": func(w http.ResponseWriter, _ *http.Request) {
			json(w)
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		},
		"not there": func(w http.ResponseWriter, _ *http.Request) { json(w); w.WriteHeader(http.StatusNotFound) },
		"a slow one": func(w http.ResponseWriter, r *http.Request) {
			json(w)
			for r.Context().Err() == nil { // it never ends by itself, so that it is always too slow
				if _, err := w.Write([]byte(" ")); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				time.Sleep(100 * time.Millisecond)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, address := site(t, answer)
			if got, err := f.Get(t.Context(), address); err == nil {
				t.Errorf("got %d bytes", len(got.Body))
			}
		})
	}
}

func TestOnlyListedHostsAreAsked(t *testing.T) {
	t.Parallel()
	f := outside.New(outside.Options{Hosts: []string{"apps.example.test"}, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("dialled")
	}})
	if _, err := f.Get(t.Context(), "https://other.example.test/client"); !errors.Is(err, outside.ErrRefused) {
		t.Errorf("another host: %v", err)
	}
	if _, err := f.Get(t.Context(), "https://apps.example.test.evil.example.test/client"); !errors.Is(err, outside.ErrRefused) {
		t.Errorf("a longer host: %v", err)
	}
	if _, err := f.Get(t.Context(), "https://apps.example.test/client"); err == nil || !strings.Contains(err.Error(), "dialled") {
		t.Errorf("the listed host: %v", err)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("https://app.example.test/client")
	f.Add("https://[::ffff:127.0.0.1]/x")
	f.Add("https://0x7f.1/..")
	f.Fuzz(func(t *testing.T, address string) {
		if outside.Check(address) != nil {
			return
		}
		host, _, ok := strings.Cut(strings.TrimPrefix(address, "https://"), "/")
		if !ok || !strings.HasPrefix(address, "https://") || strings.ContainsAny(host, ":@[]%?# ") {
			t.Errorf("%q is taken", address)
		}
		if _, err := netip.ParseAddr(host); err == nil {
			t.Errorf("%q is taken, and is no name", address)
		}
	})
}

// Whatever a site answers, what comes of it is small, and kept for a time that can be reckoned with.
func FuzzAnswerOfASite(f *testing.F) {
	f.Add("200 OK\r\nContent-Type: application/json\r\nCache-Control: max-age=60\r\n\r\n{}")
	f.Add("200 OK\r\nContent-Type: application/json\r\nCache-Control: MAX-AGE=\"99999999999999999999\"\r\n\r\n{}")
	f.Add("200 OK\r\nContent-Type: a/b+json; x=\r\nContent-Length: 9\r\n\r\n{}")
	f.Add("302 Found\r\nLocation: /\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		reply, err := http.ReadResponse(bufio.NewReader(strings.NewReader("HTTP/1.1 "+text)), nil)
		if err != nil {
			return
		}
		defer reply.Body.Close()
		got, err := outside.Read(reply)
		if err != nil {
			return
		}
		if reply.StatusCode != http.StatusOK || len(got.Body) > outside.MostBytes || got.Age < 0 || got.Age > 1<<31*time.Second {
			t.Fatalf("%q is taken, as %d bytes for %v", text, len(got.Body), got.Age)
		}
	})
}
