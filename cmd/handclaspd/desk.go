package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/admin/remote"
)

const (
	serverFlag       = "server"
	serverAnnotation = "server"
	serverHelp       = "do it by the admin API of the server at this `url` instead of in the data folder, as the client that\n" +
		"HANDCLASPD_CLIENT_ID and HANDCLASPD_CLIENT_SECRET (or …_SECRET_FILE, or …_KEY_FILE) name"
)

// The variables that say as whom a server is asked, and what proves it: a secret, a file with it, or a file with a private key.
// They are no flags: what is typed is seen by everybody on the machine.
const (
	clientIDName   = envPrefix + "CLIENT_ID"
	secretName     = envPrefix + "CLIENT_SECRET"
	secretFileName = envPrefix + "CLIENT_SECRET_FILE"
	keyFileName    = envPrefix + "CLIENT_KEY_FILE"
)

var (
	proofNames      = []string{secretName, secretFileName, keyFileName}
	credentialNames = append([]string{clientIDName}, proofNames...)
)

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
	o, err := credentials()
	if err != nil {
		return nil, hint(usage{err}, "handclaspd clients create --id operator --name Operator --grant client_credentials --scope admin:read")
	}
	o.Server = strings.TrimSuffix(a.server, "/")
	d, err := remote.New(o)
	if err != nil {
		return nil, usage{err}
	}
	return d, nil
}

// credentials say as whom a server is asked, and what proves it.
func credentials() (remote.Options, error) {
	o := remote.Options{ClientID: os.Getenv(clientIDName)}
	if o.ClientID == "" {
		return o, fmt.Errorf("%s: missing; it names the client that asks the server", clientIDName)
	}
	given := slices.DeleteFunc(slices.Clone(proofNames), func(name string) bool { return os.Getenv(name) == "" })
	switch len(given) {
	case 0:
		return o, fmt.Errorf("%s: missing; the client has to prove itself by one of them", strings.Join(proofNames, ", "))
	case 1:
		if err := readProof(&o, given[0]); err != nil {
			return o, fmt.Errorf("%s: %w", given[0], err)
		}
		return o, nil
	default:
		return o, fmt.Errorf("%s: give one of them", strings.Join(given, ", "))
	}
}

func readProof(o *remote.Options, name string) error {
	value := os.Getenv(name)
	if name == secretName {
		o.Secret = value
		return nil
	}
	text, err := os.ReadFile(value) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return err
	}
	if name == keyFileName {
		o.Key, err = remote.ReadKey(text)
		return err
	}
	o.Secret = strings.TrimSpace(string(text))
	return nil
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
