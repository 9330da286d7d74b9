// Package outside fetches small JSON documents from the internet, from addresses that strangers name. It cannot be led to
// what lies behind our own doors: every connection is judged by the address that it goes to, after the name was resolved.
package outside

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The bounds of one document.
const (
	MostBytes = 5 << 10 // as draft-ietf-oauth-client-id-metadata-document §6.6 recommends
	patience  = 3 * time.Second
	headMost  = 8 << 10
)

// ErrRefused means that the address may not be asked, or leads to where nobody may be sent.
var ErrRefused = errors.New("this address is not asked")

// Options compose a fetcher.
type Options struct {
	// Hosts are the only ones that are asked; any if empty.
	Hosts []string
	// Roots and Dial are for tests, whose servers are on loopback: whose certificates are believed, and how an address is
	// reached. Nobody else sets them.
	Roots *x509.CertPool
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
}

// Document is what was fetched.
type Document struct {
	Body []byte
	Age  time.Duration // how long it may be kept, as its server says; zero if it says nothing
}

// Fetcher fetches documents. It is safe for any number of goroutines.
type Fetcher struct {
	hosts  []string
	client *http.Client
}

// New returns a fetcher.
func New(o Options) *Fetcher {
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: patience, ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
			return judge(network, address)
		}}).DialContext
	}
	transport := &http.Transport{
		DialContext:       dial, // no proxy: it would be the one to resolve names
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: headMost,
		TLSHandshakeTimeout: patience, ResponseHeaderTimeout: patience,
	}
	if o.Roots != nil {
		transport.TLSClientConfig = rooted(o.Roots)
	}
	return &Fetcher{hosts: o.Hosts, client: &http.Client{
		Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Check says whether an address has the form of those that are asked: https with a path and nothing else, on the port of
// https, without any of the spellings by which one address has two names. The error wraps ErrRefused.
func Check(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil, u.Scheme != "https", u.Host == "", u.Opaque != "":
		return fmt.Errorf("%w: want https://host/path", ErrRefused)
	case u.User != nil, u.RawQuery != "", u.ForceQuery, u.Fragment != "", strings.ContainsAny(address, "#?@\\%"):
		return fmt.Errorf("%w: want no user, query, fragment or escapes", ErrRefused)
	case u.Port() != "", strings.HasSuffix(u.Host, ":"):
		return fmt.Errorf("%w: want no port", ErrRefused)
	case u.Path == "" || strings.Contains(u.Path+"/", "/./") || strings.Contains(u.Path+"/", "/../"):
		return fmt.Errorf("%w: want a path, without dot segments", ErrRefused)
	case u.String() != address, strings.ToLower(u.Host) != u.Host:
		return fmt.Errorf("%w: want it in its plain spelling", ErrRefused)
	}
	return checkHost(u.Hostname())
}

// checkHost wants a name of the public DNS: numbers in any spelling are none, and neither are names without a dot.
func checkHost(host string) error {
	labels := strings.Split(host, ".")
	last := labels[len(labels)-1]
	if len(labels) < 2 || last == "" || strings.Trim(last, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || last[0] >= '0' && last[0] <= '9' {
		return fmt.Errorf("%w: want the name of a host on the internet", ErrRefused)
	}
	for _, inside := range []string{"localhost", "local", "internal", "lan", "home", "arpa", "onion"} {
		if last == inside {
			return fmt.Errorf("%w: want the name of a host on the internet", ErrRefused)
		}
	}
	return nil
}

// Get fetches a document. The error wraps ErrRefused if the address is none that is asked; anything else may be different
// at another time. It names nothing of what was found inside.
func (f *Fetcher) Get(ctx context.Context, address string) (Document, error) {
	if err := Check(address); err != nil {
		return Document{}, err
	}
	if !f.lists(address) {
		return Document{}, fmt.Errorf("%w: its host is not on the list", ErrRefused)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Document{}, fmt.Errorf("ask for a document: %w", err)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "handclasp")
	reply, err := f.client.Do(r)
	if err != nil {
		return Document{}, fmt.Errorf("ask for a document: %w", err)
	}
	defer reply.Body.Close() //nolint:errcheck // only read
	return read(reply)
}

func (f *Fetcher) lists(address string) bool {
	if len(f.hosts) == 0 {
		return true
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(address, "https://"), "/")
	for _, listed := range f.hosts {
		if strings.EqualFold(listed, host) {
			return true
		}
	}
	return false
}

func read(reply *http.Response) (Document, error) {
	kind, _, err := mime.ParseMediaType(reply.Header.Get("Content-Type"))
	switch {
	case reply.StatusCode != http.StatusOK:
		return Document{}, fmt.Errorf("the document's server answers %d", reply.StatusCode)
	case err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json"):
		return Document{}, errors.New("the document is not JSON")
	case reply.Header.Get("Content-Encoding") != "":
		return Document{}, errors.New("the document is encoded")
	}
	body, err := io.ReadAll(io.LimitReader(reply.Body, MostBytes+1))
	if err != nil {
		return Document{}, fmt.Errorf("read the document: %w", err)
	}
	if len(body) > MostBytes {
		return Document{}, errors.New("the document is too large")
	}
	return Document{Body: body, Age: age(reply.Header.Get("Cache-Control"))}, nil
}

// age reads max-age; whatever forbids to keep the document counts as nothing said, and the caller has a least time.
func age(control string) time.Duration {
	for part := range strings.SplitSeq(control, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(name, "max-age") {
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err == nil {
				return time.Duration(seconds) * time.Second
			}
		}
	}
	return 0
}

// judge looks at where a connection goes.
func judge(network, address string) error {
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%w: it is no TCP address", ErrRefused)
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil || at.Port() != 443 || !Public(at.Addr()) {
		return fmt.Errorf("%w: it leads to where nobody is sent", ErrRefused)
	}
	return nil
}
