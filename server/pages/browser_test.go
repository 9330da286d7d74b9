package pages_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/handclasp/handclasp/server/pages"
	"github.com/handclasp/handclasp/server/servertest/realpage"
)

// patience is for what happens at once, unless the machine is busy.
const patience = time.Minute

// policy is what the server sends with every page.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; connect-src 'self'"

// tab is a real browser that looks at the samples.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string
}

// open starts a browser and a server whose /<name> is that sample and whose /signin/state answers state.
func open(t *testing.T, state func() string) tab {
	t.Helper()
	p := site(t)
	mux := http.NewServeMux()
	mux.Handle("/assets/", p.Assets())
	mux.HandleFunc("/signin/state", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(state()))
	})
	for _, s := range samples() {
		mux.HandleFunc("/"+s.name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Security-Policy", policy)
			if err := p.Write(w, s.status, s.view); err != nil {
				t.Error(err)
			}
		})
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(patience))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(leave)
	ctx, giveUp := context.WithTimeout(ctx, 2*patience)
	t.Cleanup(giveUp)
	return tab{t, ctx, server.URL + "/"}
}

func (b tab) visit(name string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Navigate(b.base+name)); err != nil {
		b.t.Fatalf("open %s: %v", name, err)
	}
}

// ask runs an expression on the page and decodes what it answers.
func (b tab) ask(expression string, into any) {
	b.t.Helper()
	raw, err := realpage.Ask(b.ctx, "JSON.stringify("+expression+")")
	if err != nil {
		b.t.Fatalf("ask %s: %v", expression, err)
	}
	if err := json.Unmarshal([]byte(raw), into); err != nil {
		b.t.Fatalf("ask %s: %v", expression, err)
	}
}

// until waits for an expression to become true.
func (b tab) until(expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		var yes bool
		if b.ask("!!("+expression+")", &yes); yes {
			return
		}
	}
	b.t.Fatalf("never: %s", expression)
}

func (b tab) phone(width, height int64) {
	b.t.Helper()
	size := emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: true}
	if err := chromedp.Do(b.ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, size)
		return chromedp.Void{}, err
	}); err != nil {
		b.t.Fatal(err)
	}
}

func never() string { return `{"signed_in":false}` }

func TestApprovalNeedsNoScrollOnAPhone(t *testing.T) {
	t.Parallel()
	b := open(t, never)
	b.phone(390, 844)
	for _, s := range samples() {
		if _, ok := s.view.(pages.Approve); !ok {
			continue
		}
		b.visit(s.name)
		var size struct {
			Height, Window  float64
			Approve, Answer []float64
		}
		b.ask(`{Height: document.documentElement.scrollHeight, Window: innerHeight,
			Approve: (r => [r.top, r.width, r.height])(document.querySelector("[value=approve]").getBoundingClientRect()),
			Answer: (r => [r.top, r.width, r.height])(document.querySelector("[value=deny]").getBoundingClientRect())}`, &size)
		if size.Height > size.Window {
			t.Errorf("%s: %.0f high in %.0f", s.name, size.Height, size.Window)
		}
		for i := range size.Approve {
			if size.Approve[i] != size.Answer[i] || size.Approve[2] < 44 {
				t.Errorf("%s: Approve %v, Deny %v", s.name, size.Approve, size.Answer)
			}
		}
	}
}

func TestNoPageIsWiderThanASmallPhone(t *testing.T) {
	t.Parallel()
	b := open(t, never)
	b.phone(320, 568)
	for _, s := range samples() {
		b.visit(s.name)
		var width float64
		if b.ask("document.documentElement.scrollWidth", &width); width > 320 {
			t.Errorf("%s: %.0f wide", s.name, width)
		}
	}
}

func TestWaitingPageGoesOnByItself(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	b := open(t, func() string {
		switch asked.Add(1) {
		case 1:
			return `{"signed_in":false}`
		case 2:
			return `{"signed_in":true,"continue":"//elsewhere.example.test/"}` // never followed
		}
		return `{"signed_in":true,"continue":"/approved"}`
	})
	b.visit("checkmail")
	b.until(`location.pathname === "/approved"`)
	if n := asked.Load(); n < 3 {
		t.Errorf("went on after %d answers", n)
	}
}

func TestSendAgainSleepsOnlyWithScript(t *testing.T) {
	t.Parallel()
	b := open(t, never)
	b.visit("checkmail")
	b.until(`document.querySelector("[data-after]").disabled`)
	b.until(`/ in (\d+) s$/.exec(document.querySelector("[data-after]").textContent)?.[1] <= 26`) // it may be less when we look

	if err := chromedp.Do(b.ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return chromedp.Void{}, err
	}); err != nil {
		t.Fatal(err)
	}
	b.visit("checkmail")
	var button string
	b.ask(`document.querySelector("[data-after]").outerHTML`, &button)
	if strings.Contains(button, "disabled") || !strings.Contains(button, ">Send again<") {
		t.Errorf("without script: %s", button)
	}
}
