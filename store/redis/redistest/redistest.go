// Package redistest starts real Redis servers for tests: on a free port of the loopback address, in a temporary folder,
// and dead when the test process is dead, however that ended.
package redistest

import (
	"bufio"
	"context"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Server is one Redis. Its methods fail the test when they cannot do what they say.
type Server struct {
	t     testing.TB
	dir   string
	port  int
	known bool // the port is somebody's already
	args  []string

	redis *exec.Cmd
	ended chan struct{} // closed when the process is no more
	leash *exec.Cmd     // kills the server when the test process, and with it the other end of its input, is gone
}

var shared struct {
	once   sync.Once
	server *Server
}

// Start returns the URL of a server that all tests of a package share. It keeps nothing on disk and ends with the test
// process; tests that share it keep apart by a prefix of their own.
func Start(t testing.TB) (url string) {
	t.Helper()
	shared.once.Do(func() {
		s := &Server{t: t, dir: "/", args: []string{"--save", "", "--appendonly", "no"}}
		s.start()
		shared.server = s
	})
	if shared.server == nil {
		t.Fatal("redis-server did not start for an earlier test")
	}
	return shared.server.URL()
}

// Run starts a server of the test's own, which ends with it. It has an append-only file that is written before each
// answer, so that Restart finds what was answered; args, such as "--maxmemory", "4mb", come on top.
func Run(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir(), args: append([]string{"--save", "", "--appendonly", "yes", "--appendfsync", "always"}, args...)}
	s.start()
	t.Cleanup(s.Kill)
	return s
}

// URL is where the server listens; it stays the same over a Restart.
func (s *Server) URL() string { return "redis://" + s.addr() }

// Pid is the process of the server, for those who measure it.
func (s *Server) Pid() int { return s.redis.Process.Pid }

// Kill ends the server as kill -9 does. Killing the dead is no error.
func (s *Server) Kill() {
	if s.redis == nil {
		return
	}
	if s.leash != nil { // first: it must not outlive the process that its pid means
		_ = s.leash.Process.Kill()
		_ = s.leash.Wait()
	}
	s.signal(syscall.SIGKILL)
	<-s.ended
	s.redis, s.leash = nil, nil
}

// Restart starts the server again on the same port, with what it has on disk.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	s.start()
}

// Pause stops the process without closing a connection, as a machine that hangs does, until Resume.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	_ = s.redis.Process.Signal(sig) // fails only if it is dead already
}

func (s *Server) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// start tries a few ports: between finding a free one and using it, somebody else may have taken it. A server that has had
// one waits for it, since its clients know no other.
func (s *Server) start() {
	s.t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		s.t.Fatal("these tests need a real Redis; type: sudo apt-get install -y redis-server")
	}
	for range 10 {
		if s.port == 0 {
			s.port = freePort(s.t)
		}
		s.launch(program)
		if s.answers() {
			s.known = true
			return
		}
		s.Kill()
		if s.known {
			time.Sleep(time.Second)
		} else {
			s.port = 0
		}
	}
	s.t.Fatal("redis-server does not answer")
}

// launch starts the server and ties it to the life of the test process.
func (s *Server) launch(program string) {
	s.t.Helper()
	args := append([]string{"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir}, s.args...)
	s.redis = exec.Command(program, args...) //nolint:gosec,noctx // redis-server with what the test asked for; Kill ends it
	if err := s.redis.Start(); err != nil {
		s.t.Fatalf("start redis-server: %v", err)
	}
	ended := make(chan struct{})
	s.ended = ended
	go func(redis *exec.Cmd) {
		_ = redis.Wait() // tells how it ended, which is as we wished
		close(ended)
	}(s.redis)
	const hold = `read -r _; kill -9 "$1"`
	pid := strconv.Itoa(s.redis.Process.Pid)
	leash := exec.Command("/bin/sh", "-c", hold, "leash", pid) //nolint:gosec,noctx // a pid is a number; Kill ends it
	if _, err := leash.StdinPipe(); err != nil {
		s.t.Fatal(err)
	}
	if err := leash.Start(); err != nil {
		s.t.Fatalf("watch over redis-server: %v", err)
	}
	s.leash = leash
}

// answers waits until the server says PONG, and is ours: the process that we started must still be there.
func (s *Server) answers() bool {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		up := s.pong()
		select {
		case <-s.ended:
			return false
		case <-time.After(5 * time.Millisecond):
			if up {
				return true
			}
		}
	}
	return false
}

func (s *Server) pong() bool {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "tcp", s.addr())
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	if conn.SetDeadline(time.Now().Add(time.Second)) != nil {
		return false
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && strings.HasPrefix(line, "+PONG")
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
