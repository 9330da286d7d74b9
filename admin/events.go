package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/handclasp/handclasp/store"
)

// EventQuery chooses events; what is empty does not choose.
type EventQuery struct {
	Paging
	Type, UserID, ClientID, SessionID string
	Since, Until                      time.Time // when it happened: at or after, and before
	Oldest                            bool      // the oldest first
	After                             string    // only events behind the one with this id; wants Oldest, and no Cursor
}

const mostType = 64

// Events implements Desk.
func (l *Local) Events(ctx context.Context, q EventQuery) (Page[store.Event], error) {
	limit, errLimit := q.limit()
	list := "events"
	if q.Oldest {
		list = "events oldest"
	}
	after, errPlace := q.place(list)
	if err := invalid(errLimit, errPlace, q.check()); err != nil {
		return Page[store.Event]{}, err
	}
	if q.After != "" {
		after = q.After
	}
	events, err := l.o.Records.ListEvents(ctx, store.EventQuery{
		Type: q.Type, UserID: q.UserID, ClientID: q.ClientID, SessionID: q.SessionID, Since: q.Since, Until: q.Until,
		Newest: !q.Oldest, After: after, Limit: limit,
	})
	if err != nil {
		return Page[store.Event]{}, fmt.Errorf("list events: %w", err)
	}
	show := func(e store.Event) store.Event { return e }
	return paged(events, limit, list, show, func(e store.Event) string { return e.ID }), nil
}

func (q EventQuery) check() error {
	problems := []error{
		checkID("user", store.UserPrefix, q.UserID), checkID("session", store.SessionPrefix, q.SessionID), checkClient(q.ClientID),
		checkID("after", store.EventPrefix, q.After), checkSpan(q.Since, q.Until),
	}
	if len(q.Type) > mostType || !visible(q.Type) {
		problems = append(problems, errors.New("type: want the type of an event, such as session.end"))
	}
	if q.After != "" && (q.Cursor != "" || !q.Oldest) {
		problems = append(problems, errors.New("after: goes with the order oldest, and without a cursor"))
	}
	return errors.Join(problems...)
}
