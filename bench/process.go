package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// process is a child of ours, which ends with us however we end.
type process struct {
	cmd     *exec.Cmd
	address string // host:port
	log     string // path of what it says
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// launch starts a program that will listen on address.
func (b bench) launch(address string, program string, args ...string) (*process, error) {
	log, err := os.CreateTemp(b.folder, filepath.Base(program)+"-*.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()                     //nolint:errcheck // the child has its own handle
	cmd := exec.Command(program, args...) //nolint:gosec,noctx // our own programs; stop ends them
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = b.folder
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")} // no setting of ours leaks in
	cmd.SysProcAttr = dieWithParent()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd, address, log.Name()}, nil
}

// stop ends the process as an operator does. Its end is waited for.
func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only if it has ended
	done := make(chan struct{})
	go func() { _ = p.cmd.Wait(); close(done) }() // how it ended is not what is measured
	select {
	case <-done:
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill()
		<-done
	}
}

// said is what the process has written, for error messages.
func (p *process) said() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// server is one running handclaspd.
type server struct {
	*process
	issuer string
	data   string
	first  time.Duration // from its start to its first answer
}

// settings of a server that differ between rows.
type settings struct {
	data    string // folder; servers with the same one share keys and SQLite file
	redis   string // address; empty for tickets in SQLite
	signer  string
	address string // to serve on; empty for a free one
}

// serve starts a server and waits for its first answer.
func (b bench) serve(ctx context.Context, s settings) (*server, error) {
	address := s.address
	if address == "" {
		var err error
		if address, err = freeAddress(); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(b.folder, s.data)
	args := []string{
		"serve", "--listen", address, "--data", data, "--ops-listen", "none", "--signer", s.signer,
		"--devices-most", "1000000", "--limit-scale", "10000", // the limits are charged, and let everything pass
		"--interval", "60s", // so that a second poll is too early for as long as a round lasts
		"--log-level", "warn",
	}
	if s.redis != "" {
		args = append(args, "--redis", "redis://"+s.redis)
	}
	program, err := filepath.Abs(filepath.Join(b.bin, "handclaspd"))
	if err != nil {
		return nil, err
	}
	began := time.Now()
	p, err := b.launch(address, program, args...)
	if err != nil {
		return nil, err
	}
	up := &server{process: p, issuer: "http://" + address, data: data}
	if err := answers(ctx, up.issuer+metadataPath); err != nil {
		p.stop()
		return nil, fmt.Errorf("the server did not start: %w\n%s", err, p.said())
	}
	up.first = time.Since(began)
	return up, nil
}

func (s *server) outbox() string { return filepath.Join(s.data, "outbox") }

// answers waits until something answers there with 200.
func answers(ctx context.Context, url string) error {
	// A client of its own: a connection that is kept would be answered by the last process of that port.
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	var last error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline) && ctx.Err() == nil; {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		answer, err := client.Do(r)
		if err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(answer.Status)
		}
		last = err
		time.Sleep(time.Millisecond)
	}
	return errors.Join(last, ctx.Err())
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func portOf(address string) (int, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}
