package server_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/outside"
	"github.com/handclasp/handclasp/server/servertest"
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
	expect(t, "off the list", push(), http.StatusBadRequest, "invalid_client")
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
