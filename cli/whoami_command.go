package cli

import (
	"cmp"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/cli/flow"
)

func (a *app) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "whoami",
		Short: "Say who is signed in; in a pipe, only the id",
		Args:  cobra.NoArgs,
		RunE:  a.run((*call).whoami),
	}
}

func (c *call) whoami() error {
	s, err := c.openForServer()
	if err != nil {
		return err
	}
	me, err := s.Me(c)
	if err != nil {
		return err
	}
	switch {
	case c.json:
		return c.print(struct {
			flow.Me
			Issuer  string `json:"issuer"`
			Profile string `json:"profile"`
		}{me, s.Issuer(), s.profile})
	case !c.screen.OutIsTerminal:
		return c.out("%s\n", me.ID)
	}
	who := c.screen.BoldOut(cmp.Or(me.Email, me.ID))
	if me.Name != "" {
		who = me.Name + " <" + who + ">"
	}
	device := ""
	if me.Session.Device.Name != "" {
		device = " on " + me.Session.Device.Name
	}
	return c.out("You are %s at %s%s.\n", who, s.Issuer(), device)
}

// openForServer gives a session whose server can be asked: a token from the
// environment does not say whose it is.
func (c *call) openForServer() (*Session, error) {
	s, err := c.open()
	if err == nil && s.Issuer() == "" {
		return nil, usage("no server is named for the token in "+variable(c.Name, "TOKEN"),
			"export "+variable(c.Name, "ISSUER")+"=https://login.example.test")
	}
	return s, err
}
