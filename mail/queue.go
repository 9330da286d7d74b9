package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	netmail "net/mail"
	"sync"
	"sync/atomic"
	"time"
)

// The refusals of Send, beside ErrMessage.
var (
	// ErrFull: so many mails wait that this one was not taken.
	ErrFull = errors.New("too many mails wait to be sent")
	// ErrClosed: the server is stopping.
	ErrClosed = errors.New("no mail is taken any more")
)

// QueueOptions say how mails leave: over SMTP if it names a host, else into the outbox.
type QueueOptions struct {
	From     string // "Example <login@example.test>"
	SMTP     SMTP
	Outbox   Outbox
	OnOutbox func(m Message, path string) // told of each mail in the outbox, so that a console can show its link

	Capacity int           // mails that wait at most, 1000 by default
	Workers  int           // connections at once at most, 4 by default
	Timeout  time.Duration // of the connecting and again of the sending, 15 s by default

	Now func() time.Time
	Log *slog.Logger
}

// Queue sends mails in the background. What waits is kept in memory only: a mail that is lost with the process is asked
// for again by the person, and its link would soon be of no use.
type Queue struct {
	o       QueueOptions
	from    *netmail.Address
	workers chan struct{}
	ctx     context.Context // ends when Close gives up
	abort   context.CancelFunc
	hurry   chan struct{} // closed when the queue drains: who waits for another try makes it now, as the last

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup

	queued                atomic.Int64
	sent, failed, retried atomic.Uint64
}

// Stats counts since the start. Queued is how many wait or are being sent now.
type Stats struct {
	Sent, Failed, Retried uint64
	Queued                int64
}

// NewQueue checks the options. It runs nothing until there is a mail.
func NewQueue(o QueueOptions) (*Queue, error) {
	from, err := parseSender(o.From)
	if err != nil {
		return nil, err
	}
	if o.SMTP.Host == "" && o.Outbox == "" {
		return nil, errors.New("mails need an SMTP server or an outbox folder")
	}
	o.fill()
	q := &Queue{o: o, from: from, workers: make(chan struct{}, o.Workers), hurry: make(chan struct{})}
	q.ctx, q.abort = context.WithCancel(context.Background())
	return q, nil
}

func (o *QueueOptions) fill() {
	if o.Capacity <= 0 {
		o.Capacity = 1000
	}
	if o.Workers <= 0 {
		o.Workers = 4
	}
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// Send takes a mail over and returns at once; it never waits for the network. It is ErrFull, ErrClosed or ErrMessage if
// the mail was not taken. What becomes of it is in the log and in Stats.
func (q *Queue) Send(_ context.Context, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	if q.queued.Load() >= int64(q.o.Capacity) {
		return ErrFull
	}
	q.queued.Add(1)
	e := newEnvelope(m, q.from, q.o.Now())
	q.running.Go(func() { q.deliver(e) })
	return nil
}

// Stats returns the counters.
func (q *Queue) Stats() Stats {
	return Stats{Sent: q.sent.Load(), Failed: q.failed.Load(), Retried: q.retried.Load(), Queued: q.queued.Load()}
}

// Close takes no more mails and sends those that wait, each with one try more, until ctx ends. It is an error if some
// of these were not sent; Stats also counts those that failed before.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	failed := q.failed.Load() // before anybody hurries, so that a last try counts however fast it fails
	if !q.closed {
		q.closed = true
		close(q.hurry)
	}
	q.mu.Unlock()
	stop := context.AfterFunc(ctx, q.abort)
	q.running.Wait()
	stop()
	q.abort()
	if lost := q.failed.Load() - failed; lost > 0 {
		return fmt.Errorf("%d mails were not sent before the end", lost)
	}
	return nil
}

// deliver tries until the mail is sent, refused for good, or of no use any more.
func (q *Queue) deliver(e envelope) {
	defer q.queued.Add(-1)
	for try := 0; ; try++ {
		last := q.draining()
		err := q.attempt(e)
		if err == nil {
			q.sent.Add(1)
			return
		}
		wait := pause(try)
		if permanent(err) || last || q.ctx.Err() != nil || q.o.Now().Add(wait).After(e.end) {
			q.failed.Add(1)
			q.report(slog.LevelError, "mail was not sent", e, try, err)
			return
		}
		q.retried.Add(1)
		q.report(slog.LevelWarn, "mail is tried again", e, try, err, slog.Duration("in", wait))
		q.wait(wait)
	}
}

func (q *Queue) draining() bool {
	select {
	case <-q.hurry:
		return true
	default:
		return false
	}
}

// wait ends early when the queue drains.
func (q *Queue) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-q.hurry:
	}
}

// attempt is one try. A server that hangs holds one of the workers for two timeouts at most.
func (q *Queue) attempt(e envelope) error {
	select {
	case q.workers <- struct{}{}:
		defer func() { <-q.workers }()
	case <-q.ctx.Done():
		return q.ctx.Err()
	}
	if q.o.Now().After(e.end) {
		return fmt.Errorf("%w: it waited until it was of no use", ErrMessage)
	}
	if q.o.SMTP.Host == "" {
		path, err := q.o.Outbox.keep(e, q.from)
		if err == nil && q.o.OnOutbox != nil {
			q.o.OnOutbox(e.Message, path)
		}
		return err
	}
	ctx, cancel := context.WithTimeout(q.ctx, 2*q.o.Timeout)
	defer cancel()
	return q.o.SMTP.transmit(ctx, e, q.from, q.o.Timeout)
}

// pauses between two tries: soon, since a person waits, then as rarely as a server that greylists wants it.
var pauses = [...]time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}

// pause spreads the tries by a tenth, so that a server which comes back is not met by all of them at once.
func pause(try int) time.Duration {
	d := pauses[min(try, len(pauses)-1)]
	return d + time.Duration(rand.Int64N(int64(d)/10))
}

// report logs without what must not be in a log: no link, no code, no whole address, also not in the server's words.
func (q *Queue) report(level slog.Level, what string, e envelope, try int, err error, more ...slog.Attr) {
	attrs := append([]slog.Attr{
		slog.String("kind", e.Kind), slog.String("to", masked(e.To)), slog.Int("try", try+1),
		slog.String("error", scrub(err.Error(), e.Message)),
	}, more...)
	q.o.Log.LogAttrs(context.Background(), level, what, attrs...)
}
