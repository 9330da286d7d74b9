package cli_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/handclasp/handclasp/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"handclasp":   func() { os.Exit(cli.Main(os.Args[1:])) },
		"loginserver": serveForPeople,
		"browser":     browse,
	})
}

// TestScripts runs the scripts of testdata, each against a server of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			s := startServer()
			env.Defer(s.stop)
			env.Values["server"] = s
			home := env.WorkDir + "/home"
			env.Vars = append(env.Vars, "ISSUER="+s.issuer, "HOME="+home, "HANDCLASP_CONFIG_DIR="+home,
				"FULL="+unwritable(env.WorkDir), "HANDCLASP_KEYRING=off", "LANG=C.UTF-8", "NO_COLOR=1",
				"GORACE=atexit_sleep_ms=0") // else the race detector sleeps a second in every process
			return os.Mkdir(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"person": person, "server": control, "count": count, "interrupt": interrupt, "at-once": atOnce,
			"mode": mode, "no-secrets": noSecrets, "exits": exits, "come-back": comeBack,
			"wait-for": waitFor, "same-key": sameKey, "without-key": withoutKey, "older": older,
		},
	})
}

// unwritable is the path of a folder in which no new file can be made, also not by root, while its locks and what it holds can be
// opened: like a full disk. Linux knows no longer path than 4095 bytes, and a temporary file's would be.
func unwritable(under string) string {
	const longest = 4095 - len("/profile-default.lock")
	path := under
	for len(path) < longest {
		path += "/" + strings.Repeat("x", min(200, max(longest-len(path)-1, 1)))
	}
	return path[:longest]
}

// startServer is the one place where the scripts get their server from.
func startServer() *loginServer {
	s := newLoginServer()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.http = httptest.NewServer(s.handler())
	s.issuer = s.http.URL
	return s
}

func (s *loginServer) stop() {
	s.mu.Lock()
	server := s.http
	s.mu.Unlock()
	server.CloseClientConnections()
	server.Close()
}

// again starts a stopped server at the address that it had.
func (s *loginServer) again() error {
	var listener net.Listener
	var err error
	within(patience, func() bool { // a connection of somebody else's may have the port for a moment
		listener, err = net.Listen("tcp", strings.TrimPrefix(s.issuer, "http://"))
		return err == nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.http = &httptest.Server{Listener: listener, Config: &http.Server{Handler: s.handler(), ReadHeaderTimeout: time.Minute}}
	s.http.Start()
	return nil
}

func serverOf(ts *testscript.TestScript) *loginServer { return ts.Value("server").(*loginServer) }

// patience is for what happens at once, unless the machine is busy.
const patience = time.Minute

// person says what the person in the browser does with the codes to come: approves, denies, ignores, is-somebody-else;
// "when held" once a login waits for it, "when <file>" once a browser has written a line there.
func person(ts *testscript.TestScript, _ bool, args []string) {
	s := serverOf(ts)
	if args[0] != "when" {
		s.decide(args[0])
		return
	}
	file := ts.MkAbs(args[1])
	ready := func() bool { return s.holds() }
	if args[1] != "held" {
		ready = func() bool {
			text, _ := os.ReadFile(file)
			return strings.HasSuffix(string(text), "\n")
		}
	}
	go func() {
		if within(patience, ready) {
			s.decide(args[2])
		}
	}()
}

// within looks again and again until something is so, or the time is over.
func within(limit time.Duration, is func() bool) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if is() {
			return true
		}
	}
	return false
}

// waitFor waits until a file that a program writes holds a text.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.MkAbs(args[0])
	if !within(patience, func() bool {
		text, _ := os.ReadFile(file)
		return strings.Contains(string(text), args[1])
	}) {
		ts.Fatalf("%s never held %q", args[0], args[1])
	}
}

func (s *loginServer) holds() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held > 0
}

func (s *loginServer) decide(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.person = what
	close(s.changed)
	s.changed = make(chan struct{})
}

// control turns the server's knobs.
func control(ts *testscript.TestScript, _ bool, args []string) {
	s := serverOf(ts)
	number := 1
	if len(args) > 1 {
		if n, err := strconv.Atoi(args[1]); err == nil {
			number = n
		}
	}
	switch args[0] {
	case "stops":
		s.stop()
	case "starts":
		ts.Check(s.again())
	default:
		s.turn(args[0], number)
	}
}

func (s *loginServer) turn(knob string, number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch knob {
	case "token-seconds":
		s.tokenLife = time.Duration(number) * time.Second
	case "code-seconds":
		s.codeLife = time.Duration(number) * time.Second
	case "clock-seconds":
		s.clock = time.Duration(number) * time.Second
	case "ends-sessions":
		for _, session := range s.sessions {
			session.ended = true
		}
	case "forgets-access-tokens":
		s.access = map[string]accessToken{}
	default:
		s.fault[knob] = number
	}
}

// count checks how often something was asked of the server, and counts anew.
func count(ts *testscript.TestScript, _ bool, args []string) {
	s := serverOf(ts)
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := strconv.Itoa(s.counts[args[0]]); got != args[1] {
		ts.Fatalf("%s: %s, want %s", args[0], got, args[1])
	}
	s.counts[args[0]] = 0
}

// interrupt runs a command and presses Ctrl-C a moment after it has said something.
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	cmd := exec.Command(args[0], args[1:]...)
	command, err := exec.LookPath(args[0])
	ts.Check(err)
	cmd.Path = command
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = scriptEnv(ts)
	talk, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	heard := bufio.NewScanner(talk)
	for heard.Scan() {
		if strings.Contains(heard.Text(), "Waiting") {
			ts.Check(cmd.Process.Signal(os.Interrupt))
		}
		ts.Logf("%s", heard.Text())
	}
	_ = cmd.Wait() // its exit code is what is looked at
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		ts.Fatalf("exit code %d, want 130", code)
	}
}

// at-once runs a command many times in parallel; all must succeed and say the same.
func atOnce(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	type result struct {
		out []byte
		err error
	}
	results := make(chan result, n)
	env := scriptEnv(ts)
	for range n {
		go func() {
			cmd := exec.CommandContext(context.Background(), args[1], args[2:]...)
			cmd.Env = env
			out, err := cmd.Output()
			results <- result{out, err}
		}()
	}
	said := map[string]bool{}
	for range n {
		r := <-results
		ts.Check(r.err)
		said[string(r.out)] = true
	}
	if len(said) != 1 {
		ts.Fatalf("%d different answers", len(said))
	}
}

// exits runs a command and checks its exit code, which exec cannot.
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

// mode checks who may read a file.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[0] && runtime.GOOS != "windows" {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

// no-secrets checks that the last output shows no token, code or fingerprint.
func noSecrets(ts *testscript.TestScript, _ bool, args []string) {
	for _, stream := range args {
		text := ts.ReadFile(stream)
		for _, sign := range []string{"hcr_", "hcd_", "at_"} {
			if strings.Contains(text, sign) {
				ts.Fatalf("%s shows a secret: %s", stream, text)
			}
		}
	}
}

func scriptEnv(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "ISSUER", "HANDCLASP_CONFIG_DIR", "HANDCLASP_KEYRING", "LANG", "NO_COLOR", "GORACE"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}

// serveForPeople runs the server alone, to look at the client by hand:
// loginserver <address> <what the person does> [knob number]...
func serveForPeople() {
	s := newLoginServer()
	s.issuer, s.person = "http://"+os.Args[1], os.Args[2]
	for i := 3; i+1 < len(os.Args); i += 2 {
		n, err := strconv.Atoi(os.Args[i+1])
		if err != nil {
			panic(err)
		}
		s.turn(os.Args[i], n)
	}
	if s.person == "approves" || s.person == "denies" || s.person == "is-somebody-else" {
		decision := s.person
		s.person = "ignores"
		go func() {
			for range time.Tick(3 * time.Second) {
				s.decide(decision)
				time.Sleep(200 * time.Millisecond)
				s.decide("ignores")
			}
		}()
	}
	server := &http.Server{Addr: os.Args[1], Handler: s.handler(), ReadHeaderTimeout: time.Minute}
	fmt.Println(server.ListenAndServe())
}
