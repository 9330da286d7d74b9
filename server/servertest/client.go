package servertest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// Client returns an HTTP client that reaches this server, and nothing else, under its issuer's name. It follows no
// redirects and keeps no cookies.
func (s *Server) Client() *http.Client {
	var transport http.RoundTripper = s.transport
	if s.options.Transport != nil {
		transport = s.options.Transport(transport)
	}
	return &http.Client{
		Transport: transport, Timeout: 45 * time.Second, // longer than any poll is held
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s *Server) newTransport() (*http.Transport, error) {
	issuer, err := url.Parse(s.Issuer)
	if err != nil {
		return nil, err
	}
	host := issuer.Host
	if issuer.Port() == "" {
		host = net.JoinHostPort(issuer.Hostname(), map[string]string{"http": "80", "https": "443"}[issuer.Scheme])
	}
	t := &http.Transport{
		MaxIdleConnsPerHost: 1000,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != host {
				return nil, fmt.Errorf("%s is not the server under test", address)
			}
			var d net.Dialer
			return d.DialContext(ctx, network, s.Address)
		},
	}
	if s.http != nil && s.http.Certificate() != nil {
		certificate := s.http.Certificate()
		roots := x509.NewCertPool()
		roots.AddCert(certificate)
		t.TLSClientConfig = &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12}
	}
	return t, nil
}

// Reply is a whole answer.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// send sends a request and reads its answer to the end.
func send(t testing.TB, c *http.Client, r *http.Request) Reply {
	t.Helper()
	answer, err := c.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer answer.Body.Close() //nolint:errcheck // it is read to the end
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %s: read the answer: %v", r.Method, r.URL.Path, err)
	}
	return Reply{answer.StatusCode, answer.Header, body}
}

// Text is a member of the answer's JSON object if it is a text; otherwise it is empty.
func (r Reply) Text(member string) string {
	var object map[string]any
	if json.Unmarshal(r.Body, &object) != nil {
		return ""
	}
	text, _ := object[member].(string)
	return text
}

// Error is the OAuth error code of the answer, empty if it is none.
func (r Reply) Error() string { return r.Text("error") }

// Decode reads the answer's JSON, or fails the test.
func (r Reply) Decode(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal(r.Body, into); err != nil {
		t.Fatalf("answer %d %q is not the JSON that was expected: %v", r.Status, r.Body, err)
	}
}
