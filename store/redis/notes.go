package redis

import (
	"context"
	"time"
)

// PutNote keeps a text under a name; see store.Tickets.
func (s *Store) PutNote(ctx context.Context, name, body string, ttl time.Duration) error {
	reply, err := s.run(ctx, stepJot, []string{s.keys.note(name)}, s.clock(), ttl.Microseconds(), body)
	if err != nil {
		return err
	}
	return reply.ok(stepJot)
}

// Note reads a note; see store.Tickets.
func (s *Store) Note(ctx context.Context, name string) (string, error) {
	return s.note(ctx, stepNote, name)
}

// TakeNote reads a note and deletes it in the same step; see store.Tickets.
func (s *Store) TakeNote(ctx context.Context, name string) (string, error) {
	return s.note(ctx, stepTear, name)
}

func (s *Store) note(ctx context.Context, of *step, name string) (string, error) {
	reply, err := s.run(ctx, of, []string{s.keys.note(name)}, s.clock())
	if err != nil {
		return "", err
	}
	if err := reply.ok(of); err != nil {
		return "", err
	}
	return reply.text(1), nil
}
