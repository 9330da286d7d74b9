package verify

import (
	"context"
	"crypto/rsa"
	"errors"
	"log/slog"
	"net/url"
	"sync"
	"time"
)

const (
	leastFresh = time.Minute      // however short the issuer wants it
	mostFresh  = 24 * time.Hour   // however long
	mostStale  = 24 * time.Hour   // since the last answer of the issuer
	between    = 10 * time.Second // between two fetches, whoever asks for them
	fetchMost  = 10 * time.Second // for one fetch, both documents together
)

var errUnknownKey = errors.New("the token was not signed by a key of the issuer")

// keySet is what the issuer has published, as it was last seen.
type keySet struct {
	fetcher fetcher
	now     func() time.Time
	log     *slog.Logger

	mu     sync.Mutex
	known  published
	fresh  time.Time     // until then nobody asks the issuer for keys that are known
	usable time.Time     // until then they are used if it does not answer
	tried  time.Time     // when the last fetch began
	failed error         // how it ended
	flight chan struct{} // closed at the end of the fetch that runs; nil if none does
}

// published is what a fetch has brought.
type published struct {
	keys map[string]*rsa.PublicKey
	uri  string // where they lie
	etag string
	age  time.Duration // how long the issuer lets them be kept
}

func newKeySet(issuer *url.URL, o Options) *keySet {
	return &keySet{fetcher: newFetcher(issuer, o), now: o.Now, log: o.Log}
}

// key finds a key of the issuer by its name. The error is errUnknownKey if the issuer has said that there is none, and
// another one if it could not be asked.
func (s *keySet) key(ctx context.Context, id string) (*rsa.PublicKey, error) {
	key, wait := s.look(id)
	if wait == nil {
		return s.decide(key)
	}
	select {
	case <-wait:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.mu.Lock()
	key = s.usableKey(id)
	s.mu.Unlock()
	return s.decide(key)
}

// look finds a key, and says for what to wait if the issuer is to be asked first. An issuer that has just failed is asked
// beside, so that only the first requests notice its absence.
func (s *keySet) look(id string) (*rsa.PublicKey, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, key := s.now(), s.usableKey(id)
	if key != nil && now.Before(s.fresh) {
		return key, nil
	}
	if s.flight == nil && (s.tried.IsZero() || !now.Before(s.tried.Add(between)) || now.Before(s.tried)) {
		s.tried, s.flight = now, make(chan struct{})
		go s.fetch(s.known, s.flight)
	}
	if s.flight == nil || key != nil && s.failed != nil {
		return key, nil
	}
	return key, s.flight
}

// usableKey is a key that may be used now, fresh or not.
func (s *keySet) usableKey(id string) *rsa.PublicKey {
	if !s.now().Before(s.usable) {
		return nil
	}
	return s.known.keys[id]
}

func (s *keySet) decide(key *rsa.PublicKey) (*rsa.PublicKey, error) {
	if key != nil {
		return key, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return nil, s.failed // the key may be one that the issuer has published since
	}
	return nil, errUnknownKey
}

// fetch asks the issuer. It belongs to no request: the one that caused it may go, and others wait for it.
func (s *keySet) fetch(before published, done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchMost)
	defer cancel()
	found, err := s.fetcher.fetch(ctx, before)
	if err != nil {
		s.log.Warn("the issuer's keys cannot be fetched", "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed, s.flight = err, nil
	if err == nil {
		now := s.now()
		s.known, s.fresh, s.usable = found, now.Add(min(max(found.age, leastFresh), mostFresh)), now.Add(mostStale)
	}
	close(done)
}
