package flow

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// door lets one browser in, once: whoever knows the state, at the one path, under the one name. Everybody else sees nothing.
type door struct {
	host, state string
	server      *http.Server
	taken       atomic.Bool
	came        chan url.Values // what the browser brought
	told        chan struct{}   // closed when how it went is known
	went        error
	shown       chan struct{} // closed when the browser has its page, or went away
}

func openDoor(listener net.Listener, state string) *door {
	d := &door{host: listener.Addr().String(), state: state, came: make(chan url.Values, 1), told: make(chan struct{}), shown: make(chan struct{})}
	d.server = &http.Server{
		Handler: d, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, MaxHeaderBytes: 32 << 10,
		// The browser is answered after the exchange, which may take as long as that.
		WriteTimeout: patience + 10*time.Second,
	}
	go func() { _ = d.server.Serve(listener) }() // ends when the door is closed
	return d
}

// claim takes the one place in the door. Whoever gets it decides what becomes of the login.
func (d *door) claim() bool { return d.taken.CompareAndSwap(false, true) }

// ServeHTTP answers the browser when it is known how it went.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query, ok := d.ours(r)
	if !ok || !d.claim() {
		http.NotFound(w, r)
		return
	}
	defer close(d.shown)
	d.came <- query
	select {
	case <-d.told:
		writeClosing(w, d.went)
	case <-r.Context().Done():
	}
}

// ours checks the Host too: a stranger's name that resolves to this machine must not get in (DNS rebinding).
func (d *door) ours(r *http.Request) (url.Values, bool) {
	if r.Method != http.MethodGet || r.URL.Path != callbackPath || r.Host != d.host {
		return nil, false
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, false
	}
	for _, values := range query {
		if len(values) != 1 { // RFC 6749 §3.1: nothing is given twice
			return nil, false
		}
	}
	known := subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(d.state)) == 1
	return query, known && query.Has("code") != query.Has("error")
}

// tell lets the browser know how it went, and closes behind it. http.Server.Shutdown would wait for the connections that
// browsers open in advance and never use.
func (d *door) tell(err error) {
	d.went = err
	close(d.told)
	select {
	case <-d.shown:
	case <-time.After(3 * time.Second):
	}
	d.close()
}

func (d *door) close() { _ = d.server.Close() } // nobody is inside
