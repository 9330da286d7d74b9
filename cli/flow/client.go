package flow

import (
	"net/http"
	"sync"
	"time"
)

// Client is one OAuth client that speaks to one server. Its fields are set before
// the first call; its methods may then be called from several goroutines.
type Client struct {
	// Issuer is the server's address as ParseIssuer gives it.
	Issuer string
	// ID is the client_id under which the server knows this program.
	ID string
	// Fingerprint names the device; it goes with the request for a code, with every
	// poll and with every refresh. Empty: nothing is sent.
	Fingerprint string
	// UserAgent says who asks. Empty: Go's own.
	UserAgent string
	// Transport carries the requests. Nil: http.DefaultTransport, which honours
	// HTTPS_PROXY and SSL_CERT_FILE.
	Transport http.RoundTripper
	// Key gives the key that the device proves itself with, when it is needed: it may lie in a keyring. Nil, or a nil key:
	// nothing is proven.
	Key func() (*Key, error)

	mu       sync.Mutex
	metadata *Metadata
	skew     time.Duration
	heard    bool
	nonce    string // for the next proof: the newest that the server gave
}

// Skew is how far this machine's clock runs ahead of the server's, by the Date header
// of the last answer; ok is false before any answer had one. The header counts whole
// seconds, so less than two mean nothing.
func (c *Client) Skew() (ahead time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.skew, c.heard
}

func (c *Client) compareClocks(asked, answered time.Time, date string) {
	theirs, err := http.ParseTime(date)
	if err != nil {
		return
	}
	// The middle of the exchange is the best guess of when the header was written.
	ours := asked.Add(answered.Sub(asked) / 2)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew, c.heard = ours.Sub(theirs), true
}
