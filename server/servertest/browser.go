package servertest

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Browser is a person at a browser, with its cookies, and the person's mailbox. It is without script. It must only be
// used by one goroutine of its test, as it fails that test when something is not as a person would find it.
type Browser struct {
	*http.Client
	Agent   string // User-Agent
	Address string // where it comes from, as a proxy says it that the server trusts (Options.TrustedProxies); empty to say nothing

	t      testing.TB
	server *Server
	issuer *url.URL
}

// redirects is how many a browser follows for one page: more are a circle.
const redirects = 10

// Browser returns a browser that has never been here. Unlike Client it follows redirects, as far as they stay here.
func (s *Server) Browser(t testing.TB) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := url.Parse(s.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	client := s.Client()
	client.Jar, client.CheckRedirect = jar, nil
	return &Browser{
		Client: client, t: t, server: s, issuer: issuer,
		Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
	}
}

// Open opens a path of this server, or a whole address on it.
func (b *Browser) Open(address string) *Page {
	b.t.Helper()
	return b.Do(b.Request(http.MethodGet, address, nil))
}

// Post sends a form as a page of ours would.
func (b *Browser) Post(path string, form url.Values) *Page {
	b.t.Helper()
	r := b.Request(http.MethodPost, path, form)
	r.Header.Set("Origin", b.server.Issuer)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.Do(r)
}

// Request makes a request without sending it, for tests that change it first. A form may be nil.
func (b *Browser) Request(method, address string, form url.Values) *http.Request {
	b.t.Helper()
	target, err := b.issuer.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, target.String(), strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("User-Agent", b.Agent)
	if b.Address != "" {
		r.Header.Set("X-Forwarded-For", b.Address)
	}
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	return r
}

// Do sends a request and shows what comes of it.
func (b *Browser) Do(r *http.Request) *Page {
	b.t.Helper()
	at := r.URL
	client := *b.Client
	client.CheckRedirect = func(next *http.Request, before []*http.Request) error {
		at = next.URL
		if len(before) > redirects {
			return fmt.Errorf("more than %d redirects, now to %s", redirects, at.Path)
		}
		if next.URL.Host != b.issuer.Host {
			return http.ErrUseLastResponse // an app's address: nobody listens there
		}
		if b.CheckRedirect != nil {
			return b.CheckRedirect(next, nil)
		}
		return nil
	}
	reply := send(b.t, &client, r)
	doc, err := html.Parse(strings.NewReader(string(reply.Body)))
	if err != nil {
		b.t.Fatalf("%s: %v", at.Path, err)
	}
	return &Page{Status: reply.Status, URL: at, Header: reply.Header, Body: string(reply.Body), browser: b, doc: doc}
}

// Cookie is the value of one of this browser's cookies, by its name without the __Host- prefix; empty if there is none.
func (b *Browser) Cookie(name string) string {
	for _, c := range b.Jar.Cookies(b.issuer) {
		if strings.TrimPrefix(c.Name, "__Host-") == name {
			return c.Value
		}
	}
	return ""
}

// AskForLink types an address into the sign-in page and returns the mail that follows.
func (b *Browser) AskForLink(email string) Mail {
	b.t.Helper()
	form := b.Open("/signin")
	before := b.server.Mails(b.t)
	page := form.Press("Send me a link", "email", email)
	if page.URL.Path != "/signin/sent" {
		b.t.Fatalf("ask for a link: %d %s", page.Status, page.Text())
	}
	// Several browsers may ask for one address at once; the link names the one that asked.
	asker, _, _ := strings.Cut(b.Cookie("hc_asker"), ".")
	return b.server.WaitForMail(b.t, func(m Mail) bool {
		return m.To == email && strings.Contains(m.Link, "="+asker+".") &&
			!slices.ContainsFunc(before, func(old Mail) bool { return old.Link == m.Link })
	})
}

// SignIn signs the person in: address, mail, link, button.
func (b *Browser) SignIn(email string) *Page {
	b.t.Helper()
	mail := b.AskForLink(email)
	page := b.Open(mail.Link).Press("Sign in")
	if page.Status != http.StatusOK || b.Cookie("hc_session") == "" {
		b.t.Fatalf("sign in: %d %s", page.Status, page.Text())
	}
	return page
}

// EnterCode types a user code and returns the page that follows: the question, if the code is good.
func (b *Browser) EnterCode(userCode string) *Page {
	b.t.Helper()
	return b.Open("/device").Press("Continue", "user_code", userCode)
}

// Approve types a user code, reads the question and approves it, which must succeed.
func (b *Browser) Approve(userCode string) *Page { b.t.Helper(); return b.decide(userCode, "Approve") }

// Deny types a user code, reads the question and denies it, which must succeed.
func (b *Browser) Deny(userCode string) *Page { b.t.Helper(); return b.decide(userCode, "Deny") }

func (b *Browser) decide(userCode, button string) *Page {
	b.t.Helper()
	page := b.EnterCode(userCode).Press(button)
	if page.Status != http.StatusOK {
		b.t.Fatalf("%s: %d %s", button, page.Status, page.Text())
	}
	return page
}
