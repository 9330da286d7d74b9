package server_test

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/server/servertest/realpage"
)

// stories are told in one Chromium, each in profiles of its own.
var stories = map[string]func(t *testing.T, c chromium){
	"terminal is signed in while the window that asked goes on by itself": terminalSignedIn,
	"without script the person presses what a script would have":          withoutScript,
	"a link opened elsewhere signs in nobody there":                       linkOpenedElsewhere,
	"a scanner eats no link":                                              scannerEatsNoLink,
	"back and reload after the decision change nothing":                   backAndReload,
	"our own client hears from the browser on its machine":                comesBackToTheClient,
	"no page breaks its own policy":                                       nothingBlocked,
}

func TestInARealBrowser(t *testing.T) {
	t.Parallel()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(leave)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, chromium{ctx})
		})
	}
}

// chromium is the browser that all stories share.
type chromium struct{ ctx context.Context }

// profile is one person's browser: its tabs share cookies with each other and nobody else.
func (c chromium) profile(t *testing.T, s *servertest.Server) *tab {
	t.Helper()
	ctx, leave := chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext())
	return newTab(ctx, t, s, leave)
}

// tab is one tab of it. It is used by one goroutine.
type tab struct {
	t   *testing.T
	ctx context.Context
	s   *servertest.Server
}

func newTab(ctx context.Context, t *testing.T, s *servertest.Server, leave context.CancelFunc) *tab {
	t.Helper()
	t.Cleanup(leave)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	ctx, giveUp := context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(giveUp)
	return &tab{t, ctx, s}
}

// another opens another tab of the same profile.
func (b *tab) another() *tab {
	b.t.Helper()
	ctx, leave := chromedp.NewContext(b.ctx)
	return newTab(ctx, b.t, b.s, leave)
}

// visit opens a path, or a whole address.
func (b *tab) visit(address string) {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.s.Issuer + address
	}
	if err := chromedp.Do(b.ctx, chromedp.Navigate(address)); err != nil {
		b.t.Fatalf("open %s: %v", address, err)
	}
}

// ask runs an expression on the page and decodes what it answers.
func (b *tab) ask(expression string, into any) {
	b.t.Helper()
	raw, err := realpage.Ask(b.ctx, "JSON.stringify("+expression+")")
	if err != nil {
		b.t.Fatalf("ask %s: %v", expression, err)
	}
	if err := json.Unmarshal([]byte(raw), into); err != nil {
		b.t.Fatalf("ask %s: %v", expression, err)
	}
}

// says waits until the page says these words, which it must soon.
func (b *tab) says(words string) {
	b.t.Helper()
	var text string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if text = b.text(); strings.Contains(text, words) {
			return
		}
	}
	b.t.Fatalf("%s never says %q: %s", b.path(), words, text)
}

// text is what a person can read; empty while a page is on its way.
func (b *tab) text() string {
	text, err := realpage.Ask(b.ctx, `document.body ? document.body.innerText : ""`)
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(text), " ")
}

// path is where the tab is, without the host.
func (b *tab) path() string {
	b.t.Helper()
	address, err := realpage.Ask(b.ctx, "location.href")
	if err != nil {
		b.t.Fatal(err)
	}
	at, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	return at.RequestURI()
}

// press clicks the button, or what looks like one, with these words.
func (b *tab) press(words string) {
	b.t.Helper()
	button := chromedp.Search(`//*[self::button or self::a or self::summary][normalize-space()="` + words + `"]`)
	if err := chromedp.Do(b.ctx, chromedp.Click(button)); err != nil {
		b.t.Fatalf("press %q on %s: %v", words, b.path(), err)
	}
}

// typeInto types into the field with this name.
func (b *tab) typeInto(field, text string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.SendKeys(chromedp.CSS(`[name="`+field+`"]:not([type=hidden])`), text)); err != nil {
		b.t.Fatalf("type into %s: %v", field, err)
	}
}

// shows reports whether there is a button with these words.
func (b *tab) shows(words string) bool {
	b.t.Helper()
	var labels []string
	b.ask(`[...document.querySelectorAll("button, a.button")].map(b => b.textContent.trim())`, &labels)
	for _, label := range labels {
		if label == words {
			return true
		}
	}
	return false
}

// scriptOff is a browser whose owner does not want scripts.
func (b *tab) scriptOff() {
	b.t.Helper()
	off := emulation.SetScriptExecutionDisabledParams{Value: true}
	if err := chromedp.Do(b.ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, off)
		return chromedp.Void{}, err
	}); err != nil {
		b.t.Fatal(err)
	}
}

// askForLink types the address and returns the mail that comes.
func (b *tab) askForLink(email string) servertest.Mail {
	b.t.Helper()
	before := len(b.s.Mails(b.t))
	b.typeInto("email", email)
	b.press("Send me a link")
	b.says("Check your mail")
	return b.s.WaitForMail(b.t, func(m servertest.Mail) bool { return m.To == email && len(b.s.Mails(b.t)) > before })
}

// waitForTokens is a terminal that waits as ours does, beside everything else: whoever takes longer than one poll is held is waited
// for by the next. Until it has answered it belongs to that.
func waitForTokens(terminal *servertest.Terminal, asked servertest.Asked) <-chan servertest.Reply {
	answer := make(chan servertest.Reply, 1)
	go func() {
		reply := terminal.Wait(asked, 30)
		for reply.Error() == oauth.CodeAuthorizationPending {
			reply = terminal.Wait(asked, 30)
		}
		answer <- reply
	}()
	return answer
}

// wantTokens fails the test unless the terminal has its tokens before its poll would have been over by itself.
func wantTokens(t *testing.T, answer <-chan servertest.Reply) servertest.Tokens {
	t.Helper()
	select {
	case reply := <-answer:
		tokens := reply.Tokens(t)
		if tokens.AccessToken == "" || tokens.RefreshToken == "" {
			t.Fatalf("the terminal hears %d %s", reply.Status, reply.Body)
		}
		return tokens
	case <-time.After(15 * time.Second):
		t.Fatal("the terminal still waits")
		return servertest.Tokens{}
	}
}

// do does something that cannot fail in a browser that works.
func (b *tab) do(action chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, action); err != nil {
		b.t.Fatal(err)
	}
}
