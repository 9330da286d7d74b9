// Package storetest is the suite that every keeper of store's promises passes, races included. A keeper's own tests open
// it and hand it over; each story below is one promise of store.Records or store.Tickets, told as a user would meet it.
package storetest

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handclasp/handclasp/store"
)

// Keeper is a keeper of tickets under test. Each one that an open function returns is empty and belongs to one story.
type Keeper struct {
	store.Tickets
	// Second works on the same data as another replica does.
	Second store.Tickets
	// Clock is the time of both.
	*Clock
}

// Clock is the time of a keeper under test. It stands still until a story lets time pass, so that no machine is too slow
// for a promise of half a second.
type Clock struct{ at atomic.Int64 }

// NewClock is a clock that stopped now.
func NewClock() *Clock {
	c := &Clock{}
	c.at.Store(time.Now().UnixMilli())
	return c
}

// Now is in the milliseconds that every keeper can hold.
func (c *Clock) Now() time.Time { return time.UnixMilli(c.at.Load()).UTC() }

// Advance lets time pass: after it both replicas behave in everything as if d had gone by.
func (c *Clock) Advance(d time.Duration) { c.at.Add(d.Milliseconds()) }

// Tickets tells every story of store.Tickets to keepers that open makes; open closes them by t.Cleanup.
func Tickets(t *testing.T, open func(t *testing.T) Keeper) {
	stories := slices.Concat(requestStories, decisionStories, pollStories, keyStories, redeemStories, grantStories, rotateStories,
		reuseStories, browserStories, linkStories, limitStories, noteStories, watchStories)
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) { s.tell(newRig(t, open(t))) })
	}
}

// Records tells every story of store.Records to keepers that open makes; open closes them by t.Cleanup.
func Records(t *testing.T, open func(t *testing.T) store.Records) {
	stories := slices.Concat(userStories, beginStories, confirmStories, endStories, dueStories, clientStories, registrationStories, resourceStories, statusStories, logoutStories, consentStories, eventStories, listStories)
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) { s.tell(newBook(t, open(t))) })
	}
}

// story is one promise: a sentence, and the proof of it on some kind of stage.
type story[stage any] struct {
	name string
	tell func(stage)
}

// patience bounds a whole story, so that a keeper that hangs fails instead of stopping the suite.
const patience = 2 * time.Minute

// within gives a context that ends with the story.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
