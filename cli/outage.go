package cli

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/handclasp/handclasp/cli/flow"
	"github.com/handclasp/handclasp/cli/screen"
)

// worthWorry is how long a server may be away before the person hears of it: a restart is nobody's business.
const worthWorry = 5 * time.Second

// outage tells the person who waits that the server is away, and when it is back.
type outage struct {
	waiting *screen.Waiting

	mu    sync.Mutex
	words string // what is the matter; empty: nothing
	timer *time.Timer
	told  bool
}

// hear takes what the wait says: an error for each poll that failed, nil when one was answered again.
func (o *outage) hear(err error, x explainer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		o.ends()
		return
	}
	o.words = x.trouble(err)
	switch {
	case o.told, inVain(err):
		o.tell()
	case o.timer == nil:
		o.timer = time.AfterFunc(worthWorry, o.late)
	}
}

// late is called when the server has been away for long enough.
func (o *outage) late() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.words != "" {
		o.tell()
	}
}

func (o *outage) tell() {
	o.told = true
	o.waiting.Instead(o.words)
}

func (o *outage) ends() {
	if o.timer != nil {
		o.timer.Stop()
	}
	o.words, o.timer, o.told = "", nil, false
	o.waiting.Again("The server answers again; waiting for approval")
}

// inVain tells of a poll that was waited for and never answered: that took long enough.
func inVain(err error) bool {
	slow, ok := errors.AsType[net.Error](err)
	return (ok && slow.Timeout()) || errors.Is(err, context.DeadlineExceeded)
}

// trouble says why the wait does not get on.
func (x explainer) trouble(err error) string {
	if lost, ok := errors.AsType[*flow.UnreachableError](err); ok {
		return "The server does not answer; still trying (" + plainly(lost.Err) + ")"
	}
	return "The server is in trouble; still trying (" + x.explain(err).Message + ")"
}
