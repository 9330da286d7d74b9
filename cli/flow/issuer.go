package flow

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// ErrInsecure says that an address is neither https nor http on this very machine,
// or lies on another host than the server it should belong to.
var ErrInsecure = errors.New("not a safe address")

// ParseIssuer checks the address by which a person names a server and gives it in
// the one form that is compared, kept and sent: lower-case scheme and host, no slash
// at the end. Plain http is accepted only for this very machine.
func ParseIssuer(typed string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(typed))
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return "", fmt.Errorf("%q is not the address of a server: it should look like https://login.example.test", Clean(typed))
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q is not the address of a server: it has more than a host and a path", Clean(u.Redacted()))
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return "", fmt.Errorf("%s is %w: only https protects what is sent there", Clean(u.String()), ErrInsecure)
	}
	u.Host = strings.ToLower(u.Host)
	return strings.TrimRight(u.String(), "/"), nil
}

// belongs checks that an address which a server announces is on that server's own
// host and protected like it. A server that was taken over in part, or a proxy that
// rewrites answers, must not be able to send tokens or people elsewhere.
func belongs(issuer, address string) error {
	home, err := url.Parse(issuer)
	if err != nil {
		return err
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return fmt.Errorf("%q: %w", Clean(address), ErrInsecure)
	}
	if loopback(home.Hostname()) && loopback(u.Hostname()) && (u.Scheme == "http" || u.Scheme == "https") {
		return nil
	}
	if u.Scheme != "https" || hostPort(u) != hostPort(home) {
		return fmt.Errorf("%s: %w on %s", Clean(u.Redacted()), ErrInsecure, home.Host)
	}
	return nil
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// wellKnown is where the metadata of an issuer lies: the well-known part stands
// between host and path (RFC 8414 §3.1).
func wellKnown(issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return "", err
	}
	u.Path = "/.well-known/oauth-authorization-server" + u.Path
	return u.String(), nil
}
