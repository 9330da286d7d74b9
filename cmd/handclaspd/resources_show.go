package main

import (
	"time"

	"github.com/handclasp/handclasp/store"
)

// shownResource is a resource as JSON has it.
type shownResource struct {
	ID        string        `json:"id"`
	Name      string        `json:"name"`
	Scopes    []store.Scope `json:"scopes"`
	DPoP      bool          `json:"dpop"`
	CreatedAt time.Time     `json:"created_at"`
	UpdatedAt time.Time     `json:"updated_at"`
}

func shownResourceAs(r store.Resource) shownResource {
	return shownResource{
		ID: r.ID, Name: r.Name, Scopes: append([]store.Scope{}, r.Scopes...), DPoP: r.DPoP,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

func (a *app) showResources(resources []store.Resource) error {
	if a.json {
		shown := make([]shownResource, len(resources))
		for i, r := range resources {
			shown[i] = shownResourceAs(r)
		}
		return a.printJSON(shown)
	}
	if len(resources) == 0 {
		a.say("there are no resources yet")
		return nil
	}
	rows := [][]string{{"URI", "NAME", "SCOPES", "DPOP", "CREATED"}}
	for _, r := range resources {
		rows = append(rows, []string{r.ID, r.Name, plural(len(r.Scopes), "scope"), yesNo(r.DPoP), moment(r.CreatedAt)})
	}
	return a.table(rows...)
}

func (a *app) showResource(r store.Resource) error {
	if a.json {
		return a.printJSON(shownResourceAs(r))
	}
	scopes := make([]string, len(r.Scopes))
	for i, s := range r.Scopes {
		scopes[i] = s.Name + "  " + s.Words
	}
	return a.fields(line("uri", r.ID), line("name", r.Name), line("scopes", scopes...), line("DPoP", yesNo(r.DPoP)),
		line("created", moment(r.CreatedAt)), line("changed", moment(r.UpdatedAt)))
}
