package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/handclasp/handclasp/oauth"
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
	return group("resources", "Register, change and remove the APIs that tokens are for", add, list, show, change, remove)
}

// resourceForm is what the flags of add and change say of a resource.
type resourceForm struct {
	name   string
	scopes []string
	dpop   bool

	changed []string // the names of the flags that were given
}

func (f *resourceForm) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.name, "name", "", "what it is called")
	flags.StringArrayVar(&f.scopes, "scope", nil, "'name=What it allows, in people's words'; may be repeated")
	flags.BoolVar(&f.dpop, "dpop", false, "it takes only access tokens that are bound to a key (RFC 9449)")
}

func (f *resourceForm) given(flags *pflag.FlagSet) resourceForm {
	form := *f
	for _, name := range []string{"name", "scope", "dpop"} {
		if flags.Changed(name) {
			form.changed = append(form.changed, name)
		}
	}
	return form
}

func (f *resourceForm) has(name string) bool { return slices.Contains(f.changed, name) }

// apply changes of a resource what was given, and reports every mistake.
func (f *resourceForm) apply(r *store.Resource) error {
	var problems []error
	if f.has("name") {
		r.Name = strings.TrimSpace(f.name)
		problems = append(problems, checkText("name", r.Name, nameMost))
	}
	if f.has("scope") {
		scopes, err := each("scope", f.scopes, readResourceScope)
		r.Scopes = scopes
		problems = append(problems, err, checkTwice(scopes))
	}
	if f.has("dpop") {
		r.DPoP = f.dpop
	}
	return errors.Join(problems...)
}

// readResourceScope keeps the names that every server knows out of a resource's own.
func readResourceScope(text string) (store.Scope, error) {
	s, err := readScope(text)
	if err == nil && oauth.WordsOf(s.Name) != "" {
		err = errors.New("is a scope that every server has")
	}
	return s, err
}

func (a *app) resourcesAdd(ctx context.Context, uri string, form resourceForm) error {
	now := time.Now().Truncate(time.Millisecond) // as it is kept
	r := store.Resource{ID: uri, CreatedAt: now, UpdatedAt: now}
	_, err := readAudience(uri)
	if err != nil {
		err = fmt.Errorf("uri %q: %w", uri, err)
	}
	if !form.has("name") {
		err = errors.Join(err, errors.New("name: missing; it says which API this is"))
	}
	if err = errors.Join(err, form.apply(&r)); err != nil {
		return hint(usage{err}, "handclaspd resources add --help")
	}
	return a.errand(ctx, func(h *house) error {
		err := h.db.CreateResource(ctx, r)
		if errors.Is(err, store.ErrExists) {
			return hint(fmt.Errorf("there is a resource %s already", uri), a.command("resources", "show", quoted(uri)))
		}
		if err != nil {
			return a.ofScopes(err, "register resource")
		}
		h.record(ctx, store.Event{Type: "resource.add", Target: uri})
		return a.showResource(r)
	}, newRecords, journal)
}

func (a *app) resourcesChange(ctx context.Context, uri string, form resourceForm) error {
	return a.errand(ctx, func(h *house) error {
		r, err := a.resource(ctx, h, uri)
		if err != nil {
			return err
		}
		if len(form.changed) == 0 {
			return hint(usage{errors.New("nothing to change was given")}, "handclaspd resources change --help")
		}
		if err := form.apply(&r); err != nil {
			return hint(usage{err}, "handclaspd resources change --help")
		}
		r.UpdatedAt = time.Now()
		if err := h.db.UpdateResource(ctx, r); err != nil {
			return a.ofScopes(err, "change resource")
		}
		h.record(ctx, store.Event{Type: "resource.change", Target: uri, Detail: strings.Join(form.changed, " ")})
		return a.showResource(r)
	}, oldRecords, journal)
}

// ofScopes says of a taken scope what can be done.
func (a *app) ofScopes(err error, what string) error {
	if errors.Is(err, store.ErrScopeTaken) {
		return hint(errors.New("one of the scopes is another resource's already; a scope is one resource's"), a.command("resources", "list"))
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (a *app) resourcesList(ctx context.Context, _ []string) error {
	return a.errand(ctx, func(h *house) error {
		resources, err := h.db.Resources(ctx)
		if err != nil {
			return fmt.Errorf("list resources: %w", err)
		}
		return a.showResources(resources)
	}, oldRecords)
}

func (a *app) resourcesShow(ctx context.Context, args []string) error {
	return a.errand(ctx, func(h *house) error {
		r, err := a.resource(ctx, h, args[0])
		if err != nil {
			return err
		}
		return a.showResource(r)
	}, oldRecords)
}

// resourcesRemove leaves alone what a client uses: its audience would stay, and its scopes would cease without a word. A
// client that is registered for it meanwhile has an audience of its own, as for any API that is not registered.
func (a *app) resourcesRemove(ctx context.Context, args []string) error {
	return a.errand(ctx, func(h *house) error {
		r, err := a.resource(ctx, h, args[0])
		if err != nil {
			return err
		}
		clients, err := h.db.Clients(ctx)
		if err != nil {
			return fmt.Errorf("list clients: %w", err)
		}
		for _, c := range clients {
			if slices.Contains(c.Audiences, r.ID) {
				return hint(fmt.Errorf("the client %s uses %s; give it other audiences first", c.ID, r.ID), a.command("clients", "show", c.ID))
			}
		}
		if err := h.db.DeleteResource(ctx, r.ID); err != nil {
			return fmt.Errorf("remove resource: %w", err)
		}
		h.record(ctx, store.Event{Type: "resource.remove", Target: r.ID})
		if a.json {
			return a.printJSON(map[string]any{"id": r.ID, "removed": true})
		}
		return a.tell("removed %s", r.ID)
	}, oldRecords, journal)
}

func (a *app) resource(ctx context.Context, h *house, uri string) (store.Resource, error) {
	r, err := h.db.Resource(ctx, uri)
	if errors.Is(err, store.ErrNotFound) {
		return r, hint(fmt.Errorf("there is no resource %s", uri), a.command("resources", "list"))
	}
	if err != nil {
		return r, fmt.Errorf("find resource: %w", err)
	}
	return r, nil
}
