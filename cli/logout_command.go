package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/cli/screen"
	"github.com/handclasp/handclasp/cli/vault"
)

func (a *app) logoutCommand() *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "End the session on the server and delete it here",
		Long: "End the session on the server and delete it here, with the device's fingerprint\n" +
			"and key: the device is free for any account, and the next login, your own too,\n" +
			"comes from a device that is \"new to you\".",
		Args: cobra.NoArgs,
		RunE: a.run(func(c *call) error { return c.logout(all) }),
	}
	cmd.Flags().BoolVar(&all, "all", false, "end your sessions on all other devices too")
	return cmd
}

func (c *call) logout(all bool) error {
	if c.AccessToken != "" {
		name := variable(c.Name, "TOKEN")
		return usage(name+" is set: its session is not kept here and cannot be signed out", "unset "+name)
	}
	s, err := c.open()
	if errors.Is(err, ErrSignedOut) {
		return c.nothingToEnd(err)
	}
	if err != nil {
		return err
	}
	ended := 0
	var others error
	if all {
		ended, others = s.EndOthers(c)
	}
	if c.Err() != nil {
		return c.Err()
	}
	if err := s.Logout(c); err != nil {
		return err
	}
	if others != nil {
		return c.othersLive(others)
	}
	if c.json {
		return c.print(map[string]any{"signed_out": true, "issuer": s.Issuer(), "ended_others": ended})
	}
	c.screen.Say("Signed out of %s: the session is ended and its credentials are deleted.", s.Issuer())
	if all {
		c.screen.Say("Ended %s elsewhere.", screen.Count(ended, "other session"))
	}
	return nil
}

// nothingToEnd is no failure, unless another server was meant. What an ended session
// left here goes now.
func (c *call) nothingToEnd(err error) error {
	if _, other := errors.AsType[*OtherServerError](err); other {
		return err
	}
	v := c.vault()
	if _, err := v.Load(c.Profile); !errors.Is(err, vault.ErrNone) {
		if err := v.Delete(c, c.Profile); err != nil {
			return err
		}
	}
	if c.json {
		return c.print(map[string]any{"signed_out": true, "ended_others": 0})
	}
	c.screen.Say("Nobody was signed in.")
	return nil
}

// othersLive says that only half of --all was done.
func (c *call) othersLive(err error) error {
	told := c.words.explain(err)
	return &Error{
		Exit: told.Exit, Kind: "others_not_ended", Err: err, Hint: c.words.loginCommand(),
		Message: "signed out here, but the other sessions were not ended: " + told.Message,
	}
}
