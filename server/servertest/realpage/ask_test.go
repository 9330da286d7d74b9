package realpage_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/handclasp/handclasp/server/servertest/realpage"
)

func TestAPageThatGoesOnIsAskedAgain(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<!doctype html>a page`))
	}))
	t.Cleanup(server.Close)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(time.Minute))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(leave)
	ctx, giveUp := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(giveUp)
	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL)); err != nil {
		t.Fatal(err)
	}
	// Without the second question this fails at about every tenth page.
	for range 40 {
		if err := realpage.Act(ctx, `location.href = "/?" + Math.random()`); err != nil {
			t.Fatalf("lead on: %v", err)
		}
		answer, err := realpage.Ask(ctx, `(until => { while (performance.now() < until); return "heard" })(performance.now() + 5)`)
		if err != nil || answer != "heard" {
			t.Fatalf("ask: %q, %v", answer, err)
		}
	}
}
