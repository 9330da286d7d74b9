package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/admin/remote"
)

const (
	serverFlag       = "server"
	serverAnnotation = "server"
	serverHelp       = "      --server url   do it by that server's admin API instead of in the data folder, as the client that\n" +
		"                     HANDCLASPD_CLIENT_ID and HANDCLASPD_CLIENT_SECRET (or …_SECRET_FILE) name\n"
)

// The variables that say as whom a server is asked. They are no flags: what is typed is seen by everybody on the machine.
var credentialNames = []string{envPrefix + "CLIENT_ID", envPrefix + "CLIENT_SECRET", envPrefix + "CLIENT_SECRET_FILE"}

// elsewhere marks commands that can work with a server's admin API too.
func elsewhere(commands ...*cobra.Command) []*cobra.Command {
	for _, c := range commands {
		if c.Annotations == nil {
			c.Annotations = map[string]string{}
		}
		c.Annotations[serverAnnotation] = "yes"
	}
	return commands
}

// checkServer keeps --server away from commands that would not hear it.
func (a *app) checkServer(c *cobra.Command) error {
	if a.server == "" || c.HasSubCommands() || c.Annotations[serverAnnotation] != "" {
		return nil
	}
	return hint(usage{fmt.Errorf("%s works on this machine only, and takes no --server", c.CommandPath())}, c.CommandPath()+" --help")
}

// at does something at the desk of the server that --server names, or at that of the data folder, of which it opens what the
// steps say.
func (a *app) at(ctx context.Context, do func(admin.Desk) error, steps ...step) error {
	if a.server == "" {
		return a.errand(ctx, func(h *house) error { return do(h.desk()) }, steps...)
	}
	d, err := a.remote()
	if err != nil {
		return err
	}
	return do(d)
}

func (a *app) remote() (*remote.Desk, error) {
	id, secret, err := credentials()
	if err != nil {
		return nil, usage{err}
	}
	d, err := remote.New(remote.Options{Server: strings.TrimSuffix(a.server, "/"), ClientID: id, Secret: secret})
	if err != nil {
		return nil, usage{err}
	}
	return d, nil
}

func credentials() (id, secret string, err error) {
	id, secret = os.Getenv(credentialNames[0]), os.Getenv(credentialNames[1])
	path := os.Getenv(credentialNames[2])
	switch {
	case id == "":
		return "", "", fmt.Errorf("%s: missing; it names the client that asks the server", credentialNames[0])
	case secret != "" && path != "":
		return "", "", fmt.Errorf("%s and %s: give one of them", credentialNames[1], credentialNames[2])
	case secret != "":
		return id, secret, nil
	case path == "":
		return "", "", fmt.Errorf("%s or %s: missing; the client has to prove itself", credentialNames[1], credentialNames[2])
	}
	text, err := os.ReadFile(path) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", credentialNames[2], err)
	}
	return id, strings.TrimSpace(string(text)), nil
}

// everything reads a list to its end.
func everything[T any](read func(admin.Paging) (admin.Page[T], error)) ([]T, error) {
	var all []T
	for p := (admin.Paging{Limit: admin.LimitMost}); ; {
		page, err := read(p)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		p.Cursor = page.Next
	}
}

// wrong marks what the person at the keyboard has asked wrongly, and says how to ask.
func wrong(err error, help string) error {
	if _, invalid := errors.AsType[admin.Invalid](err); invalid {
		return hint(usage{err}, help)
	}
	return err
}
