package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/handclasp/handclasp/store"
)

// Resource is a resource as the desk shows one.
type Resource struct {
	ID        string        `json:"id"`
	Name      string        `json:"name"`
	Scopes    []store.Scope `json:"scopes"`
	DPoP      bool          `json:"dpop"`
	CreatedAt time.Time     `json:"created_at"`
	UpdatedAt time.Time     `json:"updated_at"`
}

func resourceOf(r store.Resource) Resource {
	return Resource{
		ID: r.ID, Name: r.Name, Scopes: append([]store.Scope{}, r.Scopes...), DPoP: r.DPoP,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

// ResourceForm says what a resource is to be. What is not said stays as it is.
type ResourceForm struct {
	ID     string         `json:"id,omitempty"` // the URI of a new one
	Name   *string        `json:"name,omitempty"`
	Scopes *[]store.Scope `json:"scopes,omitempty"`
	DPoP   *bool          `json:"dpop,omitempty"`
}

// said names what the form says, in the words of the command's flags.
func (f ResourceForm) said() []string {
	var said []string
	if f.Name != nil {
		said = append(said, "name")
	}
	if f.Scopes != nil {
		said = append(said, "scope")
	}
	if f.DPoP != nil {
		said = append(said, "dpop")
	}
	return said
}

// apply changes of a resource what is said, and reports every mistake.
func (f ResourceForm) apply(r *store.Resource) error {
	var problems []error
	if f.Name != nil {
		r.Name = strings.TrimSpace(*f.Name)
		problems = append(problems, checkText("name", r.Name, nameMost))
	}
	if f.Scopes != nil {
		scopes, err := each("scope", *f.Scopes, readResourceScope)
		r.Scopes = scopes
		problems = append(problems, err, checkTwice(scopes))
	}
	if f.DPoP != nil {
		r.DPoP = *f.DPoP
	}
	return errors.Join(problems...)
}

// ResourceQuery chooses all resources.
type ResourceQuery struct{ Paging }

// Resources implements Desk. There are a few of them, so they are read at once.
func (l *Local) Resources(ctx context.Context, q ResourceQuery) (Page[Resource], error) {
	return pagedWhole(ctx, q.Paging, "resources", l.o.Records.Resources, resourceOf, func(r store.Resource) string { return r.ID })
}

// Resource implements Desk.
func (l *Local) Resource(ctx context.Context, id string) (Resource, error) {
	r, err := l.o.Records.Resource(ctx, id)
	if err != nil {
		return Resource{}, fmt.Errorf("find resource: %w", err)
	}
	return resourceOf(r), nil
}

// CreateResource implements Desk.
func (l *Local) CreateResource(ctx context.Context, f ResourceForm) (Resource, error) {
	now := l.now()
	r := store.Resource{ID: f.ID, CreatedAt: now, UpdatedAt: now}
	_, err := readAudience(f.ID)
	if err != nil {
		err = fmt.Errorf("uri %q: %w", f.ID, err)
	}
	if f.Name == nil {
		err = errors.Join(err, errors.New("name: missing; it says which API this is"))
	}
	if err := invalid(err, f.apply(&r)); err != nil {
		return Resource{}, err
	}
	err = l.o.Records.CreateResource(ctx, r)
	if errors.Is(err, store.ErrExists) {
		return Resource{}, &Refusal{Reason: ReasonExists, Text: "there is a resource " + r.ID + " already", By: r.ID}
	}
	if err != nil {
		return Resource{}, ofScopes(err, "register resource")
	}
	l.record(ctx, store.Event{Type: "resource.add", Target: r.ID})
	return resourceOf(r), nil
}

// ChangeResource implements Desk.
func (l *Local) ChangeResource(ctx context.Context, id string, f ResourceForm, match string) (Resource, error) {
	for range mostTries {
		was, err := l.o.Records.Resource(ctx, id)
		if err != nil {
			return Resource{}, fmt.Errorf("find resource: %w", err)
		}
		if match != "" && match != Version(resourceOf(was)) {
			return Resource{}, refuse(ReasonChanged, id+" is not any more what was looked at")
		}
		if f.ID != "" || len(f.said()) == 0 {
			return Resource{}, invalid(errors.New("nothing to change was given"))
		}
		r := was
		if err := invalid(f.apply(&r)); err != nil {
			return Resource{}, err
		}
		r.UpdatedAt = l.now()
		err = l.o.Records.ReplaceResource(ctx, was, r)
		if errors.Is(err, store.ErrChanged) {
			continue // somebody was faster: look again
		}
		if err != nil {
			return Resource{}, ofScopes(err, "change resource")
		}
		l.record(ctx, store.Event{Type: "resource.change", Target: id, Detail: strings.Join(f.said(), " ")})
		return resourceOf(r), nil
	}
	return Resource{}, refuse(ReasonChanged, id+" is being changed by others all the time")
}

func ofScopes(err error, what string) error {
	if errors.Is(err, store.ErrScopeTaken) {
		return refuse(ReasonScopeTaken, "one of the scopes is another resource's already; a scope is one resource's")
	}
	return fmt.Errorf("%s: %w", what, err)
}

// DeleteResource implements Desk. It leaves alone what a client uses: its audience would stay, and its scopes would cease without
// a word. A client that is registered for it meanwhile has an audience of its own, as for any API that is not registered.
func (l *Local) DeleteResource(ctx context.Context, id string) error {
	if _, err := l.Resource(ctx, id); err != nil {
		return err
	}
	clients, err := l.o.Records.Clients(ctx)
	if err != nil {
		return fmt.Errorf("list clients: %w", err)
	}
	for _, c := range clients {
		if slices.Contains(c.Audiences, id) {
			text := fmt.Sprintf("the client %s uses %s; give it other audiences first", c.ID, id)
			return &Refusal{Reason: ReasonInUse, Text: text, By: c.ID}
		}
	}
	if err := l.o.Records.DeleteResource(ctx, id); err != nil {
		return fmt.Errorf("remove resource: %w", err)
	}
	l.record(ctx, store.Event{Type: "resource.remove", Target: id})
	return nil
}
