package cli

import (
	"errors"
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/cli/flow"
	"github.com/handclasp/handclasp/cli/screen"
)

func (a *app) devicesCommand() *cobra.Command {
	list := &cobra.Command{
		Use:   "devices",
		Short: "List your devices, and end what is signed in on one",
		Args:  cobra.NoArgs,
		RunE:  a.run((*call).devices),
	}
	list.AddCommand(&cobra.Command{
		Use:   "list",
		Short: "List your devices",
		Args:  cobra.NoArgs,
		RunE:  a.run((*call).devices),
	}, &cobra.Command{
		Use:     "revoke <id>",
		Short:   "End everything that is signed in on a device",
		Example: "  " + a.options.Name + " devices revoke dev_01J8ZQ4T",
		Args:    oneDevice,
		RunE:    a.run((*call).revokeDevice),
	})
	return list
}

func oneDevice(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage("which device? Give the id of one", cmd.Parent().CommandPath())
	}
	return nil
}

func (c *call) devices() error {
	s, err := c.openForServer()
	if err != nil {
		return err
	}
	devices, err := s.Devices(c)
	if err != nil {
		return err
	}
	if c.json {
		if devices == nil {
			devices = []flow.Device{}
		}
		return c.print(map[string]any{"devices": devices})
	}
	if c.screen.OutIsTerminal {
		return c.table(devices)
	}
	for _, d := range devices {
		if err := c.out("%s\t%s\t%s\t%s\t%d\n", d.ID, d.Name, d.Platform, d.LastSeen.UTC().Format(time.RFC3339), len(d.Sessions)); err != nil {
			return err
		}
	}
	return nil
}

// table is the list for people. In a pipe it is one line a device, cut by tabs, the id
// first.
func (c *call) table(devices []flow.Device) error {
	w := tabwriter.NewWriter(c.screen.Out, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "NAME\tPLATFORM\tLAST SEEN\tSESSIONS\tID") // Flush gives the error
	for _, d := range devices {
		name := d.Name
		if d.Current {
			name += " (this one)"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", name, d.Platform,
			screen.Ago(d.LastSeen, time.Now()), len(d.Sessions), d.ID)
	}
	return w.Flush()
}

func (c *call) revokeDevice() error {
	id := c.args[0]
	s, err := c.openForServer()
	if err != nil {
		return err
	}
	devices, err := s.Devices(c)
	if err != nil {
		return err
	}
	found := flow.Device{}
	for _, d := range devices {
		if d.ID == id {
			found = d
		}
	}
	if found.Current {
		return usage("that is this device", c.words.command("logout"))
	}
	err = s.EndDevice(c, id)
	if said, ok := errors.AsType[*flow.ServerError](err); ok && said.Status == http.StatusNotFound {
		return &Error{Exit: ExitFailed, Kind: "not_found", Message: fmt.Sprintf("you have no device with the id %q", flow.Clean(id)), Hint: c.words.command("devices"), Err: err}
	}
	if err != nil {
		return err
	}
	if c.json {
		return c.print(map[string]any{"device": id, "ended_sessions": len(found.Sessions)})
	}
	c.screen.Say("Ended %s on %s.", screen.Count(len(found.Sessions), "session"), c.screen.Bold(found.Name))
	return nil
}
