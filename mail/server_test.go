package mail

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := leftBehind(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// leftBehind looks for goroutines until there are none, or those that are there have had time enough to end: goleak by
// itself gives them less than half a second.
func leftBehind() error {
	end := time.Now().Add(patience)
	for {
		if err := goleak.Find(); err == nil || time.Now().After(end) {
			return err
		}
	}
}

// received is a mail as a server got it.
type received struct {
	from, to, user string
	data           []byte
	encrypted      bool
}

// mailServer is a real SMTP server on loopback.
type mailServer struct {
	SMTP // how to reach it

	mu    sync.Mutex
	mails []received
	tries int
	// answer decides about the try'th recipient; nil takes it.
	answer func(try int) error
}

func (s *mailServer) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries
}

func (s *mailServer) all() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.mails...)
}

// serve starts a server; offer says whether it offers STARTTLS, implicit whether it speaks TLS from the first byte.
func serve(t *testing.T, offer, implicit bool, answer func(try int) error) *mailServer {
	t.Helper()
	certificate, roots := newCertificate(t)
	s := &mailServer{answer: answer}
	server := smtp.NewServer(s)
	server.Domain = "mail.example.test"
	server.AllowInsecureAuth = true
	server.ErrorLog = quiet{}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	if offer {
		server.TLSConfig = config
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.SMTP = SMTP{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, TLS: StartTLS, Roots: roots}
	if implicit {
		listener = tls.NewListener(listener, config)
		s.TLS = ImplicitTLS
	}
	var done sync.WaitGroup
	done.Go(func() {
		if err := server.Serve(listener); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		_ = server.Close()
		done.Wait()
	})
	return s
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (s *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{server: s, conn: c}, nil
}

type session struct {
	server *mailServer
	conn   *smtp.Conn
	mail   received
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "correct horse" {
			return smtp.ErrAuthFailed
		}
		s.mail.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.mail.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.server.mu.Lock()
	try := s.server.tries
	s.server.tries++
	s.server.mu.Unlock()
	if s.server.answer != nil {
		if err := s.server.answer(try); err != nil {
			return err
		}
	}
	s.mail.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	var err error
	s.mail.data, err = io.ReadAll(r)
	_, s.mail.encrypted = s.conn.TLSConnectionState()
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.mails = append(s.server.mails, s.mail)
	return err
}

func (*session) Reset()        {}
func (*session) Logout() error { return nil }

// newCertificate makes a certificate for 127.0.0.1 and the pool that believes it.
func newCertificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
