package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	mostDocument = 1 << 20 // metadata, keys
	answerWithin = 5 * time.Second
)

// fetcher asks the issuer, and nobody else, for what it has published.
type fetcher struct {
	issuer string
	url    *url.URL
	http   *http.Client
}

// newFetcher follows no redirects: whoever can make the issuer redirect must not choose the keys.
func newFetcher(issuer *url.URL, o Options) fetcher {
	client := *cmp.Or(o.HTTPClient, &http.Client{})
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Timeout = cmp.Or(client.Timeout, answerWithin)
	client.Jar = nil
	return fetcher{issuer: o.Issuer, url: issuer, http: &client}
}

// own reports whether an address is the issuer's: nobody else is asked, whoever names an address.
func (f fetcher) own(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == f.url.Scheme && u.Host == f.url.Host && u.User == nil && u.Fragment == ""
}

// ask is a question to the issuer.
type ask struct {
	address string
	etag    string // of what is known; empty if nothing is
	accept  string
	most    int64 // bytes of the answer
}

// got is an answer of the issuer.
type got struct {
	body []byte
	etag string
	age  time.Duration
	same bool // the body is the one with the ETag that was known
}

func (f fetcher) get(ctx context.Context, a ask) (got, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.address, nil)
	if err != nil {
		return got{}, err
	}
	r.Header.Set("Accept", a.accept)
	if a.etag != "" {
		r.Header.Set("If-None-Match", a.etag)
	}
	answer, err := f.http.Do(r)
	if err != nil {
		return got{}, err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	g := got{etag: answer.Header.Get("ETag"), age: freshFor(answer.Header)}
	if answer.StatusCode == http.StatusNotModified && a.etag != "" {
		g.same = true
		return g, nil
	}
	if answer.StatusCode != http.StatusOK {
		return got{}, fmt.Errorf("the answer is %s", answer.Status)
	}
	g.body, err = io.ReadAll(io.LimitReader(answer.Body, a.most+1))
	if err != nil {
		return got{}, err
	}
	if int64(len(g.body)) > a.most {
		return got{}, errors.New("the answer is too large")
	}
	return g, nil
}

// freshFor reads max-age (RFC 9111 §5.2.2.1), less what the answer has aged on its way (§5.1). Zero if nothing may be
// kept, or it cannot be read.
func freshFor(h http.Header) time.Duration {
	age := time.Duration(0)
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err != nil {
				return 0
			}
			age = time.Duration(seconds) * time.Second
		}
	}
	if passed, err := strconv.ParseUint(h.Get("Age"), 10, 31); err == nil {
		age -= time.Duration(passed) * time.Second
	}
	return max(age, 0)
}
