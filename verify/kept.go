package verify

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	between   = 10 * time.Second // between two fetches of one document, unless it was read and is no longer fresh
	fetchMost = 10 * time.Second // for one fetch, whatever it takes
)

var (
	errAbsent = errors.New("the issuer has answered, and it is not there")
	errRunOut = errors.New("what the issuer has published has run out")
)

// kept is something that the issuer publishes, as it was last read. It is read again when it is no longer fresh, or when
// something is looked for that is not in it.
type kept[T any] struct {
	what string // for the log
	read func(ctx context.Context, before reading[T]) (reading[T], error)
	now  func() time.Time
	log  *slog.Logger

	mu     sync.Mutex
	last   reading[T]
	tried  time.Time     // when the last fetch began
	failed error         // how it ended
	flight chan struct{} // closed at the end of the fetch that runs; nil if none does
}

// reading is what was read, and how long it is worth something.
type reading[T any] struct {
	value  T
	fresh  time.Time // until then nobody asks the issuer for what is in it
	usable time.Time // until then it is used if the issuer does not answer
}

// find waits for a value that has what is looked for. The error is errAbsent if the issuer has said that there is none,
// and another one if it could not be asked.
func (k *kept[T]) find(ctx context.Context, has func(T) bool) (T, error) {
	value, ok, wait := k.look(has)
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return value, ctx.Err()
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if wait != nil {
		value, ok = k.usable(has)
	}
	switch {
	case ok:
		return value, nil
	case k.failed != nil:
		return value, k.failed // it may be something that the issuer has published since
	case !k.now().Before(k.last.usable):
		return value, errRunOut
	default:
		return value, errAbsent
	}
}

// look finds a value, and says for what to wait if the issuer is to be asked first. An issuer that has just failed is
// asked beside, so that only the first requests notice its absence.
func (k *kept[T]) look(has func(T) bool) (value T, ok bool, wait <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	value, ok = k.usable(has)
	if ok && now.Before(k.last.fresh) {
		return value, true, nil
	}
	if k.flight == nil && k.mayAsk(now) {
		k.tried, k.flight = now, make(chan struct{})
		go k.fetch(k.last, k.flight)
	}
	if ok && k.failed != nil {
		return value, true, nil
	}
	return value, ok, k.flight
}

// mayAsk keeps unknown names, and an issuer that fails, from causing a fetch a request.
func (k *kept[T]) mayAsk(now time.Time) bool {
	if k.failed == nil && !now.Before(k.last.fresh) {
		return true
	}
	return !now.Before(k.tried.Add(between)) || now.Before(k.tried)
}

// usable is the value if it may be used now, fresh or not, and has what is looked for.
func (k *kept[T]) usable(has func(T) bool) (value T, ok bool) {
	if !k.now().Before(k.last.usable) || !has(k.last.value) {
		return value, false
	}
	return k.last.value, true
}

// fetch asks the issuer. It belongs to no request: the one that caused it may go, and others wait for it.
func (k *kept[T]) fetch(before reading[T], done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchMost)
	defer cancel()
	found, err := k.read(ctx, before)
	if err != nil {
		k.log.Warn("what the issuer publishes cannot be read", "what", k.what, "error", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failed, k.flight = err, nil
	if err == nil {
		k.last = found
	}
	close(done)
}
