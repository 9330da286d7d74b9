package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis/redistest"
	"github.com/handclasp/handclasp/store/sql"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"handclaspd": main})
}

// TestScripts runs the scripts of testdata, each with the real program in a folder of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HANDCLASPD_LISTEN", freeAddress(t))
			env.Setenv("HANDCLASPD_OPS_LISTEN", freeAddress(t))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "person": person, "signed-in": signedIn, "wait-ready": waitReady, "mailbox": mailbox,
			"remember": remember, "fake-event": fakeEvent, "wait-for": waitFor, "by-itself": byItself,
			"redis": func(ts *testscript.TestScript, _ bool, _ []string) { ts.Setenv("REDIS", redistest.Start(t)) },
		},
	})
}

// patience is for what happens at once, unless the machine is busy.
const patience = time.Minute

// The ports below those that the system gives to whoever asks for any: these it may give away before a script's server
// has come to listen there.
const firstPort, lastPort = 20000, 32000

var nextPort atomic.Int64

func init() { nextPort.Store(rand.Int64N(lastPort - firstPort)) }

// freeAddress is one that nobody listens on now, and that no other script is given.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range lastPort - firstPort {
		port := firstPort + nextPort.Add(1)%(lastPort-firstPort)
		address := net.JoinHostPort("127.0.0.1", strconv.FormatInt(port, 10))
		if l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// exits runs a program whose exit code is the first argument.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if failed, ok := err.(interface{ ExitCode() int }); ok {
		code = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// database opens the script's own. The scripts' programs may have it open too.
func database(ts *testscript.TestScript) *sql.DB {
	folder := ts.MkAbs("data")
	ts.Check(os.MkdirAll(folder, 0o700))
	db, err := sql.Open(context.Background(), sql.Options{Path: filepath.Join(folder, "handclasp.db"), Log: slog.New(slog.DiscardHandler)})
	ts.Check(err)
	_, err = db.Migrate(context.Background())
	ts.Check(err)
	return db
}

// person makes a user with one session: person <address> <client>. Its session is $SESSION, its id $USER.
func person(ts *testscript.TestScript, _ bool, args []string) {
	db, ctx, now := database(ts), context.Background(), time.Now()
	defer func() { ts.Check(db.Close()) }()
	user, _, err := db.EnsureUser(ctx, store.User{ID: store.NewID(store.UserPrefix), Email: args[0], CreatedAt: now, VerifiedAt: now})
	ts.Check(err)
	err = db.CreateClient(ctx, store.Client{ID: args[1], Name: args[1], Public: true, CreatedAt: now, UpdatedAt: now})
	if !errors.Is(err, store.ErrExists) {
		ts.Check(err)
	}
	sid := store.NewID(store.SessionPrefix)
	_, err = db.BeginSession(ctx, store.Beginning{Fingerprint: store.NewID("fp"), Session: store.Session{
		ID: sid, Kind: store.KindDevice, UserID: user.ID, ClientID: args[1], Name: "dev-box\x1b[31m", Platform: "linux/amd64",
		Address: "192.0.2.1", AuthTime: now, CreatedAt: now, SeenAt: now, CheckAt: now.Add(time.Hour), ExpiresAt: now.Add(time.Hour),
	}})
	ts.Check(err)
	_, err = db.ConfirmSession(ctx, sid, now)
	ts.Check(err)
	ts.Check(db.PutBrowser(ctx, store.Browser{
		SID: sid, Secret: "hash", UserID: user.ID, AuthTime: now, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(time.Hour), Idle: time.Hour,
	}))
	ts.Setenv("SESSION", sid)
	ts.Setenv("USER", user.ID)
}

// by-itself lets a client register itself: by-itself <id>.
func byItself(ts *testscript.TestScript, _ bool, args []string) {
	db, now := database(ts), time.Now()
	defer func() { ts.Check(db.Close()) }()
	ts.Check(db.RegisterClient(context.Background(),
		store.Client{
			ID: args[0], Name: "Board", Public: true, Grants: []string{oauth.GrantDevice}, Audiences: []string{"https://api.example.test"},
			CreatedAt: now, UpdatedAt: now,
		},
		store.Registration{Origin: store.OriginRegistered, Token: "hash", CreatedAt: now}, "", 10))
}

// signed-in looks whether a session lives in the records and its ticket in the tickets.
func signedIn(ts *testscript.TestScript, neg bool, args []string) {
	db, ctx := database(ts), context.Background()
	defer func() { ts.Check(db.Close()) }()
	row, err := db.Session(ctx, args[0])
	ts.Check(err)
	pulses, err := db.Pulses(ctx, args[0])
	ts.Check(err)
	if record, ticket := row.Live(), pulses[0].State == store.StateLive; record == neg || ticket == neg {
		ts.Fatalf("the record is live: %v, the ticket is live: %v", record, ticket)
	}
}

// fake-event puts an event into the records as another process would: fake-event <type> <detail> <age>.
func fakeEvent(ts *testscript.TestScript, _ bool, args []string) {
	db := database(ts)
	defer func() { ts.Check(db.Close()) }()
	age, err := time.ParseDuration(args[2])
	ts.Check(err)
	at := time.Now().Add(-age)
	detail, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	ts.Check(db.AddEvents(context.Background(), store.Event{
		ID: store.NewEventID(at), Time: at, Type: args[0], Result: "ok", Detail: detail,
	}))
}

// wait-ready waits until the server in the background serves; what healthcheck says then is the last output.
func waitReady(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ts.Exec("handclaspd", append([]string{"healthcheck"}, args...)...) == nil {
			return
		}
	}
	ts.Fatalf("the server did not become ready")
}

// wait-for waits until a file that a program in the background writes holds a text.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && strings.Contains(string(text), args[1]) {
			return
		}
	}
	ts.Fatalf("%s never held %q", args[0], args[1])
}

// remember sets a variable to a word of the last output: remember NAME <line> <word>, counted from 1.
func remember(ts *testscript.TestScript, _ bool, args []string) {
	lines := strings.Split(ts.ReadFile("stdout"), "\n")
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	word, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Setenv(args[0], strings.Fields(lines[n-1])[word-1])
}

// mailbox starts a mail server on loopback that keeps every mail as a file in ./mailbox, and names it in $SMTP.
func mailbox(ts *testscript.TestScript, _ bool, _ []string) {
	folder := ts.MkAbs("mailbox")
	ts.Check(os.MkdirAll(folder, 0o700))
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &letterbox{folder: folder}, nil }))
	server.Domain = "mail.example.test"
	go func() { _ = server.Serve(l) }()
	ts.Defer(func() { _ = server.Close() })
	ts.Setenv("SMTP", "smtp://"+l.Addr().String()+"?tls=none")
}

type letterbox struct{ folder, to string }

func (b *letterbox) Mail(string, *smtp.MailOptions) error { return nil }
func (b *letterbox) Reset()                               {}
func (b *letterbox) Logout() error                        { return nil }

func (b *letterbox) Rcpt(to string, _ *smtp.RcptOptions) error {
	b.to = to
	return nil
}

func (b *letterbox) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read the mail: %w", err)
	}
	return os.WriteFile(filepath.Join(b.folder, b.to), text, 0o600)
}
