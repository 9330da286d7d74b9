package admin

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/handclasp/handclasp/store"
)

// Page is a part of a list. It begins behind the last entry of the one before, so what comes and goes meanwhile neither
// repeats an entry nor skips one.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next_cursor,omitempty"` // the Cursor of the next page; empty if there is none
}

// Paging is the part of a list that is wanted.
type Paging struct {
	Cursor string // the Next of the page before; empty for the first one
	Limit  int    // at most so many; 0 is LimitUsual
}

// How many entries a page has.
const (
	LimitUsual = 100
	LimitMost  = 500
)

// limit is one more than is shown, which tells whether there is another page.
func (p Paging) limit() (int, error) {
	if p.Limit < 0 || p.Limit > LimitMost {
		return 0, fmt.Errorf("limit: want 1 to %d", LimitMost)
	}
	if p.Limit == 0 {
		return LimitUsual + 1, nil
	}
	return p.Limit + 1, nil
}

// paged makes a page of what was read with one entry too many, if there is one.
func paged[T, S any](read []S, limit int, list string, show func(S) T, at func(S) string) Page[T] {
	p := Page[T]{Items: []T{}}
	if len(read) == limit {
		read = read[:limit-1]
		p.Next = cursor(list, at(read[len(read)-1]))
	}
	for _, entry := range read {
		p.Items = append(p.Items, show(entry))
	}
	return p
}

// pagedWhole makes a page of a list that is short enough to be read at once, in order of the ids.
func pagedWhole[T, S any](
	ctx context.Context, p Paging, list string, read func(context.Context) ([]S, error), show func(S) T, id func(S) string,
) (Page[T], error) {
	limit, errLimit := p.limit()
	after, errPlace := p.place(list)
	if err := invalid(errLimit, errPlace); err != nil {
		return Page[T]{}, err
	}
	all, err := read(ctx)
	if err != nil {
		return Page[T]{}, fmt.Errorf("list %s: %w", list, err)
	}
	all = slices.DeleteFunc(all, func(s S) bool { return id(s) <= after })
	return paged(all[:min(limit, len(all))], limit, list, show, id), nil
}

// cursor says where a page of a list ended. It is no secret and no permission, only a place.
func cursor(list, at string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(list + "\n" + at))
}

// place reads a cursor of this list; an empty one is the beginning.
func (p Paging) place(list string) (string, error) {
	if p.Cursor == "" {
		return "", nil
	}
	text, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	of, at, ok := strings.Cut(string(text), "\n")
	if err != nil || !ok || of != list || at == "" || len(at) > 300 {
		return "", errors.New("cursor: want the next_cursor of this very list")
	}
	return at, nil
}

// sessionPlace is the time and the id of a session.
func sessionPlace(s store.Session) string {
	return strconv.FormatInt(s.CreatedAt.UnixMilli(), 10) + " " + s.ID
}

func readSessionPlace(at string) (time.Time, string, error) {
	if at == "" {
		return time.Time{}, "", nil
	}
	ms, id, _ := strings.Cut(at, " ")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil || !store.ValidID(store.SessionPrefix, id) {
		return time.Time{}, "", errors.New("cursor: want the next_cursor of this very list")
	}
	return time.UnixMilli(n), id, nil
}

// checkID wants nothing, or an id of ours.
func checkID(name, prefix, id string) error {
	if id == "" || store.ValidID(prefix, id) {
		return nil
	}
	return fmt.Errorf("%s %q: want an id such as %s3v1n8q…", name, id, prefix)
}

func checkClient(id string) error {
	if id == "" || store.ValidClientID(id) {
		return nil
	}
	return fmt.Errorf("client %q: cannot be a client's id", id)
}

func checkStanding(state store.Standing) error {
	switch state {
	case "", store.Enabled, store.Disabled:
		return nil
	}
	return fmt.Errorf("state %q: want enabled or disabled", string(state))
}

func checkSpan(since, until time.Time) error {
	if !since.IsZero() && !until.IsZero() && !since.Before(until) {
		return errors.New("since: must lie before until")
	}
	return nil
}
