package verify_test

import (
	"bytes"
	"compress/zlib"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/handclasp/handclasp/verify"
)

const listPath = "/oauth/status/1"

// list is a status list that the issuer publishes, signed anew whenever it changes.
type list struct {
	asked  atomic.Int32 // how often
	unsaid atomic.Int32 // how often it was answered that it is the same

	mu     sync.Mutex
	text   string
	answer http.HandlerFunc
}

func (l *list) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.asked.Add(1)
	l.mu.Lock()
	text, answer := l.text, l.answer
	l.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	etag := `"` + hash(text) + `"`
	w.Header().Set("ETag", etag)
	w.Header().Set("Content-Type", "application/statuslist+jwt")
	if r.Header.Get("Accept") != "application/statuslist+jwt" {
		w.WriteHeader(http.StatusNotAcceptable)
		return
	}
	if r.Header.Get("If-None-Match") == etag {
		l.unsaid.Add(1)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = io.WriteString(w, text)
}

func (l *list) set(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = text
}

// away makes the list fail, and back again.
func (l *list) away(is bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = nil
	if is {
		l.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	}
}

// publish begins a list with these statuses, one bit each.
func (i *issuer) publish(statuses ...byte) *list {
	l := &list{}
	l.set(i.list(statuses...))
	i.set(func() { i.lists = map[string]*list{listPath: l} })
	return l
}

// listClaims are those of a good list, which is fresh for a minute and ends in an hour.
func (i *issuer) listClaims(statuses ...byte) object {
	now := i.clock.now().Unix()
	return object{
		"sub": i.URL + listPath, "iat": now, "exp": now + 3600, "ttl": 60,
		"status_list": object{"bits": 1, "lst": pack(statuses)},
	}
}

func listHead() object { return object{"alg": "RS256", "typ": "statuslist+jwt", "kid": "first"} }

func (i *issuer) list(statuses ...byte) string {
	return sign(firstKey(), listHead(), i.listClaims(statuses...))
}

func pack(statuses []byte) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(statuses)
	_ = w.Close()
	return encode(b.Bytes())
}

func status(index any, uri string) object {
	return object{"status": object{"status_list": object{"idx": index, "uri": uri}}}
}

// listed is a good token whose status is this bit of the list.
func (i *issuer) listed(index int) *http.Request {
	return bearer(sign(firstKey(), head(), i.claims().with(status(index, i.URL+listPath))))
}

// passes says what becomes of a request.
func passes(t *testing.T, v *verify.Verifier, r *http.Request, want int) {
	t.Helper()
	rec := httptest.NewRecorder()
	v.Require()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(rec, r)
	if got := rec.Result().StatusCode; got != want {
		t.Errorf("%d %s, want %d", got, rec.Body, want)
	}
}
