// Package remote is the desk of an operator who is elsewhere: it asks the admin API of a server what admin.Local would do there.
package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

// Options say whom to ask, and as whom.
type Options struct {
	Server   string // the issuer
	ClientID string
	Secret   string
	Key      *Key // in the secret's place
}

// Desk asks a server. It gets tokens as it needs them, each with the one scope that a request wants. It is for one goroutine.
type Desk struct {
	o      Options
	http   *http.Client
	tokens map[string]string // by scope
}

var _ admin.Desk = (*Desk)(nil)

const (
	patience   = 30 * time.Second
	mostAnswer = 16 << 20
	mostTries  = 5
	longest    = 15 * time.Second // that we wait because the server says so
)

// New returns a desk. A secret goes over TLS, or stays on this machine.
func New(o Options) (*Desk, error) {
	u, err := url.Parse(o.Server)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("server %q: want the server's own URL, such as https://login.example.test", o.Server)
	}
	ip := net.ParseIP(u.Hostname())
	if local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback(); u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, fmt.Errorf("server %q: must be https, or nobody may be trusted with the client's secret", o.Server)
	}
	return &Desk{o: o, tokens: map[string]string{}, http: &http.Client{
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// request is one question to the admin API.
type request struct {
	scope        string
	method, path string
	query        url.Values
	body         any
	match        string // an ETag without its quotes
}

// ask sends a request and reads the answer into what is given. A change that is posted has a name, so that it is done once
// however often it must be sent.
func (d *Desk) ask(ctx context.Context, r request, into any) error {
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
	}
	header := http.Header{}
	if r.body != nil {
		header.Set("Content-Type", "application/json")
	}
	if r.method == http.MethodPost {
		header.Set("Idempotency-Key", store.RandomText(16))
	}
	if r.match != "" {
		header.Set("If-Match", `"`+r.match+`"`)
	}
	for tries := 1; ; tries++ {
		a, err := d.once(ctx, r, header, body)
		wait, again := r.again(a, err)
		if tries == mostTries || !again {
			if err != nil {
				return err
			}
			return a.read(d.o.ClientID, r.scope, into)
		}
		if a.status == http.StatusUnauthorized {
			delete(d.tokens, r.scope)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// again says whether it may help to send a request once more, and when.
func (r request) again(a answer, err error) (time.Duration, bool) {
	var lost *url.Error
	switch {
	case errors.As(err, &lost):
		return time.Second, (r.method == http.MethodPost || r.method == http.MethodGet) && !errors.Is(err, context.Canceled) && !refusedToConnect(err)
	case err != nil:
		return 0, false
	case a.status == http.StatusUnauthorized && a.old:
		return 0, true
	case a.status == http.StatusTooManyRequests, a.status == http.StatusConflict && a.after > 0:
		return min(a.after, longest), true
	}
	return 0, false
}

// refusedToConnect: nobody listens there, and nobody will in a second.
func refusedToConnect(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// answer is what came back.
type answer struct {
	status int
	after  time.Duration
	body   []byte
	old    bool // the token was not got for this request
}

func (d *Desk) once(ctx context.Context, r request, header http.Header, body []byte) (answer, error) {
	token, old := d.tokens[r.scope]
	if !old {
		var err error
		if token, err = d.token(ctx, r.scope); err != nil {
			return answer{}, err
		}
		d.tokens[r.scope] = token
	}
	address := d.o.Server + "/v1/admin" + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	q, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("ask the server: %w", err)
	}
	q.Header = header.Clone()
	q.Header.Set("Authorization", "Bearer "+token)
	a, err := d.send(q)
	a.old = old
	return a, err
}

// unreachable says whom no answer came from, and of what the network said only the cause.
func unreachable(host string, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		err = syscall.ECONNREFUSED
	}
	return fmt.Errorf("cannot reach %s: %w", host, err)
}

func (d *Desk) send(q *http.Request) (answer, error) {
	reply, err := d.http.Do(q)
	if err != nil {
		return answer{}, unreachable(q.URL.Host, err)
	}
	defer reply.Body.Close() //nolint:errcheck // it is only read
	body, err := io.ReadAll(io.LimitReader(reply.Body, mostAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("read the server's answer: %w", err)
	}
	seconds, _ := strconv.Atoi(reply.Header.Get("Retry-After"))
	return answer{status: reply.StatusCode, after: time.Duration(seconds) * time.Second, body: body}, nil
}

// token gets an access token (RFC 6749 §4.4) for the admin API, whose audience is the server itself.
func (d *Desk) token(ctx context.Context, scope string) (string, error) {
	form := url.Values{"grant_type": {oauth.GrantClient}, "scope": {scope}, "resource": {d.o.Server}}
	if d.o.Key != nil {
		if err := d.o.Key.prove(form, d.o.ClientID, d.o.Server); err != nil {
			return "", err
		}
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, d.o.Server+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("ask for a token: %w", err)
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if d.o.Key == nil {
		q.SetBasicAuth(url.QueryEscape(d.o.ClientID), url.QueryEscape(d.o.Secret)) // RFC 6749 §2.3.1
	}
	a, err := d.send(q)
	if err != nil {
		return "", err
	}
	var told struct {
		Token string `json:"access_token"`
		trouble
	}
	if err := json.Unmarshal(a.body, &told); err != nil {
		return "", fmt.Errorf("the server answers %d, and not as a Handclasp does; --server names its own URL", a.status)
	}
	switch {
	case a.status == http.StatusOK && told.Token != "":
		return told.Token, nil
	case told.Code == oauth.CodeInvalidScope, told.Code == oauth.CodeInvalidTarget, told.Code == oauth.CodeUnauthorizedClient:
		return "", lacks(d.o.ClientID, scope)
	default:
		why := told.text(a.status)
		return "", fmt.Errorf("the server gives %s no token: %s", d.o.ClientID, strings.ToLower(why[:1])+why[1:])
	}
}

// trouble is the JSON of an error.
type trouble struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
	Reason      string `json:"reason"`
	By          string `json:"by"`
}

func (t trouble) text(status int) string {
	if t.Description == "" {
		return "it answers " + strconv.Itoa(status)
	}
	return strings.TrimSuffix(t.Description, ".")
}

func lacks(client, scope string) error {
	return fmt.Errorf("the client %s was not given the scope %s for this server", client, scope)
}

// read turns an answer into a value, or into the error that the desk over there had.
func (a answer) read(client, scope string, into any) error {
	if a.status < http.StatusMultipleChoices {
		if into == nil {
			return nil
		}
		if err := json.Unmarshal(a.body, into); err != nil {
			return fmt.Errorf("read the server's answer: %w", err)
		}
		return nil
	}
	var t trouble
	if err := json.Unmarshal(a.body, &t); err != nil {
		return fmt.Errorf("the server answers %d, and not as a Handclasp does; --server names its own URL", a.status)
	}
	switch {
	case t.Reason != "":
		return &admin.Refusal{Reason: t.Reason, Text: t.Description, By: t.By}
	case t.Code == "not_found":
		return store.ErrNotFound
	case t.Code == oauth.CodeInvalidRequest:
		return admin.NewInvalid(errors.New(t.Description))
	case t.Code == oauth.CodeInsufficientScope:
		return lacks(client, scope)
	case a.status == http.StatusServiceUnavailable:
		return &admin.Unfinished{Text: t.text(a.status)}
	default:
		return fmt.Errorf("the server refuses: %s", t.text(a.status))
	}
}
