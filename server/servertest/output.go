package servertest

import (
	"bytes"
	"encoding/json"
	"log"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/handclasp/handclasp/store"
)

// Output keeps what was written to it.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write never fails.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String is everything so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (s *Server) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(s.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (s *Server) errorLog() *log.Logger {
	return slog.NewLogLogger(s.logger().Handler(), slog.LevelDebug)
}

// Recorded are the events of one type so far, in order.
func (s *Server) Recorded(t testing.TB, kind string) []store.Event {
	t.Helper()
	var found []store.Event
	for line := range strings.Lines(s.Events.String()) {
		var e store.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("event line %q: %v", line, err)
		}
		if e.Type == kind {
			found = append(found, e)
		}
	}
	return found
}
