package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

// worded gives the scopes that are named without words those of a resource among the client's audiences: what a scope allows is said
// once. Whatever has no words then is a mistake, which apply reports.
func (l *Local) worded(ctx context.Context, f ClientForm, audiences []string) (ClientForm, error) {
	if f.Scopes == nil || !slices.ContainsFunc(*f.Scopes, wordless) {
		return f, nil
	}
	if f.Audiences != nil {
		audiences = *f.Audiences
	}
	said, err := l.wordsOf(ctx, audiences)
	if err != nil {
		return f, err
	}
	scopes := slices.Clone(*f.Scopes)
	for i, s := range scopes {
		if wordless(s) {
			scopes[i].Words = said[s.Name]
		}
	}
	f.Scopes = &scopes
	return f, nil
}

func wordless(s store.Scope) bool {
	return strings.TrimSpace(s.Words) == "" && !oauth.OfAdmin(s.Name) && oauth.WordsOf(s.Name) == ""
}

// wordsOf is what the registered ones among some audiences say of their scopes.
func (l *Local) wordsOf(ctx context.Context, audiences []string) (map[string]string, error) {
	said := map[string]string{}
	for _, id := range audiences[:min(listMost, len(audiences))] {
		if oauth.CheckAudience(id) != nil {
			continue // apply says so
		}
		r, err := l.o.Records.Resource(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find resource: %w", err)
		}
		for _, s := range r.Scopes {
			said[s.Name] = s.Words
		}
	}
	return said, nil
}
