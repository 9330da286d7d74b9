package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func configCommand(a *app) *cobra.Command {
	check := &cobra.Command{
		Use: "check", Short: "Say whether a server can run with these settings", Args: words(), Annotations: settings(every),
		Long:    "Say ok, or every mistake of the settings at once. Nothing is opened or changed.",
		Example: "  handclaspd config check --config /etc/handclaspd.toml", RunE: a.run(a.configCheck),
	}
	show := &cobra.Command{
		Use: "print", Short: "Print every setting and where it comes from", Args: words(), Annotations: settings(every),
		Long:    "Print every setting with its value and where that comes from: flag, environment, file or default. Secrets are masked.",
		Example: "  handclaspd config print --json", RunE: a.configPrint,
	}
	return group("config", "Check and print the settings", check, show)
}

func (a *app) configCheck(context.Context, []string) error {
	if err := a.settings.check(); err != nil {
		return hint(usage{err}, "handclaspd help serve")
	}
	if a.json {
		return a.printJSON(map[string]bool{"ok": true})
	}
	return a.tell("ok")
}

// configPrint prints also what has mistakes, since that is when somebody wants to see it.
func (a *app) configPrint(c *cobra.Command, _ []string) error {
	a.started = true
	unread := a.prepare(c)
	type setting struct {
		Name  string `json:"name"`
		Value any    `json:"value"`
		From  source `json:"from"`
	}
	list, rows := []setting{}, [][]string{{"SETTING", "VALUE", "FROM"}}
	fieldsOf(&a.settings, func(f reflect.StructField, v reflect.Value) {
		value, where := shown(f, v), a.sources[nameOf(f)]
		list = append(list, setting{nameOf(f), value, where})
		rows = append(rows, []string{nameOf(f), fmt.Sprint(value), string(where)})
	})
	if a.json {
		if unread != nil {
			return unread
		}
		return a.printJSON(list)
	}
	return errors.Join(a.table(rows...), unread)
}

// shown is a setting as anybody may see it.
func shown(f reflect.StructField, v reflect.Value) any {
	switch value := v.Interface().(type) {
	case time.Duration:
		return short(value)
	case string:
		return masked(f.Tag.Get("secret"), value)
	default:
		return value
	}
}

// short is a duration as it is typed: 15m, not 15m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

const mask = "****"

// masked leaves of a secret what is none. Whatever cannot be understood is hidden whole.
func masked(kind, secret string) string {
	if kind == "" || secret == "" || kind == "path" && !strings.Contains(secret, "://") {
		return secret
	}
	u, err := url.Parse(secret)
	if err != nil || u.Host == "" || kind == "whole" {
		return mask
	}
	text := u.Scheme + "://"
	if u.User != nil {
		text += mask + "@" // the name too: some servers take a token for it
	}
	text += u.Host + u.Path
	if u.RawQuery == "" {
		return text
	}
	if tls := u.Query().Get("tls"); u.RawQuery == "tls="+tls {
		return text + "?tls=" + tls
	}
	return text + "?" + mask
}
