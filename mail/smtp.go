package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// The ways in which a connection is kept from being read.
const (
	StartTLS      = "starttls"      // mandatory: a server that does not offer it gets no mail; the default
	ImplicitTLS   = "implicit"      // encrypted from the first byte
	Opportunistic = "opportunistic" // encrypted if the server offers it, which whoever sits between can prevent
	NoTLS         = "none"          // clear text
)

// SMTP is a server that takes our mails. Its zero value is none.
type SMTP struct {
	Host     string
	Port     int
	User     string
	Password string
	TLS      string         // one of the four, StartTLS if empty
	Roots    *x509.CertPool // whom to believe; the system's if nil
}

// errSMTP tells the form and never what was given, since that may hold a password.
var errSMTP = errors.New("want smtp://user:password@host:587 with ?tls=starttls, implicit, opportunistic or none, or smtps://…; " +
	"other signs than letters and digits in the password are percent-encoded")

// ParseSMTP reads the address of a server: smtp://user:password@host:587?tls=starttls, or smtps://user:password@host:465.
// No error of it tells the password.
func ParseSMTP(address string) (SMTP, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return SMTP{}, fmt.Errorf("read the SMTP server: %w", errSMTP)
	}
	s := SMTP{Host: u.Hostname(), User: u.User.Username(), TLS: StartTLS, Port: 587}
	s.Password, _ = u.User.Password()
	switch u.Scheme {
	case "smtp":
	case "smtps":
		s.TLS, s.Port = ImplicitTLS, 465
	default:
		return SMTP{}, fmt.Errorf("read the SMTP server: %w", errSMTP)
	}
	for name, values := range u.Query() {
		known := name == "tls" && len(values) == 1 &&
			slices.Contains([]string{StartTLS, ImplicitTLS, Opportunistic, NoTLS}, values[0])
		if !known || u.Scheme == "smtps" && values[0] != ImplicitTLS {
			return SMTP{}, fmt.Errorf("read the SMTP server: %w", errSMTP)
		}
		s.TLS = values[0]
	}
	if text := u.Port(); text != "" {
		if s.Port, err = strconv.Atoi(text); err != nil || s.Port < 1 || s.Port > 65535 {
			return SMTP{}, fmt.Errorf("read the SMTP server: %w", errSMTP)
		}
	} else if s.TLS == ImplicitTLS {
		s.Port = 465
	}
	return s, nil
}

// transmit hands one mail over. It ends at the latest when ctx does, whatever the server does or does not do.
func (s SMTP) transmit(ctx context.Context, e envelope, from *netmail.Address, timeout time.Duration) error {
	m, err := e.compose(from)
	if err != nil {
		return err
	}
	line := &line{server: s, until: ctx}
	defer line.close()
	client, err := gomail.NewClient(s.Host, s.options(timeout, line.dial)...)
	if err != nil {
		return fmt.Errorf("prepare SMTP: %w", err)
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("connect to the SMTP server: %w", err)
	}
	err = client.SendWithSMTPClient(session, m)
	if m.IsDelivered() {
		// What goes wrong after the server said yes must not send it twice.
		_ = client.CloseWithSMTPClient(session)
		return nil
	}
	return err
}

// line is the connection of one try. It is ours to close: go-mail leaves it open when the greeting or the login fails,
// and does not look at a context once it is connected.
type line struct {
	server SMTP
	until  context.Context
	conn   net.Conn
	stop   func() bool
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := l.server.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.conn = conn
	l.stop = context.AfterFunc(l.until, func() { _ = conn.Close() })
	return conn, nil
}

func (l *line) close() {
	if l.conn != nil {
		l.stop()
		_ = l.conn.Close()
	}
}

func (s SMTP) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if s.TLS == ImplicitTLS {
		d := tls.Dialer{Config: s.tlsConfig()}
		return d.DialContext(ctx, network, address)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

func (s SMTP) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: s.Host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
}

func (s SMTP) options(timeout time.Duration, dial gomail.DialContextFunc) []gomail.Option {
	policy := gomail.TLSMandatory
	switch s.TLS {
	case Opportunistic, ImplicitTLS: // on an encrypted connection nobody offers STARTTLS, and go-mail sees that it is one
		policy = gomail.TLSOpportunistic
	case NoTLS:
		policy = gomail.NoTLS
	}
	options := []gomail.Option{
		gomail.WithPort(s.Port), gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(s.tlsConfig()),
		gomail.WithTimeout(timeout), gomail.WithDialContextFunc(dial),
	}
	if s.User != "" {
		options = append(options, gomail.WithUsername(s.User), gomail.WithPassword(s.Password),
			gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover)) // which never sends a password in clear text
	}
	return options
}

// permanent reports whether the server said that it will never take this mail, or the mail cannot be written.
func permanent(err error) bool {
	if errors.Is(err, ErrMessage) {
		return true
	}
	if sent, ok := errors.AsType[*gomail.SendError](err); ok {
		return sent.ErrorCode() >= 500
	}
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		return reply.Code >= 500
	}
	return false
}
