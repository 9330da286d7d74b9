package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// clients is how many connections a load has.
const clients = 16

// conn is one keep-alive connection. It is leaner than http.Client, so that the load takes little from the cores that
// it shares with what is measured.
type conn struct {
	net.Conn
	read *bufio.Reader
	host string

	nonce string // the newest DPoP nonce that the server gave
}

func dial(address string) (*conn, error) {
	c, err := net.DialTimeout("tcp", address, 5*time.Second) //nolint:noctx // it has a timeout
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, read: bufio.NewReader(c), host: address}, nil
}

// get asks for a document.
func (c *conn) get(path string) (status int, body []byte, err error) {
	return c.roundTrip(fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\n\r\n", path, c.host))
}

// post sends a form, with more header lines if there are any.
func (c *conn) post(path string, form url.Values, headers ...string) (status int, body []byte, err error) {
	text := form.Encode()
	b := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", path, c.host, len(text))
	for _, h := range headers {
		b = append(b, h+"\r\n"...)
	}
	return c.roundTrip(append(b, "\r\n"+text...))
}

func (c *conn) roundTrip(request []byte) (status int, body []byte, err error) {
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, nil, err
	}
	if _, err := c.Write(request); err != nil {
		return 0, nil, err
	}
	answer, err := http.ReadResponse(c.read, nil)
	if err != nil {
		return 0, nil, err
	}
	if nonce := answer.Header.Get("DPoP-Nonce"); nonce != "" {
		c.nonce = nonce
	}
	body, err = io.ReadAll(answer.Body)
	return answer.StatusCode, body, errors.Join(err, answer.Body.Close())
}

// load is n requests, shared by the clients; each is numbered.
type load func(c *conn, i int) error

// crew is a number of clients of one server.
type crew []*conn

func newCrew(address string) (crew, error) {
	var all crew
	for range clients {
		c, err := dial(address)
		if err != nil {
			all.leave()
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// do sends n requests as fast as they are answered, each client one after the other. The first failure ends it.
func (all crew) do(n int, each load) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var done sync.WaitGroup
	for _, c := range all {
		done.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && failed.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := each(c, i); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	done.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (all crew) leave() {
	for _, c := range all {
		_ = c.Close()
	}
}

// parallel runs as many as workers of n jobs at once and returns the first failure of each.
func parallel(workers, n int, job func(worker, i int) error) error {
	_, err := parallelFor(24*time.Hour, workers, n, job)
	return err
}

// parallelFor begins no more jobs when its time is up, and returns how many it has done.
func parallelFor(most time.Duration, workers, n int, job func(worker, i int) error) (did int, err error) {
	var next, finished atomic.Int64
	errs := make([]error, workers)
	end := time.Now().Add(most)
	var done sync.WaitGroup
	for worker := range workers {
		done.Go(func() {
			for time.Now().Before(end) {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if errs[worker] = job(worker, i); errs[worker] != nil {
					return
				}
				finished.Add(1)
			}
		})
	}
	done.Wait()
	return int(finished.Load()), errors.Join(errs...)
}
