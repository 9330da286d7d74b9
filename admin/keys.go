package admin

import (
	"context"
	"errors"
	"fmt"

	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/store"
)

// Keys implements Desk.
func (l *Local) Keys(context.Context) ([]keys.Info, error) { return l.o.Keys.List(), nil }

// RotateKeys implements Desk.
func (l *Local) RotateKeys(ctx context.Context, now bool) ([]keys.Info, error) {
	if err := l.o.Keys.Rotate(ctx, now); err != nil {
		return nil, ofKeys(err)
	}
	l.record(ctx, store.Event{Type: "key.rotate", Target: l.o.Keys.Current().KID})
	return l.Keys(ctx)
}

// RetireKey implements Desk.
func (l *Local) RetireKey(ctx context.Context, id string, now bool) ([]keys.Info, error) {
	if err := l.o.Keys.Retire(ctx, id, now); err != nil {
		return nil, ofKeys(err)
	}
	detail := ""
	if now {
		detail = "at once"
	}
	l.record(ctx, store.Event{Type: "key.retire", Target: id, Detail: detail})
	return l.Keys(ctx)
}

// ofKeys turns the refusals of the keys into the desk's.
func ofKeys(err error) error {
	switch {
	case errors.Is(err, keys.ErrTooEarly):
		return refuse(ReasonTooEarly, err.Error())
	case errors.Is(err, keys.ErrFixed):
		return refuse(ReasonFixed, err.Error())
	case errors.Is(err, keys.ErrUnknown):
		return fmt.Errorf("%w: %w", err, store.ErrNotFound)
	default:
		return err
	}
}
