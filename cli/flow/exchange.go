package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// patience is how long an ordinary answer may take.
	patience = 15 * time.Second
	// answerLimit is more than any honest answer needs.
	answerLimit = 1 << 20
)

var errTooLong = errors.New("the answer is longer than a megabyte")

// answer is a whole answer, read and closed.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// post sends a form. Everything secret travels in the body: addresses end up in logs.
func (c *Client) post(ctx context.Context, address string, form url.Values, header http.Header, patience time.Duration) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, fmt.Errorf("make request: %w", err)
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.send(req)
}

// send carries one request. A redirect is not followed: it would carry tokens to
// wherever the answer points.
func (c *Client) send(req *http.Request) (answer, error) {
	req.Header.Set("Accept", "application/json")
	if c.UserAgent != "" {
		req.Header.Set("User-Agent", c.UserAgent)
	}
	client := http.Client{Transport: c.Transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	asked := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return answer{}, unreachable(req.URL.Host, err)
	}
	defer func() { _ = res.Body.Close() }() // read to its end or given up; closing cannot matter
	c.compareClocks(asked, time.Now(), res.Header.Get("Date"))
	body, err := io.ReadAll(io.LimitReader(res.Body, answerLimit+1))
	if err == nil && len(body) > answerLimit {
		err = errTooLong
	}
	if err != nil {
		return answer{}, unreachable(req.URL.Host, err)
	}
	return answer{status: res.StatusCode, header: res.Header, body: body}, nil
}

// unreachable drops the layer of url.Error, whose text repeats method and address.
func unreachable(host string, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return &UnreachableError{Host: host, Err: err}
}

// decode reads a success into the given value and makes an error of anything else.
func (a answer) decode(host string, into any) error {
	if a.status != http.StatusOK {
		return a.failure(host)
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		return &ServerError{Host: host, Status: a.status}
	}
	return nil
}

func (a answer) failure(host string) error {
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Reason      string `json:"reason"`
	}
	if a.status < 400 || json.Unmarshal(a.body, &said) != nil {
		said.Error, said.Description, said.Reason = "", "", ""
	}
	failed := &ServerError{
		Host: host, Status: a.status,
		Code: Clean(said.Error), Description: Clean(said.Description), Reason: Clean(said.Reason),
	}
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil && seconds > 0 {
		failed.RetryAfter = time.Duration(min(seconds, 3600)) * time.Second
	}
	return failed
}

// host is how error texts name the server.
func (c *Client) host() string {
	if u, err := url.Parse(c.Issuer); err == nil {
		return u.Host
	}
	return c.Issuer
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
