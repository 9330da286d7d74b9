package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/store"
)

func resourcesCommand(a *app) *cobra.Command {
	var form, changes resourceForm
	add := &cobra.Command{
		Use: "add <uri>", Short: "Register an API that tokens are for", Args: words("uri"),
		Long: "Register an API by the URI that requests name and that its tokens have as their audience. Its scopes are its own:\n" +
			"no other resource can have one of the same name. A client may use it once it has the URI as an --audience.",
		Example: "  handclaspd resources add https://api.example.test --name 'Deployments' --scope 'deploy:write=Deploy to production'",
	}
	add.RunE = a.run(func(ctx context.Context, args []string) error {
		return a.resourcesAdd(ctx, args[0], form.given(add.Flags()))
	})
	form.addFlags(add.Flags())
	change := &cobra.Command{
		Use: "change <uri>", Short: "Change a resource", Args: words("uri"),
		Long: "Change what is given and nothing else; the scopes are replaced as a whole, and emptied by one empty entry.\n" +
			"Servers follow within seconds.",
		Example: "  handclaspd resources change https://api.example.test --name 'Deployments'",
	}
	change.RunE = a.run(func(ctx context.Context, args []string) error {
		return a.resourcesChange(ctx, args[0], changes.given(change.Flags()))
	})
	changes.addFlags(change.Flags())
	list := &cobra.Command{
		Use: "list", Short: "List all resources", Args: words(),
		Example: "  handclaspd resources list --json", RunE: a.run(a.resourcesList),
	}
	show := &cobra.Command{
		Use: "show <uri>", Short: "Show one resource", Args: words("uri"),
		Example: "  handclaspd resources show https://api.example.test", RunE: a.run(a.resourcesShow),
	}
	remove := &cobra.Command{
		Use: "remove <uri>", Short: "Remove a resource that no client uses", Args: words("uri"),
		Example: "  handclaspd resources remove https://api.example.test", RunE: a.run(a.resourcesRemove),
	}
	return group("resources", "Register, change and remove the APIs that tokens are for", elsewhere(add, list, show, change, remove)...)
}

// resourceForm is what the flags of add and change say of a resource.
type resourceForm struct {
	name   string
	scopes []string
	dpop   bool
}

func (f *resourceForm) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.name, "name", "", "the `name` of the API")
	flags.StringArrayVar(&f.scopes, "scope", nil, "a scope and what it allows in people's words, as `name=words`; may be repeated")
	flags.BoolVar(&f.dpop, "dpop", false, "it takes only access tokens that are bound to a key (RFC 9449)")
}

func (f *resourceForm) given(flags *pflag.FlagSet) admin.ResourceForm {
	changed := typed(flags)
	return admin.ResourceForm{
		Name:   said(changed["name"], f.name),
		Scopes: said(changed["scope"], scopes(f.scopes)),
		DPoP:   said(changed["dpop"], f.dpop),
	}
}

func (a *app) resourcesAdd(ctx context.Context, uri string, form admin.ResourceForm) error {
	form.ID = uri
	return a.at(ctx, func(d admin.Desk) error {
		r, err := d.CreateResource(ctx, form)
		if err != nil {
			return a.ofResource(wrong(err, "handclaspd resources add --help"), uri)
		}
		return a.showResource(r)
	}, newRecords, journal)
}

func (a *app) resourcesChange(ctx context.Context, uri string, form admin.ResourceForm) error {
	return a.at(ctx, func(d admin.Desk) error {
		r, err := d.ChangeResource(ctx, uri, form, "")
		if err != nil {
			return a.ofResource(wrong(err, "handclaspd resources change --help"), uri)
		}
		return a.showResource(r)
	}, oldRecords, journal)
}

func (a *app) resourcesList(ctx context.Context, _ []string) error {
	return a.at(ctx, func(d admin.Desk) error {
		resources, err := everything(func(p admin.Paging) (admin.Page[admin.Resource], error) {
			return d.Resources(ctx, admin.ResourceQuery{Paging: p})
		})
		if err != nil {
			return err
		}
		return a.showResources(resources)
	}, oldRecords)
}

func (a *app) resourcesShow(ctx context.Context, args []string) error {
	return a.at(ctx, func(d admin.Desk) error {
		r, err := d.Resource(ctx, args[0])
		if err != nil {
			return a.ofResource(err, args[0])
		}
		return a.showResource(r)
	}, oldRecords)
}

func (a *app) resourcesRemove(ctx context.Context, args []string) error {
	uri := args[0]
	return a.at(ctx, func(d admin.Desk) error {
		if err := d.DeleteResource(ctx, uri); err != nil {
			return a.ofResource(err, uri)
		}
		if a.json {
			return a.printJSON(map[string]any{"id": uri, "removed": true})
		}
		return a.tell("removed %s", uri)
	}, oldRecords, journal)
}

// ofResource says what can be done about an error.
func (a *app) ofResource(err error, uri string) error {
	refusal, refused := errors.AsType[*admin.Refusal](err)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return hint(fmt.Errorf("there is no resource %s", uri), a.command("resources", "list"))
	case !refused:
		return err
	case refusal.Reason == admin.ReasonExists:
		return hint(err, a.command("resources", "show", quoted(uri)))
	case refusal.Reason == admin.ReasonInUse:
		return hint(err, a.command("clients", "show", refusal.By))
	case refusal.Reason == admin.ReasonScopeTaken:
		return hint(err, a.command("resources", "list"))
	}
	return err
}
