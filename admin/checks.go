package admin

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

// The most that a client may bring: an approval page must stay readable.
const (
	nameMost  = oauth.NameMost
	wordsMost = 100
	listMost  = 50
)

// each reads every entry of a list and reports every mistake.
func each[T, S any](name string, entries []S, read func(S) (T, error)) ([]T, error) {
	if len(entries) > listMost {
		return nil, fmt.Errorf("%s: %d of them, the most is %d", name, len(entries), listMost)
	}
	var problems []error
	var values []T
	for _, entry := range entries {
		value, err := read(entry)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s %q: %w", name, nameOf(entry), err))
		}
		values = append(values, value)
	}
	return values, errors.Join(problems...)
}

func nameOf(entry any) string {
	if s, ok := entry.(store.Scope); ok {
		return s.Name
	}
	return fmt.Sprint(entry)
}

func readGrant(text string) (string, error) {
	switch text {
	case "device", "device_code", oauth.GrantDevice:
		return oauth.GrantDevice, nil
	case "refresh", oauth.GrantRefresh:
		return oauth.GrantRefresh, nil
	case "code", oauth.GrantCode:
		return oauth.GrantCode, nil
	case oauth.GrantClient:
		return oauth.GrantClient, nil
	case "magic-link", oauth.GrantMagicLink:
		return oauth.GrantMagicLink, nil
	default:
		return "", errors.New("want device, refresh, code, client_credentials or magic-link")
	}
}

// readScope wants words that say what a scope allows, since the approval page shows nothing else of it. Scopes that every
// server knows bring their own.
func readScope(s store.Scope) (store.Scope, error) {
	s.Words = strings.TrimSpace(s.Words)
	switch {
	case s.Name == "" || len(s.Name) > wordsMost || strings.ContainsFunc(s.Name, oauth.NotInScope):
		return s, oauth.ErrScopeName
	case oauth.OfAdmin(s.Name):
		return s, checkAdminScope(s)
	case s.Words != "":
		return s, checkText("its words", s.Words, wordsMost)
	case oauth.WordsOf(s.Name) == "":
		return s, errors.New("say what it allows: 'name=Deploy to production'")
	}
	return s, nil
}

// checkAdminScope takes the name alone, or what was shown.
func checkAdminScope(s store.Scope) error {
	if s.Words != "" && s.Words != oauth.AdminWords(s.Name) {
		return errors.New("is a scope of the admin API, and has its words")
	}
	return nil
}

// readResourceScope keeps the names that every server knows out of a resource's own.
func readResourceScope(s store.Scope) (store.Scope, error) {
	s, err := readScope(s)
	if err == nil && (oauth.OfAdmin(s.Name) || oauth.WordsOf(s.Name) != "") {
		err = errors.New("is a scope that every server has")
	}
	return s, err
}

func checkTwice(scopes []store.Scope) error {
	seen := map[string]bool{}
	for _, s := range scopes {
		if seen[s.Name] {
			return fmt.Errorf("scope %q: is given twice", s.Name)
		}
		seen[s.Name] = true
	}
	return nil
}

func readAudience(text string) (string, error) { return text, oauth.CheckAudience(text) }

// readRedirect keeps to the rule that clients which register themselves keep to as well.
func readRedirect(text string) (string, error) { return text, oauth.CheckRedirectURI(text) }

// readLogoutURI wants what this server itself can call. http is for an app on the same machine.
func readLogoutURI(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("logout-uri %q: must be https, or http://127.0.0.1", text)
	}
	if _, err := readRedirect(text); err != nil {
		return "", fmt.Errorf("logout-uri %q: %w", text, err)
	}
	return text, nil
}

// checkText is for what people read in a sentence of ours.
func checkText(what, text string, most int) error {
	if err := oauth.CheckLabel(text, most); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func visible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
