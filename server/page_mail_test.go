package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/handclasp/handclasp/server/servertest"
)

func TestFourthMailInARowStaysAwaySilently(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		s.Clock.Hold() // the page counts the seconds until the button wakes that asks again
		var said []string
		for range 5 {
			said = append(said, asked(t, s, mara))
		}
		for i, page := range said {
			if page != said[0] {
				t.Errorf("answer %d differs from the first:\n%s\n%s", i+1, page, said[0])
			}
		}
		if n := mailsTo(t, s, mara); n != 3 {
			t.Errorf("%d mails went out", n)
		}
	})
}

func TestNetworkThatBombsIsToldToWait(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{TrustedProxies: "127.0.0.1"})
	bomber, neighbour := s.Browser(t), s.Browser(t)
	bomber.Address, neighbour.Address = "2001:db8:1:2::1", "2001:db8:1:3::1"
	passed := 0
	for i := range 60 { // an hour of it, with a new address each minute
		bomber.Address = fmt.Sprintf("2001:db8:1:2::%x", i)
		page := bomber.Open("/signin").Press("Send me a link", "email", fmt.Sprintf("somebody%d@example.test", i))
		switch page.Status {
		case http.StatusOK:
			passed++
		case http.StatusTooManyRequests:
			wantPage(t, page, http.StatusTooManyRequests, "Too many tries", "Try again in")
		default:
			t.Fatalf("%d %s", page.Status, page.Text())
		}
		s.Clock.Advance(time.Minute)
	}
	if passed < 9 || passed > 10 {
		t.Errorf("%d of 60 passed", passed)
	}
	wantPage(t, neighbour.Open("/signin").Press("Send me a link", "email", mara), http.StatusOK, "Check your mail")
}

// Whoever knows the address of a person must not be able to keep that person out.
func TestStrangersCannotKeepAPersonOut(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{TrustedProxies: "127.0.0.1"})
	own := s.Browser(t)
	own.Address = "192.0.2.1"
	own.SignIn(mara)
	own.Open("/account").Press("Sign out of this browser")
	before := mailsTo(t, s, mara)
	bomber := s.Browser(t)
	for i := range 100 { // from everywhere, and from next door
		bomber.Address = fmt.Sprintf("198.51.100.%d", i)
		if i%10 == 0 {
			bomber.Address = own.Address
		}
		bomber.Open("/signin").Press("Send me a link", "email", mara)
	}
	if n := mailsTo(t, s, mara) - before; n > 6 {
		t.Errorf("the bomber had %d mails sent", n)
	}
	wantPage(t, own.SignIn(mara), http.StatusOK, "Signed in as "+mara)

	// The mark of another person's browser, or a made one, is worth nothing for this address.
	other := s.Browser(t)
	other.Address = "203.0.113.1"
	other.SignIn(omar)
	other.Open("/account").Press("Sign out of this browser")
	before = mailsTo(t, s, mara)
	other.Open("/signin").Press("Send me a link", "email", mara)
	if n := mailsTo(t, s, mara) - before; n != 0 {
		t.Error("another person's browser counts as known")
	}
}

func TestMailServerThatHangsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{"hanging": hangingServer(t), "down": unusedAddress(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := servertest.Start(t, servertest.Options{SMTP: "smtp://" + address + "?tls=none", LimitScale: 100})
			for range 12 { // more than there are workers
				b := s.Browser(t)
				form := b.Open("/signin")
				began := time.Now()
				wantPage(t, form.Press("Send me a link", "email", mara), http.StatusOK, "Check your mail", mara)
				if took := time.Since(began); took > 10*time.Second { // a try at that server takes longer
					t.Fatalf("the page came after %s", took)
				}
			}
			stopped := make(chan struct{})
			go func() { // Close fails, since mails are lost; it must not hang
				defer close(stopped)
				_ = s.Queue.Close(canceled())
			}()
			select {
			case <-stopped:
			case <-time.After(10 * time.Second):
				t.Error("the queue does not end")
			}
		})
	}
}

// hangingServer is a server that takes connections and says nothing.
func hangingServer(t *testing.T) string {
	t.Helper()
	l := onLoopback(t)
	var mu sync.Mutex
	var open []net.Conn
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range open {
			_ = conn.Close()
		}
	})
	return l.Addr().String()
}

// unusedAddress is an address at which nobody listens.
func unusedAddress(t *testing.T) string {
	t.Helper()
	l := onLoopback(t)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func onLoopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestWholeLoginByRealMail(t *testing.T) {
	t.Parallel()
	post := &postOffice{}
	server := smtp.NewServer(post)
	server.Domain, server.AllowInsecureAuth = "mail.example.test", true
	l := onLoopback(t)
	go func() { _ = server.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	s := servertest.Start(t, servertest.Options{
		SMTP: "smtp://" + l.Addr().String() + "?tls=none", Mailbox: post.all, MailFrom: "Example <login@example.test>",
	})
	b, terminal := s.Browser(t), s.Terminal(t)
	b.SignIn(mara)
	terminal.LogIn(b)
	notice := s.WaitForMail(t, func(m servertest.Mail) bool { return strings.HasPrefix(m.Subject, "New device") })
	wantPage(t, b.Open(notice.Link).Press("End this session"), http.StatusOK, "has ended")
	mails := post.all()
	if len(mails) != 2 || mails[0].Subject != "Sign in to Handclasp" {
		t.Fatalf("%d mails, the first %q", len(mails), mails[0].Subject)
	}
	for _, m := range mails {
		if m.Header.Get("From") != `"Example" <login@example.test>` || m.To != mara {
			t.Errorf("%s: from %s to %s", m.Subject, m.Header.Get("From"), m.To)
		}
		for _, name := range []string{"Message-Id", "Date", "Auto-Submitted", "Mime-Version"} {
			if m.Header.Get(name) == "" {
				t.Errorf("%s: no %s", m.Subject, name)
			}
		}
		if !strings.Contains(m.Text, m.Link) || !strings.Contains(m.HTML, m.Link[strings.Index(m.Link, "?t=")+3:]) {
			t.Errorf("%s: a part lacks the link", m.Subject)
		}
		if strings.Contains(m.Subject, m.Code) && m.Code != "" {
			t.Errorf("the subject tells the code: %s", m.Subject)
		}
		if strings.Contains(m.HTML, "<img") || strings.Contains(m.HTML, "<script") {
			t.Errorf("%s: it fetches something", m.Subject)
		}
	}
	if post.from() != "login@example.test" {
		t.Errorf("the envelope is from %q", post.from())
	}
}

// postOffice is a real SMTP server's mailbox.
type postOffice struct {
	mu     sync.Mutex
	mails  []servertest.Mail
	sender string
}

func (p *postOffice) all() []servertest.Mail {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]servertest.Mail(nil), p.mails...)
}

func (p *postOffice) from() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sender
}

// NewSession is one connection.
func (p *postOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return &delivery{office: p}, nil }

type delivery struct {
	office *postOffice
	from   string
}

// Mail notes who sends.
func (d *delivery) Mail(from string, _ *smtp.MailOptions) error { d.from = from; return nil }

// Rcpt takes everybody.
func (*delivery) Rcpt(string, *smtp.RcptOptions) error { return nil }

// Data reads the mail as its reader would.
func (d *delivery) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := servertest.ReadMail(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	d.office.mu.Lock()
	defer d.office.mu.Unlock()
	d.office.mails, d.office.sender = append(d.office.mails, m), d.from
	return nil
}

// Reset forgets nothing that matters here.
func (*delivery) Reset() {}

// Logout ends the connection.
func (*delivery) Logout() error { return nil }
