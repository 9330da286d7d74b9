package sessions

import (
	"time"

	"github.com/handclasp/handclasp/store"
)

const (
	// damperWindow is how long refusals are counted together.
	damperWindow = time.Minute
	// alikeMost is how many refusals that differ in nothing but their time are written down in a window.
	alikeMost = 60
	// kindsMost is how many different refusals are counted at once.
	kindsMost = 500
	// leftOut stands in the last of them.
	leftOut = "more like it are left out for a minute"
)

// damper keeps strangers from filling the disk: a limit that refuses costs them nothing, and every refusal would be a line
// and a row that are kept for months. The zero value counts from the first refusal on. It is not safe for concurrent use.
type damper struct {
	began time.Time
	count map[refusal]int
}

// refusal is what makes two of them alike. The whole network of the asker, since one household has 2^64 addresses.
type refusal struct {
	event   store.Event
	network string
}

// admit says whether an event is written down, and marks the last of its kind. Only refusals are ever left out; when there
// are too many different ones, only those of nobody, so that no flood hides what somebody who is signed in was refused.
func (d *damper) admit(e *store.Event, network string) bool {
	if e.Result != Refused {
		return true
	}
	if since := e.Time.Sub(d.began); since < 0 || since >= damperWindow || d.count == nil {
		d.began, d.count = e.Time, map[refusal]int{}
	}
	kind := refusal{*e, network}
	kind.event.ID, kind.event.Time, kind.event.RequestID, kind.event.Address = "", time.Time{}, "", ""
	n, known := d.count[kind]
	if !known && len(d.count) >= kindsMost {
		return e.UserID != ""
	}
	d.count[kind] = n + 1
	if n+1 == alikeMost {
		if e.Detail != "" {
			e.Detail += "; "
		}
		e.Detail += leftOut
	}
	return n < alikeMost
}
