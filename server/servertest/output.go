package servertest

import (
	"bytes"
	"log"
	"log/slog"
	"sync"
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
