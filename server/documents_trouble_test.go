package server_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/outside"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// unlisted is a fetcher whose operator may take a host off the list.
type unlisted struct {
	oauth.Documents
	off atomic.Bool
}

func (u *unlisted) Get(ctx context.Context, address string) (outside.Document, error) {
	if u.off.Load() {
		return outside.Document{}, fmt.Errorf("%w: its host is not on the list", outside.ErrRefused)
	}
	return u.Documents.Get(ctx, address)
}

func TestAHostThatIsTakenOffTheListIsOutWhenItsDocumentIsOld(t *testing.T) {
	t.Parallel()
	site := newElsewhere(t, boardDocument)
	list := &unlisted{Documents: site.fetcher}
	s := servertest.Start(t, servertest.Options{Documents: list})
	push := func() servertest.Reply { return boardApp(t, s).Push() }
	expect(t, "at first", push(), http.StatusCreated, "")
	site.says(http.StatusNotFound, "")
	s.Clock.Advance(time.Hour)
	expect(t, "while its site is down", push(), http.StatusCreated, "")
	list.off.Store(true)
	s.Clock.Advance(time.Hour)
	// Who looks waits for a moment only. On a machine that needs longer to refuse the host, it is the next who hears of it.
	refused := push()
	for end := time.Now().Add(30 * time.Second); refused.Status == http.StatusCreated && time.Now().Before(end); refused = push() {
		s.Clock.Advance(6 * time.Second) // so long a client is remembered
	}
	expect(t, "off the list", refused, http.StatusBadRequest, "invalid_client")
	expect(t, "and at once again", push(), http.StatusBadRequest, "invalid_client")
}

func TestAHouseThatIsFullSaysSoEachTime(t *testing.T) {
	t.Parallel()
	site := newElsewhere(t, boardDocument)
	s := servertest.Start(t, servertest.Options{Documents: site.fetcher, SelfMade: oauth.SelfMade{Most: 1}})
	expect(t, "the first client", boardApp(t, s).Push(), http.StatusCreated, "")
	for range 2 { // the second time it is not the client's fault either
		a := s.App(t, boardSite+"/other", boardSite+"/back")
		expect(t, "one too many", a.Push(), http.StatusServiceUnavailable, "temporarily_unavailable")
	}
}

// latecomer holds up the first request that is about to have a document fetched, until it is let go.
type latecomer struct {
	store.Tickets
	first          atomic.Bool
	came, released chan struct{}
}

func (l *latecomer) Allow(ctx context.Context, limits ...store.Limit) (store.Verdict, error) {
	if strings.HasPrefix(limits[0].Key, "document.") && l.first.CompareAndSwap(false, true) {
		close(l.came)
		<-l.released
	}
	return l.Tickets.Allow(ctx, limits...)
}

func TestWhoComesLateToADocumentDoesNotAskAgain(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"it is taken": http.StatusOK, "it cannot be had": http.StatusNotFound} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := newElsewhere(t, boardDocument)
			site.says(status, boardDocument)
			late := &latecomer{came: make(chan struct{}), released: make(chan struct{})}
			s := servertest.Start(t, servertest.Options{Documents: site.fetcher, Tickets: func(inner store.Tickets) store.Tickets {
				late.Tickets = inner
				return late
			}})
			answer := make(chan servertest.Reply)
			go func() { answer <- boardApp(t, s).Push() }()
			<-late.came // it has seen that there is neither a record nor a fetch
			first := boardApp(t, s).Push()
			close(late.released)
			if second := <-answer; second.Status != first.Status {
				t.Errorf("%d for who came first, %d for who came late", first.Status, second.Status)
			}
			if n := site.asked.Load(); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}
