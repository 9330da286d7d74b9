package oauth

import (
	"context"
	"testing"
	"time"

	"github.com/handclasp/handclasp/store"
)

// changing are clients of which each is changed by somebody else while it is being read for the first time.
type changing struct {
	Clients
	name   string
	change func()
}

func (c *changing) Client(_ context.Context, id string) (store.Client, error) {
	read := store.Client{ID: id, Name: c.name}
	if c.change != nil {
		change := c.change
		c.change = nil
		change()
	}
	return read, nil
}

func (*changing) Registration(context.Context, string) (store.Registration, error) {
	return store.Registration{}, store.ErrNotFound
}

func TestWhatAClientWasBeforeItsChangeIsNotRemembered(t *testing.T) {
	t.Parallel()
	from := &changing{name: "before"}
	p := &Provider{Options: Options{Clients: from, Now: time.Now}}
	g := newRegistry(from, time.Now)
	g.documents = newDocuments(p)
	from.change = func() {
		from.name = "after"
		g.forget("tool")
	}
	if _, err := g.find(t.Context(), "tool"); err != nil { // it may be either
		t.Fatal(err)
	}
	c, err := g.find(t.Context(), "tool")
	if err != nil || c.Name != "after" {
		t.Errorf("a moment later the client is %+v, %v", c, err)
	}
}
