package server_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/outside"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// elsewhere is the site of an app that no operator here knows.
type elsewhere struct {
	mu      sync.Mutex
	body    string
	status  int
	asked   atomic.Int32
	fetcher *outside.Fetcher
}

// boardSite is whom the certificate of net/http/httptest is for.
const boardSite = "https://example.com"

// newElsewhere serves a document in which %s is its own address. The fetcher takes every name for this site; that it
// would not go inside is package outside's to prove.
func newElsewhere(t *testing.T, body string) *elsewhere {
	e := &elsewhere{body: body, status: http.StatusOK}
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.asked.Add(1)
		e.mu.Lock()
		defer e.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "max-age=600")
		w.WriteHeader(e.status)
		_, _ = fmt.Fprint(w, strings.ReplaceAll(e.body, "%s", boardSite+r.URL.Path))
	}))
	t.Cleanup(site.Close)
	roots := x509.NewCertPool()
	roots.AddCert(site.Certificate())
	e.fetcher = outside.New(outside.Options{Roots: roots, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, site.Listener.Addr().String())
	}})
	return e
}

func (e *elsewhere) says(status int, body string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status, e.body = status, body
}

const boardDocument = `{"client_id":"%s","client_name":"Board","redirect_uris":["https://example.com/back","http://127.0.0.1/back"],` +
	`"grant_types":["authorization_code","refresh_token"],"token_endpoint_auth_method":"none"}`

func boardApp(t *testing.T, s *servertest.Server) *servertest.App {
	a := s.App(t, boardSite+"/client", boardSite+"/back")
	a.Scope = "openid email"
	return a
}

func TestAClientThatIsKnownByItsDocumentSignsPeopleIn(t *testing.T) {
	t.Parallel()
	site := newElsewhere(t, boardDocument)
	s := servertest.Start(t, servertest.Options{Documents: site.fetcher})
	a, b := boardApp(t, s), signedIn(t, s, mara)
	wantQuestion(t, a.Open(b), "Let Board sign in as you?", "It comes from example.com, and nobody here has checked its name.")
	tokens := a.LogIn(b)
	wantAlive(t, a, tokens)
	if n := site.asked.Load(); n != 1 {
		t.Errorf("the document was asked for %d times", n)
	}

	s.Clock.Advance(30 * time.Minute) // the document is old, and its site is away: who is signed in goes on
	site.says(http.StatusServiceUnavailable, "")
	next := a.Refresh(tokens.RefreshToken)
	expect(t, "a refresh while the site is away", next, http.StatusOK, "")
	s.Clock.Advance(25 * time.Hour)
	expect(t, "a refresh a day later", a.Refresh(next.Tokens(t).RefreshToken), http.StatusBadRequest, "invalid_client")
	site.says(http.StatusOK, strings.Replace(boardDocument, "Board", "Boards", 1))
	s.Clock.Advance(2 * time.Minute)
	wantQuestion(t, a.Open(signedIn(t, s, mara), "scope", "openid profile"), "Let Boards sign in as you?")
}

// slow is a fetcher whose sites take their time: the fetcher's own patience with them begins when they answer.
type slow struct {
	oauth.Documents
	hold atomic.Pointer[chan struct{}] // until when a document is on its way; nil: it is there at once
}

func (d *slow) Get(ctx context.Context, address string) (outside.Document, error) {
	if until := d.hold.Load(); until != nil {
		<-*until
	}
	return d.Documents.Get(ctx, address)
}

func TestASlowSiteHoldsNobodyUpWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	site := newElsewhere(t, boardDocument)
	fetcher, hold := &slow{Documents: site.fetcher}, make(chan struct{})
	s := servertest.Start(t, servertest.Options{Documents: fetcher})
	a := boardApp(t, s)
	tokens := a.LogIn(signedIn(t, s, mara))
	fetcher.hold.Store(&hold)
	site.says(http.StatusOK, strings.Replace(boardDocument, "Board", "Boards", 1))
	s.Clock.Advance(30 * time.Minute)
	next := a.Refresh(tokens.RefreshToken) // the site has not answered when it is
	expect(t, "a refresh while the site is slow", next, http.StatusOK, "")
	close(hold)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := s.Records.Client(t.Context(), boardSite+"/client")
		if err == nil && c.Name == "Boards" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the newer document was not read: %+v, %v", c, err)
		}
	}
	if n := site.asked.Load(); n != 2 {
		t.Errorf("the document was asked for %d times", n)
	}
}

func TestDocumentsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"another's name":        strings.Replace(boardDocument, "%s", "https://example.com/other", 1),
		"no name of its own":    strings.Replace(boardDocument, `"client_id":"%s",`, "", 1),
		"a secret":              strings.Replace(boardDocument, "{", `{"client_secret":"x",`, 1),
		"a shared secret":       strings.Replace(boardDocument, "none", "client_secret_basic", 1),
		"a foreign redirect":    strings.Replace(boardDocument, "https://example.com/back", "https://evil.example.test/back", 1),
		"the same in capitals":  strings.Replace(boardDocument, "https://example.com/back", "HTTPS://evil.example.test/back", 1),
		"a plain http redirect": strings.Replace(boardDocument, "https://example.com/back", "http://example.com/back", 1),
		"client credentials":    strings.Replace(boardDocument, "refresh_token", "client_credentials", 1),
		"our name":              strings.Replace(boardDocument, "Board", "Handclasp", 1),
		"no JSON":               "<html>",
		"a list":                "[]",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := newElsewhere(t, body)
			s := servertest.Start(t, servertest.Options{Documents: site.fetcher})
			page := boardApp(t, s).Open(s.Browser(t))
			if page.Status != http.StatusBadRequest {
				t.Errorf("%d %s", page.Status, page.Text())
			}
			if _, err := s.Records.Client(t.Context(), boardSite+"/client"); err == nil {
				t.Error("it was kept")
			}
		})
	}
}

func TestDocumentsAreAskedForSparingly(t *testing.T) {
	t.Parallel()
	site := newElsewhere(t, boardDocument)
	s := servertest.Start(t, servertest.Options{Documents: site.fetcher})
	s.Clock.Hold() // a network has one more fetched each minute
	var all sync.WaitGroup
	a := boardApp(t, s)
	for range 8 {
		all.Go(func() { _ = s.App(t, boardSite+"/client", boardSite+"/back").Push() })
	}
	all.Wait()
	if n := site.asked.Load(); n != 1 {
		t.Errorf("eight at once: asked %d times", n)
	}
	site.says(http.StatusNotFound, "")
	missing := func(path string) int {
		return s.App(t, boardSite+path, boardSite+"/back").Push().Status
	}
	for range 5 {
		missing("/none")
	}
	if n := site.asked.Load(); n != 2 {
		t.Errorf("a document that cannot be had was asked for %d times", n-1)
	}
	limited := 0
	for i := range 20 {
		if missing(fmt.Sprintf("/none%d", i)) == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited == 0 || site.asked.Load() > 12 {
		t.Errorf("one network had %d documents fetched, and was told to wait %d times", site.asked.Load(), limited)
	}
	wantPath(t, a.Open(s.Browser(t)), "/signin")
}

func TestAnOperatorsClientIsNotReplacedByADocument(t *testing.T) {
	t.Parallel()
	site := newElsewhere(t, boardDocument)
	s := servertest.Start(t, servertest.Options{Documents: site.fetcher})
	err := s.Records.CreateClient(t.Context(), store.Client{
		ID: boardSite + "/client", Name: "The operator's", Public: true, Grants: []string{oauth.GrantCode},
		RedirectURIs: []string{boardSite + "/back"}, Audiences: []string{"https://api.example.test"},
	})
	if err != nil {
		t.Fatal(err)
	}
	wantQuestion(t, boardApp(t, s).Open(signedIn(t, s, mara)), "Let The operator's sign in as you?")
	if site.asked.Load() != 0 {
		t.Error("the document was asked for")
	}
}

func TestADocumentDoesNotBringBackWhomAnOperatorKeepsOut(t *testing.T) {
	t.Parallel()
	site := newElsewhere(t, boardDocument)
	s := servertest.Start(t, servertest.Options{Documents: site.fetcher})
	a, o := boardApp(t, s), s.Operator(t, "operator", oauth.ScopeAdminRead, oauth.ScopeAdminWrite)
	tokens := a.LogIn(signedIn(t, s, mara))
	at := adminAt + "/clients/" + url.PathEscape(boardSite+"/client")
	var shown struct{ Origin string }
	o.Get(at).Decode(t, &shown)
	if shown.Origin != string(store.OriginDocument) {
		t.Errorf("its origin is %q", shown.Origin)
	}
	expect(t, "keep it out", o.Do(http.MethodPost, at+"/disable", nil), http.StatusOK, "")
	wantGoneFor := func(when string) {
		expect(t, "a refresh "+when, a.Refresh(tokens.RefreshToken), http.StatusBadRequest, "invalid_client")
		expect(t, "a new sign-in "+when, a.Push(), http.StatusBadRequest, "invalid_client")
	}
	s.Clock.Advance(10 * time.Second) // other replicas follow within seconds
	wantGoneFor("at once")
	site.says(http.StatusOK, strings.Replace(boardDocument, "Board", "Boards", 1))
	s.Clock.Advance(2 * time.Hour)
	wantGoneFor("with a newer document")
	o.Renew(oauth.ScopeAdminWrite)
	expect(t, "delete it", o.Do(http.MethodDelete, at, nil), http.StatusOK, "")
	wantQuestion(t, a.Open(signedIn(t, s, mara)), "Let Boards sign in as you?") // only that lets its document make it anew
}

func TestWithoutTheSettingNothingIsFetched(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	expect(t, "a client by its document", boardApp(t, s).Push(), http.StatusBadRequest, "invalid_client")
	reply := s.Terminal(t).Call(http.MethodGet, "/.well-known/oauth-authorization-server", "")
	if !strings.Contains(string(reply.Body), `"client_id_metadata_document_supported":false`) {
		t.Errorf("the metadata says %s", reply.Body)
	}
}
