package server_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// process is a real handclaspd that is killed and started again on the same folder and port.
type process struct {
	t       *testing.T
	program string
	data    string
	listen  string
	running *exec.Cmd
}

func newProcess(t *testing.T) *process {
	t.Helper()
	p := &process{t: t, program: filepath.Join(t.TempDir(), "handclaspd"), data: t.TempDir()}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", p.program, "../cmd/handclaspd")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build handclaspd: %v\n%s", err, text)
	}
	p.listen = quietAddress(t)
	t.Cleanup(p.kill)
	return p
}

// quietAddress is a free port that the system gives to nobody who asks for any, as it does with those above 32767: the process is
// away for moments, and finds its port again.
func quietAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		if err != nil {
			continue // somebody has it
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
	t.Fatal("no port is free")
	return ""
}

func (p *process) start() {
	p.t.Helper()
	p.running = exec.CommandContext(p.t.Context(), p.program, "serve", "--listen", p.listen, "--data", p.data, "--ops-listen", "none", "--limit-scale", "1000")
	var log strings.Builder
	p.running.Stderr, p.running.Stdout = &log, &log
	if err := p.running.Start(); err != nil {
		p.t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		conn, err := new(net.Dialer).DialContext(p.t.Context(), "tcp", p.listen)
		if err == nil {
			_ = conn.Close()
			return
		}
	}
	p.kill()
	p.t.Fatalf("handclaspd did not start:\n%s", log.String())
}

// kill is kill -9.
func (p *process) kill() {
	if p.running != nil {
		_ = p.running.Process.Kill()
		_ = p.running.Wait() // says that it was killed
		p.running = nil
	}
}

func TestServerKilledWhileAPersonApproves(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	issuer := "http://" + p.listen
	s := servertest.Attach(t, issuer, p.data)
	p.start()
	mara := apiPerson(t, s, "mara") // whose cookie must outlive every kill
	for _, moment := range []time.Duration{0, 300, 700, 1200, 2000, 3500, 6000, 12_000} {
		d := s.Terminal(t)
		asked := d.Ask()
		question := mara.EnterCode(asked.UserCode)
		held := holdRaw(t, s, d, asked)
		time.Sleep(20 * time.Millisecond) // the poll has come to rest
		pressed := pressRaw(t, mara, question)
		time.Sleep(moment * time.Microsecond)
		p.kill()
		<-pressed
		before := <-held
		s.Client().CloseIdleConnections()
		p.start()
		checkAfterKill(t, d, mara, asked, question, before)
	}
	p.kill()

	// The same folder, opened by us, twelve minutes later.
	later := servertest.Start(t, servertest.Options{Issuer: issuer, Dir: p.data})
	later.Clock.Advance(12 * time.Minute)
	if err := later.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := later.Records.SessionsOfClient(t.Context(), server.BuiltInClient, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 {
		t.Error("nobody is signed in")
	}
	for _, row := range rows {
		pulses, err := later.Tickets.Pulses(t.Context(), row.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !row.Live() || pulses[0].State != store.StateLive {
			t.Errorf("a half session is left: %+v, its ticket is %s", row, pulses[0].State)
		}
		if device, err := later.Records.Device(t.Context(), row.DeviceID); err != nil || device.OwnerID != row.UserID {
			t.Errorf("the device of a session belongs to %q: %v", device.OwnerID, err)
		}
	}
}

// checkAfterKill: whatever was cut off, either the tokens are there and good, or the login can be finished or begun again.
func checkAfterKill(t *testing.T, d *servertest.Terminal, mara *servertest.Browser, asked servertest.Asked, question *servertest.Page, before servertest.Reply) {
	t.Helper()
	reply := before
	if before.Status == 0 {
		reply = d.Poll(asked)
	}
	switch reply.Error() {
	case "":
	case oauth.CodeAuthorizationPending, oauth.CodeSlowDown:
		question.Press("Approve")
		reply = d.Poll(asked)
	case oauth.CodeInvalidGrant: // redeemed, and the answer was lost
		asked = d.Ask()
		mara.Approve(asked.UserCode)
		reply = d.Poll(asked)
	}
	if reply.Status != http.StatusOK {
		t.Fatalf("after the kill: %d %s", reply.Status, reply.Body)
	}
	tokens := reply.Tokens(t)
	tokens = d.Refresh(tokens.RefreshToken).Tokens(t)
	if me := d.Call(http.MethodGet, "/v1/me", tokens.AccessToken); me.Status != http.StatusOK {
		t.Errorf("the tokens are worth nothing: %d %s", me.Status, me.Body)
	}
	if again := d.Poll(asked); again.Error() != oauth.CodeInvalidGrant {
		t.Errorf("the code gives more than once: %d %s", again.Status, again.Body)
	}
}

// holdRaw polls and waits. The reply is empty if the connection was cut.
func holdRaw(t *testing.T, s *servertest.Server, d *servertest.Terminal, asked servertest.Asked) <-chan servertest.Reply {
	t.Helper()
	form := apiForm("grant_type", oauth.GrantDevice, "client_id", d.ClientID, "device_code", asked.DeviceCode, "device_fingerprint", d.Fingerprint)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Issuer+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Prefer", "wait=20")
	return sendRaw(s.Client(), r)
}

func pressRaw(t *testing.T, b *servertest.Browser, question *servertest.Page) <-chan servertest.Reply {
	t.Helper()
	action, form := question.Form("Approve")
	r := b.Request(http.MethodPost, action, form)
	r.Header.Set("Origin", "http://"+r.URL.Host)
	return sendRaw(b.Client, r)
}

func sendRaw(c *http.Client, r *http.Request) <-chan servertest.Reply {
	reply := make(chan servertest.Reply, 1)
	go func() {
		answer, err := c.Do(r)
		if err != nil {
			reply <- servertest.Reply{}
			return
		}
		body, err := io.ReadAll(answer.Body)
		if errors.Join(err, answer.Body.Close()) != nil {
			reply <- servertest.Reply{}
			return
		}
		reply <- servertest.Reply{Status: answer.StatusCode, Header: answer.Header, Body: body}
	}()
	return reply
}
