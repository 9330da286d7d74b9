package sessions

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/handclasp/handclasp/store"
)

// The results of an event.
const (
	OK      = "ok"
	Refused = "refused"
)

// Recorder takes note of what happened. It never fails towards its caller: a login does not hang on its own record.
type Recorder interface {
	Record(ctx context.Context, e store.Event)
}

// events is where the journal keeps its records.
type events interface {
	AddEvents(ctx context.Context, events ...store.Event) error
}

// Journal writes each event twice: at once as one JSON line, and within a moment into the records. The line is the copy
// that survives a kill; the records are the one that can be asked. While the records are away the newest events wait. Of
// refusals that are alike only the first sixty of a minute are written, see damper.
type Journal struct {
	records events
	log     *slog.Logger
	now     func() time.Time

	mu      sync.Mutex
	damper  damper
	out     io.Writer
	waiting []store.Event
	lost    int

	wake chan struct{}
	done chan struct{}
	stop context.CancelFunc
}

const (
	journalPause = 50 * time.Millisecond // how long events gather, so that many share one write
	journalMost  = 10_000                // how many wait for records that are away
	journalBatch = 500
)

// NewJournal starts a journal; Close writes what is waiting and ends it.
func NewJournal(records events, out io.Writer, now func() time.Time, log *slog.Logger) *Journal {
	ctx, stop := context.WithCancel(context.Background())
	j := &Journal{
		records: records, out: out, now: now, log: log,
		wake: make(chan struct{}, 1), done: make(chan struct{}), stop: stop,
	}
	go j.run(ctx)
	return j
}

// Record gives the event an id, the time and the origin of the request, and writes it down.
func (j *Journal) Record(ctx context.Context, e store.Event) {
	origin := OriginOf(ctx)
	now := j.now()
	e.ID, e.Time = store.NewEventID(now), now.UTC()
	if e.Address == "" {
		e.Address = origin.Address
	}
	if e.RequestID == "" {
		e.RequestID = origin.RequestID
	}
	if e.Actor == "" {
		e.Actor = origin.Actor
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.damper.admit(&e, origin.Network) {
		return
	}
	line, err := json.Marshal(e)
	if err != nil {
		j.log.ErrorContext(ctx, "write event", "type", e.Type, "error", err)
		return
	}
	if _, err := j.out.Write(append(line, '\n')); err != nil {
		j.log.ErrorContext(ctx, "write event line", "type", e.Type, "error", err)
	}
	if len(j.waiting) >= journalMost {
		j.waiting, j.lost = j.waiting[1:], j.lost+1
	}
	j.waiting = append(j.waiting, e)
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Close writes what is waiting, for as long as ctx allows.
func (j *Journal) Close(ctx context.Context) error {
	j.stop()
	<-j.done
	return j.flush(ctx)
}

func (j *Journal) run(ctx context.Context) {
	defer close(j.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.wake:
		}
		pause := journalPause
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			if err := j.flush(ctx); err == nil || ctx.Err() != nil {
				break
			} else {
				j.log.ErrorContext(ctx, "keep events", "error", err)
				pause = min(2*pause, 5*time.Second)
			}
		}
	}
}

// flush hands waiting events to the records, oldest first, until none is left or the records refuse.
func (j *Journal) flush(ctx context.Context) error {
	for {
		batch := j.take()
		if len(batch) == 0 {
			return nil
		}
		attempt, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		err := j.records.AddEvents(attempt, batch...)
		cancel()
		if err != nil {
			j.putBack(batch)
			return err
		}
	}
}

// take takes the oldest events out. Only one goroutine at a time flushes: run, and Close after run has ended.
func (j *Journal) take() []store.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lost > 0 {
		j.log.Error("events are only in the log, the records were away too long", "count", j.lost)
		j.lost = 0
	}
	n := min(len(j.waiting), journalBatch)
	batch := j.waiting[:n:n]
	j.waiting = j.waiting[n:]
	return batch
}

func (j *Journal) putBack(batch []store.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.waiting = append(batch, j.waiting...)
	if over := len(j.waiting) - journalMost; over > 0 {
		j.waiting, j.lost = j.waiting[over:], j.lost+over
	}
}
