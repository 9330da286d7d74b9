package server

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/handclasp/handclasp/store"
)

// listed is a live session with what lists say about it.
type listed struct {
	store.Session
	device     store.Device // zero for a browser
	clientName string
	seen       time.Time
	expires    time.Time
}

// listSessionsOf reads the live sessions of a user, newest use first. Both memories are asked: the records know what was
// begun, the tickets when it was last used. A session whose ticket is gone is over, and is left out.
func (s *Server) listSessionsOf(ctx context.Context, userID string) ([]listed, error) {
	rows, err := s.Records.LiveSessions(ctx, userID)
	if err != nil {
		return nil, unavailable(err)
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	pulses, err := s.Tickets.Pulses(ctx, ids...)
	if err != nil {
		return nil, unavailable(err)
	}
	names := map[string]string{}
	list := make([]listed, 0, len(rows))
	for i, row := range rows {
		if pulses[i].State != store.StateLive {
			continue
		}
		l := listed{Session: row, seen: latest(row.SeenAt, pulses[i].SeenAt), expires: pulses[i].ExpiresAt}
		if err := s.describe(ctx, &l, names); err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	slices.SortStableFunc(list, func(a, b listed) int { return b.seen.Compare(a.seen) })
	return list, nil
}

// describe adds the device and the client's name. A client that was removed meanwhile keeps its id as its name.
func (s *Server) describe(ctx context.Context, l *listed, names map[string]string) error {
	if l.DeviceID != "" {
		device, err := s.Records.Device(ctx, l.DeviceID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return unavailable(err)
		}
		l.device = device
	}
	if l.ClientID == "" {
		return nil
	}
	name, ok := names[l.ClientID]
	if !ok {
		client, err := s.Records.Client(ctx, l.ClientID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return unavailable(err)
		}
		if name = client.Name; name == "" {
			name = l.ClientID
		}
		names[l.ClientID] = name
	}
	l.clientName = name
	return nil
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
