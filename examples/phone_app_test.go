package examples_test

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/server/servertest/realpage"
	"github.com/handclasp/handclasp/store"
)

const mara = "mara@example.test"

// phone is a person with a phone in hand: a browser as narrow as one, and the app in it.
type phone struct {
	t    *testing.T
	ctx  context.Context
	home string // the app's address
}

// stage is a server, and the app that runs beside it.
type stage struct {
	*servertest.Server
	home string
}

func TestPhoneApp(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "phone-app")
	run(t, "go", "build", "-o", program, "./phone-app")
	for name, tell := range map[string]func(*testing.T, stage){
		"signs in by the link":                               signsInByTheLink,
		"is closed while the mail is read":                   isClosedWhileTheMailIsRead,
		"takes the letters of a mail that is read elsewhere": takesTheLetters,
		"opens a link twice":                                 opensALinkTwice,
		"comes after a scanner":                              comesAfterAScanner,
		"is two phones with each other's links":              isTwoPhones,
		"has its mail sent again":                            hasItsMailSentAgain,
		"comes too late":                                     comesTooLate,
		"loses nothing without the server":                   losesNothing,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tell(t, newStage(t, program))
		})
	}
}

func newStage(t *testing.T, program string) stage {
	t.Helper()
	s := servertest.Start(t, servertest.Options{})
	app := start(t, s.Issuer, []string{program})
	now := s.Clock.Now()
	err := s.Records.CreateClient(t.Context(), store.Client{
		ID: "pictures", Name: "Pictures", Public: true, Grants: []string{oauth.GrantMagicLink, oauth.GrantRefresh},
		RedirectURIs: []string{app + "/signin"}, Audiences: []string{"https://pictures.example.test"}, CreatedAt: now, UpdatedAt: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return stage{s, app}
}

// phone is a new one, on which the app was never opened.
func (s stage) phone(t *testing.T) phone {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("ignore-certificate-errors", true))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(leave)
	ctx, giveUp := context.WithTimeout(ctx, 3*patience)
	t.Cleanup(giveUp)
	p := phone{t, ctx, s.home}
	size := emulation.SetDeviceMetricsOverrideParams{Width: 390, Height: 844, DeviceScaleFactor: 1, Mobile: true}
	if err := chromedp.Do(ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, size)
		return chromedp.Void{}, err
	}); err != nil {
		t.Fatal(err)
	}
	return p
}

// tap opens an address: the app's own, or a link in a mail.
func (p phone) tap(address string) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.Navigate(address)); err != nil {
		p.t.Fatalf("open %s: %v", address, err)
	}
}

// close is what a phone does to an app while its person reads mail.
func (p phone) close() { p.tap("about:blank") }

func (p phone) ask(expression string, into any) {
	p.t.Helper()
	raw, err := realpage.Ask(p.ctx, "JSON.stringify("+expression+")")
	if err == nil {
		err = json.Unmarshal([]byte(raw), into)
	}
	if err != nil {
		p.t.Fatalf("ask %s: %v", expression, err)
	}
}

func (p phone) act(expression string) {
	p.t.Helper()
	if err := realpage.Act(p.ctx, expression); err != nil {
		p.t.Fatalf("do %s: %v", expression, err)
	}
}

// sees waits for words on the screen.
func (p phone) sees(words string) {
	p.t.Helper()
	var text string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if p.ask(`document.body ? document.body.innerText : ""`, &text); strings.Contains(text, words) {
			return
		}
	}
	p.t.Fatalf("never saw %q: %s", words, text)
}

// types fills in a form and sends it.
func (p phone) types(id, text string) {
	p.t.Helper()
	value, _ := json.Marshal(text)
	p.act(`(i => { i.value = ` + string(value) + `; i.form.requestSubmit() })(document.getElementById("` + id + `"))`)
}

func (p phone) press(id string) {
	p.t.Helper()
	p.act(`document.getElementById("` + id + `").click()`)
}

// asks has a mail sent, and returns it.
func (p phone) asks(s stage, email string) servertest.Mail {
	p.t.Helper()
	p.tap(p.home)
	p.sees("You get a mail with a link")
	p.types("email", email)
	p.sees("Look into your mail")
	return p.newest(s)
}

// newest is the mail of the request that the app waits for.
func (p phone) newest(s stage) servertest.Mail {
	p.t.Helper()
	var half string
	p.ask(`JSON.parse(localStorage.getItem("request")).half`, &half)
	id, _, _ := strings.Cut(half, ".")
	return s.MailOf(p.t, servertest.AppLink{LinkID: id})
}

func signsInByTheLink(t *testing.T, s stage) {
	p := s.phone(t)
	p.tap(p.asks(s, mara).Link)
	p.sees("You are signed in")
	p.sees(mara)
	var address string
	if p.ask("location.href", &address); address != s.home+"/" {
		t.Errorf("the address holds the link still: %s", address)
	}
	s.Clock.Advance(time.Hour) // the access token is over
	p.tap(s.home)
	p.sees(mara)
	p.press("leave")
	p.sees("You get a mail with a link")
}

func isClosedWhileTheMailIsRead(t *testing.T, s stage) {
	p := s.phone(t)
	mail := p.asks(s, mara)
	p.close()
	p.tap(s.home)
	p.sees("Look into your mail")
	p.close()
	p.tap(mail.Link)
	p.sees("You are signed in")
}

func takesTheLetters(t *testing.T, s stage) {
	p, other := s.phone(t), s.phone(t)
	mail := p.asks(s, mara)
	other.tap(mail.Link)
	other.sees("asked for on another device")
	p.types("letters", "BBBBBB")
	p.sees("not the letters of the newest mail")
	p.types("letters", strings.ToLower(mail.Code))
	p.sees("You are signed in")
}

func opensALinkTwice(t *testing.T, s stage) {
	p := s.phone(t)
	mail := p.asks(s, mara)
	p.tap(mail.Link)
	p.sees("You are signed in")
	p.tap(mail.Link)
	p.sees("You are signed in")
	p.press("leave")
	p.sees("You get a mail with a link")
	p.tap(mail.Link)
	p.sees("is over")
}

func comesAfterAScanner(t *testing.T, s stage) {
	p, scanner := s.phone(t), s.phone(t)
	mail := p.asks(s, mara)
	scanner.tap(mail.Link) // with script and all
	scanner.sees("asked for on another device")
	p.tap(mail.Link)
	p.sees("You are signed in")
}

func isTwoPhones(t *testing.T, s stage) {
	p, q := s.phone(t), s.phone(t)
	first, second := p.asks(s, mara), q.asks(s, "omar@example.test")
	p.tap(second.Link)
	p.sees("another request's")
	q.tap(first.Link)
	q.sees("another request's")
	p.tap(first.Link)
	p.sees(mara)
	q.tap(second.Link)
	q.sees("omar@example.test")
}

func hasItsMailSentAgain(t *testing.T, s stage) {
	p := s.phone(t)
	older := p.asks(s, mara)
	s.Clock.Advance(time.Minute)
	p.press("again")
	var half string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if p.ask(`JSON.parse(localStorage.getItem("request")).half`, &half); !strings.HasPrefix(half, linkID(older)) {
			break
		}
	}
	p.tap(older.Link)
	p.sees("Open the newest mail")
	p.tap(p.newest(s).Link)
	p.sees("You are signed in")
}

func linkID(m servertest.Mail) string {
	_, half, _ := strings.Cut(m.Link, "link=")
	id, _, _ := strings.Cut(half, ".")
	return id
}

func comesTooLate(t *testing.T, s stage) {
	p := s.phone(t)
	mail := p.asks(s, mara)
	s.Clock.Advance(time.Hour)
	p.tap(mail.Link)
	p.sees("has been used, or is too old")
	var email string
	if p.ask(`document.getElementById("email").value`, &email); email != mara {
		t.Errorf("the address has to be typed again: %q", email)
	}
}

func losesNothing(t *testing.T, s stage) {
	p := s.phone(t)
	mail := p.asks(s, mara)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	p.tap(mail.Link)
	p.sees("Nothing is lost")
	p.sees("Look into your mail")
	if reply, err := http.Get(s.Issuer); err == nil {
		_ = reply.Body.Close()
		t.Error("the server is still there")
	}
}
