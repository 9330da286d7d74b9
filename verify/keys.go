package verify

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

const (
	leastFresh = time.Minute    // however short the issuer wants it
	mostFresh  = 24 * time.Hour // however long
	mostStale  = 24 * time.Hour // since the last answer of the issuer
	wellKnown  = "/.well-known/oauth-authorization-server"
)

var errUnknownKey = errors.New("it was not signed by a key of the issuer")

// keySet is the issuer's keys.
type keySet struct {
	fetcher fetcher
	now     func() time.Time
	kept    kept[published]
}

// published is what a fetch has brought.
type published struct {
	keys map[string]*rsa.PublicKey
	uri  string // where they lie
	etag string
}

func newKeySet(f fetcher, o Options) *keySet {
	s := &keySet{fetcher: f, now: o.Now}
	s.kept = kept[published]{what: "keys", read: s.read, now: o.Now, log: o.Log}
	return s
}

// key finds a key of the issuer by its name. The error is errUnknownKey if the issuer has said that there is none, and
// another one if it could not be asked.
func (s *keySet) key(ctx context.Context, id string) (*rsa.PublicKey, error) {
	found, err := s.kept.find(ctx, func(p published) bool { return p.keys[id] != nil })
	if errors.Is(err, errAbsent) {
		return nil, errUnknownKey
	}
	return found.keys[id], err
}

// read asks for the issuer's metadata (RFC 8414 §3) and then for its keys. What was known before is returned with a new
// age if it has not changed.
func (s *keySet) read(ctx context.Context, before reading[published]) (reading[published], error) {
	var none reading[published]
	uri, err := s.uri(ctx)
	if err != nil {
		return none, fmt.Errorf("read the issuer's metadata: %w", err)
	}
	asked := ask{address: uri, accept: "application/json", most: mostDocument}
	if uri == before.value.uri {
		asked.etag = before.value.etag
	}
	answer, err := s.fetcher.get(ctx, asked)
	if err != nil {
		return none, fmt.Errorf("read the issuer's keys: %w", err)
	}
	now := s.now()
	found := reading[published]{
		value: before.value, fresh: now.Add(min(max(answer.age, leastFresh), mostFresh)), usable: now.Add(mostStale),
	}
	if answer.same {
		return found, nil
	}
	keys, err := parseKeys(answer.body)
	if err != nil {
		return none, fmt.Errorf("read the issuer's keys: %w", err)
	}
	found.value = published{keys: keys, uri: uri, etag: answer.etag}
	return found, nil
}

// uri asks the issuer where its keys lie.
func (s *keySet) uri(ctx context.Context) (string, error) {
	issuer := s.fetcher.url
	// RFC 8414 §3.1 puts the well-known part between host and path.
	at := url.URL{Scheme: issuer.Scheme, Host: issuer.Host, Path: wellKnown + strings.TrimSuffix(issuer.Path, "/")}
	found, err := s.fetcher.get(ctx, ask{address: at.String(), accept: "application/json", most: mostDocument})
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
	if metadata.Issuer != s.fetcher.issuer { // RFC 8414 §3.3
		return "", errors.New("it is of another issuer")
	}
	if !s.fetcher.own(metadata.Keys) {
		return "", errors.New("the keys are not on the issuer's host")
	}
	return metadata.Keys, nil
}
