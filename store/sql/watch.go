package sql

import (
	"context"
	"sync"
	"time"
)

// listenEvery is how often another process's decisions are looked for while somebody waits. A look that finds nothing
// reads one number that SQLite keeps in shared memory.
const listenEvery = 10 * time.Millisecond

// hub knows who waits for which decision, in this process.
type hub struct {
	mu        sync.Mutex
	waiting   map[string]map[chan struct{}]bool
	quiet     context.CancelFunc // stops listening; nil while nobody waits
	listening sync.WaitGroup
	closed    bool
}

// Watch implements store.Tickets. Decisions of this process wake at once, those of others within some milliseconds.
func (d *DB) Watch(sid string) (<-chan struct{}, func()) {
	decided := make(chan struct{}, 1)
	h := &d.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return decided, func() {}
	}
	if h.waiting[sid] == nil {
		h.waiting[sid] = map[chan struct{}]bool{}
	}
	h.waiting[sid][decided] = true
	if h.quiet == nil {
		ctx, quiet := context.WithCancel(context.Background())
		h.quiet = quiet
		h.listening.Go(func() { d.listen(ctx) })
	}
	return decided, func() { h.leave(sid, decided) }
}

func (h *hub) leave(sid string, decided chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.waiting[sid], decided)
	h.forget(sid)
}

// wake tells everybody who waits for this decision, once.
func (h *hub) wake(sid string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for decided := range h.waiting[sid] {
		decided <- struct{}{} // it has room, and is left out from now on
	}
	clear(h.waiting[sid])
	h.forget(sid)
}

// forget stops listening when the last one has left. The caller holds mu.
func (h *hub) forget(sid string) {
	if len(h.waiting[sid]) == 0 {
		delete(h.waiting, sid)
	}
	if len(h.waiting) == 0 && h.quiet != nil {
		h.quiet()
		h.quiet = nil
	}
}

func (h *hub) close() {
	h.mu.Lock()
	h.closed = true
	clear(h.waiting)
	h.forget("")
	h.mu.Unlock()
	h.listening.Wait()
}

// signal tells other processes of a decision, in the transaction that makes it.
func signal(ctx context.Context, tx *runner, sid string, now time.Time) error {
	_, err := tx.exec(ctx, `INSERT INTO decided (seq, sid, decided_at)
		SELECT COALESCE(MAX(seq), 0) + 1, CAST($1 AS TEXT), CAST($2 AS BIGINT) FROM decided`, sid, ms(now))
	return err
}

// listen wakes who waits for decisions of other processes, until ctx ends. It begins with whatever the signal table
// still holds: a decision made between Watch's return and the first look is in it, and waking for an old one is harmless,
// since whoever watches looks at the state itself.
func (d *DB) listen(ctx context.Context) {
	tick := time.NewTicker(listenEvery)
	defer tick.Stop()
	for silent := false; ctx.Err() == nil; silent = true {
		if err := d.hear(ctx, tick.C); err != nil && ctx.Err() == nil && !silent {
			d.log.Warn("cannot listen for decisions of other processes; waiting clients ask again in time", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// hear listens on one connection until ctx ends or the connection fails.
func (d *DB) hear(ctx context.Context, tick <-chan time.Time) error {
	conn, err := d.reads.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	// Not ctx: to interrupt a statement would cost the connection, and none of them waits.
	steady := context.WithoutCancel(ctx)
	r := &runner{prepare: conn.PrepareContext}
	defer r.close()
	var version, heard int64
	for {
		var now int64
		if err := r.one(steady, `PRAGMA data_version`, nil, &now); err != nil {
			return err
		}
		if now != version {
			if heard, err = d.pass(steady, r, heard); err != nil {
				return err
			}
			version = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
		}
	}
}

// pass wakes for every decision after heard and returns the last.
func (d *DB) pass(ctx context.Context, r *runner, heard int64) (int64, error) {
	type decision struct {
		seq int64
		sid string
	}
	news, err := all(ctx, r, func(row scanner) (n decision, err error) {
		err = row.Scan(&n.seq, &n.sid)
		return n, err
	}, `SELECT seq, sid FROM decided WHERE seq > $1 ORDER BY seq`, heard)
	for _, n := range news {
		d.hub.wake(n.sid)
		heard = n.seq
	}
	return heard, err
}
