package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

const aLink = "https://login.example.test/signin/link?token=hush-hush"

func aMail(t *testing.T) Message {
	t.Helper()
	m, err := SignIn{
		Site: Site{Name: "Example", Host: "login.example.test"}, To: "alice@example.test", Link: aLink, Code: "BCDFGH",
		For: "to confirm handclasp on dev-box", From: "203.0.113.7", Asked: time.Now(), Life: 15 * time.Minute,
	}.Message()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newQueue(t *testing.T, o QueueOptions) *Queue {
	t.Helper()
	if o.From == "" {
		o.From = "Example <login@example.test>"
	}
	q, err := NewQueue(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = q.Close(ctx)
	})
	return q
}

// patience is for what happens at once, unless the machine is busy.
const patience = time.Minute

// drain closes the queue with time enough for two tries.
func drain(t *testing.T, q *Queue) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return q.Close(ctx)
}

func soon(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// settled waits until nothing is in the queue any more. A mail is counted as sent, or as failed, before it has left.
func settled(t *testing.T, q *Queue) Stats {
	t.Helper()
	soon(t, "the end of every mail", func() bool { return q.Stats().Queued == 0 })
	return q.Stats()
}

func TestMailArrivesEncryptedAndAuthenticated(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		t.Run(fmt.Sprintf("implicit=%v", implicit), func(t *testing.T) {
			s := serve(t, !implicit, implicit, nil)
			s.User, s.Password = "relay", "correct horse"
			q := newQueue(t, QueueOptions{SMTP: s.SMTP})
			if err := q.Send(t.Context(), aMail(t)); err != nil {
				t.Fatal(err)
			}
			if err := drain(t, q); err != nil {
				t.Fatal(err)
			}
			mails := s.all()
			if len(mails) != 1 {
				t.Fatalf("%d mails arrived", len(mails))
			}
			m := mails[0]
			if !m.encrypted || m.user != "relay" || m.from != "login@example.test" || m.to != "alice@example.test" {
				t.Errorf("encrypted %v, by %q, from %q, to %q", m.encrypted, m.user, m.from, m.to)
			}
			if got := q.Stats(); got != (Stats{Sent: 1}) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestServerWithoutEncryptionGetsNoMail(t *testing.T) {
	s := serve(t, false, false, nil)
	q := newQueue(t, QueueOptions{SMTP: s.SMTP})
	if err := q.Send(t.Context(), aMail(t)); err != nil {
		t.Fatal(err)
	}
	if err := drain(t, q); err == nil {
		t.Error("the loss is not told")
	}
	if len(s.all()) != 0 {
		t.Error("a mail went out in clear text")
	}
}

func TestSettingAllowsClearText(t *testing.T) {
	for _, way := range []string{NoTLS, Opportunistic} {
		s := serve(t, false, false, nil)
		s.TLS = way
		q := newQueue(t, QueueOptions{SMTP: s.SMTP})
		if err := errors.Join(q.Send(t.Context(), aMail(t)), drain(t, q)); err != nil {
			t.Errorf("%s: %v", way, err)
		}
		if len(s.all()) != 1 {
			t.Errorf("%s: no mail arrived", way)
		}
	}
}

func TestForeignCertificateGetsNoMail(t *testing.T) {
	s := serve(t, true, false, nil)
	_, s.Roots = newCertificate(t)
	q := newQueue(t, QueueOptions{SMTP: s.SMTP})
	if err := q.Send(t.Context(), aMail(t)); err != nil {
		t.Fatal(err)
	}
	if err := drain(t, q); err == nil || len(s.all()) != 0 {
		t.Errorf("%d mails went to somebody who is not the server (%v)", len(s.all()), err)
	}
}

func TestGreylistedMailIsSentAgainAsTheSameMail(t *testing.T) {
	s := serve(t, true, false, func(try int) error {
		if try == 0 {
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "<alice@example.test>: greylisted, see https://filter.example.test"}
		}
		return nil
	})
	var log lockedBuffer
	q := newQueue(t, QueueOptions{SMTP: s.SMTP, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err := q.Send(t.Context(), aMail(t)); err != nil {
		t.Fatal(err)
	}
	if got := settled(t, q); got != (Stats{Sent: 1, Retried: 1}) || len(s.all()) != 1 {
		t.Errorf("%+v, %d arrived", got, len(s.all()))
	}
	for _, secret := range []string{"alice@", "hush", "BCD", "https://"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q: %s", secret, log.String())
		}
	}
	if !strings.Contains(log.String(), "greylisted") || !strings.Contains(log.String(), "a…@example.test") {
		t.Errorf("the log does not help: %s", log.String())
	}
}

func TestRefusalForGoodIsNotTriedAgain(t *testing.T) {
	s := serve(t, true, false, func(int) error {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	})
	q := newQueue(t, QueueOptions{SMTP: s.SMTP})
	if err := q.Send(t.Context(), aMail(t)); err != nil {
		t.Fatal(err)
	}
	if got, tries := settled(t, q), s.asked(); got != (Stats{Failed: 1}) || tries != 1 {
		t.Errorf("%+v after %d tries", got, tries)
	}
}

func TestMailIsGivenUpWhenItsLinkHasEnded(t *testing.T) {
	s := serve(t, true, false, func(int) error { return &smtp.SMTPError{Code: 451, Message: "later"} })
	q := newQueue(t, QueueOptions{SMTP: s.SMTP})
	m := aMail(t)
	m.Deadline = time.Now().Add(500 * time.Millisecond)
	if err := q.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := settled(t, q); got != (Stats{Failed: 1}) {
		t.Errorf("it would be tried when nobody can use it: %+v", got)
	}
}

// hang accepts connections and says nothing, ever.
func hang(t *testing.T) SMTP {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		done.Wait()
	})
	return SMTP{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port}
}

func TestHangingServerHoldsNobodyUp(t *testing.T) {
	q := newQueue(t, QueueOptions{SMTP: hang(t), Timeout: 2 * patience, Workers: 2, Capacity: 5})
	began := time.Now()
	for i := range 8 {
		err := q.Send(t.Context(), aMail(t))
		if i < 5 && err != nil || i >= 5 && !errors.Is(err, ErrFull) {
			t.Fatalf("mail %d: %v", i, err)
		}
	}
	if took := time.Since(began); took > patience { // to wait for the network once takes twice as long
		t.Errorf("Send waited %s for the network", took)
	}
}

func TestHangingServerIsGivenUpAndTriedAgain(t *testing.T) {
	q := newQueue(t, QueueOptions{SMTP: hang(t), Timeout: 200 * time.Millisecond, Workers: 2})
	for range 5 {
		if err := q.Send(t.Context(), aMail(t)); err != nil {
			t.Fatal(err)
		}
	}
	soon(t, "the timeouts", func() bool { return q.Stats().Retried >= 5 })
}

func TestStopDoesNotWaitForAHangingServer(t *testing.T) {
	q := newQueue(t, QueueOptions{SMTP: hang(t), Timeout: 2 * patience, Workers: 1})
	for range 3 {
		if err := q.Send(t.Context(), aMail(t)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := q.Close(ctx)
	if err == nil || !strings.Contains(err.Error(), "3 mails") {
		t.Errorf("want the three lost mails told, got %v", err)
	}
	if took := time.Since(began); took > patience {
		t.Errorf("stopping took %s", took)
	}
	if err := q.Send(t.Context(), aMail(t)); !errors.Is(err, ErrClosed) {
		t.Errorf("want ErrClosed, got %v", err)
	}
}

func TestStopSendsWhatWaits(t *testing.T) {
	s := serve(t, true, false, func(try int) error {
		if try < 10 {
			return &smtp.SMTPError{Code: 421, Message: "busy"}
		}
		return nil
	})
	q := newQueue(t, QueueOptions{SMTP: s.SMTP})
	for range 10 {
		if err := q.Send(t.Context(), aMail(t)); err != nil {
			t.Fatal(err)
		}
	}
	soon(t, "the first tries", func() bool { return q.Stats().Retried == 10 })
	if err := drain(t, q); err != nil {
		t.Error(err)
	}
	if n := len(s.all()); n != 10 {
		t.Errorf("%d mails arrived", n)
	}
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
