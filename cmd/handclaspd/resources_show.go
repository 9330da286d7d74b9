package main

import "github.com/handclasp/handclasp/admin"

func (a *app) showResources(resources []admin.Resource) error {
	if a.json {
		return a.printJSON(whole(resources))
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

func (a *app) showResource(r admin.Resource) error {
	if a.json {
		return a.printJSON(r)
	}
	return a.fields(line("uri", r.ID), line("name", r.Name), line("scopes", scopeLines(r.Scopes)...), line("DPoP", yesNo(r.DPoP)),
		line("created", moment(r.CreatedAt)), line("changed", moment(r.UpdatedAt)))
}
