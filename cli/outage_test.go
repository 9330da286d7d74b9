package cli

import (
	"bytes"
	"context"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/handclasp/handclasp/cli/flow"
	"github.com/handclasp/handclasp/cli/screen"
)

func TestAnOutageIsToldOnceItLasts(t *testing.T) {
	refused := &flow.UnreachableError{Host: "login.example.test", Err: &os.SyscallError{Syscall: "connect", Err: syscall.ECONNREFUSED}}
	silent := &flow.UnreachableError{Host: "login.example.test", Err: context.DeadlineExceeded}
	const back = "The server answers again; waiting for approval\n"
	for name, c := range map[string]struct {
		err   error
		lasts time.Duration
		want  string
	}{
		"a restart":             {refused, 4 * time.Second, ""},
		"longer":                {refused, 6 * time.Second, "The server does not answer; still trying (connection refused)\n" + back},
		"a poll without answer": {silent, 0, "The server does not answer; still trying (no answer in time)\n" + back},
		"one that came to an error": {
			&flow.ServerError{Host: "login.example.test", Status: 502}, 6 * time.Second,
			"The server is in trouble; still trying (login.example.test answered 502 Bad Gateway)\n" + back,
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			var talk bytes.Buffer
			s := screen.New(screen.Config{Out: &bytes.Buffer{}, Err: &talk, Env: func(string) string { return "" }})
			away := &outage{waiting: s.Wait("Waiting")}
			for range 2 { // it may happen twice
				talk.Reset()
				for end := time.Now().Add(c.lasts); ; time.Sleep(time.Second) {
					away.hear(c.err, explainer{})
					if !time.Now().Before(end) {
						break
					}
				}
				away.hear(nil, explainer{})
				time.Sleep(time.Minute)
				if got := talk.String(); got != c.want {
					t.Errorf("%s: %q, want %q", name, got, c.want)
				}
			}
		})
	}
}
