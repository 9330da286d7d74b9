package redis

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	// pause keeps a process from calling a dead Redis in a loop.
	pause = 200 * time.Millisecond
	// settle is how long the first to watch wait for the subscription.
	settle = 250 * time.Millisecond
)

// watch hands decisions to those who wait in this process. It has one subscription and one goroutine however many wait;
// both begin with the first of them and end with close.
type watch struct {
	client  goredis.UniversalClient
	channel string
	quiet   time.Duration // how long the subscription may be silent before it is asked whether it still lives

	start sync.Once
	up    chan struct{} // closed when the first subscription stands
	ctx   context.Context
	stop  context.CancelFunc
	done  sync.WaitGroup

	mu      sync.Mutex
	waiting map[string]map[chan struct{}]struct{}
}

func newWatch(client goredis.UniversalClient, channel string) *watch {
	ctx, stop := context.WithCancel(context.Background())
	return &watch{
		client: client, channel: channel, quiet: 5 * time.Second, up: make(chan struct{}),
		ctx: ctx, stop: stop, waiting: map[string]map[chan struct{}]struct{}{},
	}
}

// Watch tells once of a decision about this session; see store.Tickets.
func (s *Store) Watch(sid string) (decided <-chan struct{}, stop func()) { return s.watch.add(sid) }

func (w *watch) add(sid string) (<-chan struct{}, func()) {
	w.begin()
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting[sid] == nil {
		w.waiting[sid] = map[chan struct{}]struct{}{}
	}
	w.waiting[sid][c] = struct{}{}
	return c, func() { w.remove(sid, c) }
}

// begin starts the subscription with the first watcher and waits a moment until it stands. Whoever is counted among
// the waiting after that has missed nothing, and need not be woken for nothing.
func (w *watch) begin() {
	w.mu.Lock()
	if w.ctx.Err() == nil {
		w.start.Do(func() { w.done.Go(w.run) })
	}
	w.mu.Unlock()
	select {
	case <-w.up:
	default:
		select {
		case <-w.up:
		case <-w.ctx.Done():
		case <-time.After(settle):
		}
	}
}

func (w *watch) remove(sid string, c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiting[sid], c)
	if len(w.waiting[sid]) == 0 {
		delete(w.waiting, sid)
	}
}

func (w *watch) close() {
	w.mu.Lock() // so that no first watcher starts the goroutine after the wait
	w.stop()
	w.mu.Unlock()
	w.done.Wait()
}

// run keeps a subscription alive until the store is closed.
func (w *watch) run() {
	for w.ctx.Err() == nil {
		w.subscribe()
		select {
		case <-w.ctx.Done():
		case <-time.After(pause):
		}
	}
}

// subscribe listens until something breaks. Whenever a subscription begins, a decision may have been missed before it:
// everybody who waits by then is woken and looks again.
func (w *watch) subscribe() {
	sub := w.client.Subscribe(w.ctx, w.channel)
	hangUp := func() { _ = sub.Close() }
	defer hangUp()
	defer context.AfterFunc(w.ctx, hangUp)() // a read does not hear a context that ends
	asked := false
	for w.ctx.Err() == nil {
		message, err := sub.ReceiveTimeout(w.ctx, w.quiet)
		var network net.Error
		switch {
		case err == nil:
			asked = false
		case errors.As(err, &network) && network.Timeout() && !asked:
			if sub.Ping(w.ctx) != nil {
				return
			}
			asked = true
		default:
			return
		}
		switch m := message.(type) {
		case *goredis.Subscription:
			w.stands()
		case *goredis.Message:
			w.wake(m.Payload)
		}
	}
}

func (w *watch) wake(sid string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.waiting[sid] {
		nudge(c)
	}
}

// stands wakes everybody who began to wait while there was no subscription, then lets in those who wait for it.
func (w *watch) stands() {
	w.wakeAll()
	select {
	case <-w.up:
	default:
		close(w.up)
	}
}

func (w *watch) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, watchers := range w.waiting {
		for c := range watchers {
			nudge(c)
		}
	}
}

// nudge never blocks: one wake that nobody has heard yet is as good as two.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
