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

	"github.com/go-jose/go-jose/v4/json"
)

const (
	mostBody     = 1 << 20
	wellKnown    = "/.well-known/oauth-authorization-server"
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

// fetch reads the issuer's metadata (RFC 8414 §3) and then its keys. What was known before is returned with a new age if
// it has not changed.
func (f fetcher) fetch(ctx context.Context, before published) (published, error) {
	uri, err := f.keysURI(ctx)
	if err != nil {
		return published{}, fmt.Errorf("read the issuer's metadata: %w", err)
	}
	etag := ""
	if uri == before.uri {
		etag = before.etag
	}
	found, err := f.get(ctx, uri, etag)
	if err != nil {
		return published{}, fmt.Errorf("read the issuer's keys: %w", err)
	}
	if found.same {
		before.age = found.age
		return before, nil
	}
	keys, err := parseKeys(found.body)
	if err != nil {
		return published{}, fmt.Errorf("read the issuer's keys: %w", err)
	}
	return published{keys: keys, uri: uri, etag: found.etag, age: found.age}, nil
}

func (f fetcher) keysURI(ctx context.Context) (string, error) {
	// RFC 8414 §3.1 puts the well-known part between host and path.
	at := url.URL{Scheme: f.url.Scheme, Host: f.url.Host, Path: wellKnown + strings.TrimSuffix(f.url.Path, "/")}
	found, err := f.get(ctx, at.String(), "")
	if err != nil {
		return "", err
	}
	var metadata struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(found.body, &metadata); err != nil {
		return "", errors.New("it is no JSON object")
	}
	if metadata.Issuer != f.issuer { // RFC 8414 §3.3
		return "", errors.New("it is of another issuer")
	}
	keys, err := url.Parse(metadata.Keys)
	if err != nil || keys.Scheme != f.url.Scheme || keys.Host != f.url.Host || keys.User != nil {
		return "", errors.New("the keys are not on the issuer's host")
	}
	return metadata.Keys, nil
}

// got is an answer of the issuer.
type got struct {
	body []byte
	etag string
	age  time.Duration
	same bool // the body is the one with the ETag that was known
}

func (f fetcher) get(ctx context.Context, address, etag string) (got, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return got{}, err
	}
	r.Header.Set("Accept", "application/json")
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	answer, err := f.http.Do(r)
	if err != nil {
		return got{}, err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	g := got{etag: answer.Header.Get("ETag"), age: freshFor(answer.Header)}
	if answer.StatusCode == http.StatusNotModified && etag != "" {
		g.same = true
		return g, nil
	}
	if answer.StatusCode != http.StatusOK {
		return got{}, fmt.Errorf("the answer is %s", answer.Status)
	}
	g.body, err = io.ReadAll(io.LimitReader(answer.Body, mostBody+1))
	if err != nil {
		return got{}, err
	}
	if len(g.body) > mostBody {
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
