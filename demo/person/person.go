// Package person plays somebody at a browser: it reads the real pages, fills in their forms, and opens the link in the
// real mail. The demo and the bench sign in with it. It knows what a person sees and nothing of the server's insides.
package person

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// Person has one browser, with its cookies, and a mailbox that is a folder of .eml files.
type Person struct {
	Email   string
	Issuer  string
	Mailbox string // the server's outbox folder
	client  *http.Client
}

// New returns a person who has never been here.
func New(issuer, mailbox, email string) (*Person, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &Person{
		Email: email, Issuer: issuer, Mailbox: mailbox,
		client: &http.Client{Jar: jar, Timeout: 10 * time.Second, CheckRedirect: func(to *http.Request, _ []*http.Request) error {
			if !strings.HasPrefix(to.URL.String(), issuer+"/") {
				return http.ErrUseLastResponse // to an app, which hears what is in the address
			}
			return nil
		}},
	}, nil
}

// page is what the browser shows, or where an app's answer leads it.
type page struct {
	url    *url.URL
	status int
	doc    *html.Node
}

// SignIn asks for a link, waits for the mail, opens its link and presses the button.
func (p *Person) SignIn(ctx context.Context) error {
	asked := time.Now().Add(-time.Second)
	form, err := p.get(ctx, "/signin?return_to=/device")
	if err != nil {
		return err
	}
	if _, err := p.submit(ctx, form, "/signin", url.Values{"email": {p.Email}}); err != nil {
		return fmt.Errorf("ask for a link: %w", err)
	}
	link, err := p.waitForLink(ctx, asked)
	if err != nil {
		return err
	}
	behind, err := p.get(ctx, strings.TrimPrefix(link, p.Issuer))
	if err != nil {
		return err
	}
	if _, err := p.submit(ctx, behind, "/signin/link", nil); err != nil {
		return fmt.Errorf("press the button behind the link: %w", err)
	}
	return nil
}

// Authorize follows an app's authorization request (RFC 6749 §4.1.1), says yes where it is asked, and returns the code that the
// app hears.
func (p *Person) Authorize(ctx context.Context, request url.Values) (code string, err error) {
	at, err := p.get(ctx, "/oauth/authorize?"+request.Encode())
	if err == nil && strings.HasPrefix(at.url.Path, "/authorize/") {
		at, err = p.submit(ctx, at, at.url.Path, url.Values{"decision": {"approve"}})
	}
	if err != nil {
		return "", fmt.Errorf("authorize: %w", err)
	}
	if code = at.url.Query().Get("code"); code == "" {
		return "", fmt.Errorf("authorize: no code at %s", at.url.Path)
	}
	return code, nil
}

// Open types the code that a terminal shows and returns the page that asks.
func (p *Person) Open(ctx context.Context, userCode string) (*Question, error) {
	form, err := p.get(ctx, "/device")
	if err != nil {
		return nil, err
	}
	asked, err := p.submit(ctx, form, "/device", url.Values{"user_code": {userCode}})
	if err != nil {
		return nil, fmt.Errorf("type the code: %w", err)
	}
	return &Question{p, asked}, nil
}

// Question is the approval page.
type Question struct {
	person *Person
	page   *page
}

// Text is what the page says, for reading aloud.
func (q *Question) Text() string { return textOf(q.page.doc) }

// Approve presses Approve.
func (q *Question) Approve(ctx context.Context) error { return q.decide(ctx, "approve") }

// Deny presses Deny.
func (q *Question) Deny(ctx context.Context) error { return q.decide(ctx, "deny") }

func (q *Question) decide(ctx context.Context, decision string) error {
	_, err := q.person.submit(ctx, q.page, q.page.url.Path, url.Values{"decision": {decision}})
	if err != nil {
		return fmt.Errorf("press %s: %w", decision, err)
	}
	return nil
}

func (p *Person) get(ctx context.Context, path string) (*page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Issuer+path, nil)
	if err != nil {
		return nil, err
	}
	return p.do(r)
}

// submit sends the form with this action, with what the page put into it and what the person adds.
func (p *Person) submit(ctx context.Context, from *page, action string, more url.Values) (*page, error) {
	fields, ok := formOf(from.doc, action)
	if !ok {
		return nil, fmt.Errorf("the page %s has no form for %s", from.url.Path, action)
	}
	for name, values := range more {
		fields[name] = values
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Issuer+action, strings.NewReader(fields.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", p.Issuer)
	return p.do(r)
}

func (p *Person) do(r *http.Request) (*page, error) {
	answer, err := p.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // read to its end
	doc, err := html.Parse(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	at := &page{answer.Request.URL, answer.StatusCode, doc}
	if to, err := answer.Location(); err == nil {
		at.url = to
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return at, fmt.Errorf("%s: %d: %s", at.url.Path, at.status, strings.Join(strings.Fields(textOf(doc)), " "))
	}
	return at, nil
}

// formOf returns the fields that the page itself has put into a form.
func formOf(doc *html.Node, action string) (url.Values, bool) {
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" || attribute(n, "action") != action {
			continue
		}
		fields := url.Values{}
		for in := range n.Descendants() {
			if in.Type == html.ElementNode && in.Data == "input" && attribute(in, "name") != "" {
				fields.Set(attribute(in, "name"), attribute(in, "value"))
			}
		}
		return fields, true
	}
	return nil, false
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// textOf is what a page says, one block a line.
func textOf(doc *html.Node) string {
	var b strings.Builder
	for n := range doc.Descendants() {
		if n.Type != html.TextNode || n.Parent == nil || n.Parent.Data == "style" || n.Parent.Data == "script" || n.Parent.Data == "title" {
			continue
		}
		if text := strings.Join(strings.Fields(n.Data), " "); text != "" {
			b.WriteString(text + "\n")
		}
	}
	return b.String()
}

// ErrNoMail says that the mail did not come in time.
var ErrNoMail = errors.New("the mail did not come")
