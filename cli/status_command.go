package cli

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/cli/screen"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Check the sign-in, the server and the clock",
		Args:  cobra.NoArgs,
		RunE:  a.run((*call).status),
	}
}

// check is one line of status.
type check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
	exit   int
}

func good(name, detail string) check { return check{Name: name, OK: true, Detail: detail} }

func (c *call) bad(name string, err error) check {
	told := c.words.explain(err)
	if strings.HasPrefix(told.Hint, c.words.command("status")) {
		told.Hint = "" // that is what was typed
	}
	return check{Name: name, Detail: told.Message, Hint: told.Hint, exit: told.Exit}
}

// status runs every check, also when an earlier one failed: they explain each other.
func (c *call) status() error {
	checks := []check{c.checkFile()}
	session, err := c.checkSession(&checks)
	if err != nil {
		return err
	}
	c.checkServer(&checks, session)
	exit, kind := ExitDone, ""
	for _, done := range checks {
		if !done.OK && exit == ExitDone {
			exit, kind = done.exit, done.Name
		}
	}
	if c.json {
		if err := c.print(map[string]any{"ok": exit == ExitDone, "profile": c.Profile, "checks": checks}); err != nil {
			return err
		}
	} else if err := c.list(checks); err != nil {
		return err
	}
	if exit != ExitDone {
		return &Error{Exit: exit, Kind: kind, Message: "the check of " + kind + " failed", told: true}
	}
	return nil
}

func (c *call) list(checks []check) error {
	for _, done := range checks {
		mark := "ok    "
		if !done.OK {
			mark = "failed"
		}
		if err := c.out("%s  %-11s  %s\n", mark, done.Name, done.Detail); err != nil {
			return err
		}
		if done.Hint != "" {
			if err := c.out("%21s%s\n", "", done.Hint); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkFile says where the profile lies and whether others can read it.
func (c *call) checkFile() check {
	path := c.vault().Path()
	detail := fmt.Sprintf("profile %q in %s", c.Profile, short(path))
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return good("credentials", detail+", which does not exist yet")
	}
	if err != nil {
		return c.bad("credentials", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return check{
			Name: "credentials", Detail: detail + " can be read by others", Hint: "chmod 600 " + short(path), exit: ExitFailed,
		}
	}
	return good("credentials", detail)
}

// checkSession says whether somebody is signed in, by asking the server.
func (c *call) checkSession(checks *[]check) (*Session, error) {
	s, err := c.open()
	if err == nil && s.given != "" {
		*checks = append(*checks, good("session", "the token in "+variable(c.Name, "TOKEN")+" is used"))
		return s, nil
	}
	if _, other := errors.AsType[*OtherServerError](err); other || errors.Is(err, ErrSignedOut) {
		*checks = append(*checks, c.bad("session", err))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	me, err := s.Me(c)
	if err != nil {
		*checks = append(*checks, c.bad("session", err))
		return s, nil
	}
	detail := fmt.Sprintf("%s on %s", me.Email, me.Session.Device.Name)
	if !me.Session.ExpiresAt.IsZero() {
		detail += fmt.Sprintf(", good until %s (%s)", screen.Day(me.Session.ExpiresAt), screen.Span(time.Until(me.Session.ExpiresAt)))
	}
	*checks = append(*checks, good("session", detail))
	return s, nil
}

// checkServer asks the server about itself and compares the clocks.
func (c *call) checkServer(checks *[]check, s *Session) {
	issuer, err := c.server()
	if s != nil && s.Issuer() != "" {
		issuer, err = s.Issuer(), nil
	}
	if err != nil {
		*checks = append(*checks, c.bad("server", err))
		return
	}
	client := c.client(issuer, c.ClientID, "")
	started := time.Now()
	if _, err := client.Discover(c); err != nil {
		*checks = append(*checks, c.bad("server", err))
	} else {
		*checks = append(*checks, good("server", fmt.Sprintf("%s answered in %s", issuer, max(time.Since(started).Round(time.Millisecond), time.Millisecond))))
	}
	ahead, known := client.Skew()
	switch {
	case !known:
		*checks = append(*checks, check{Name: "clock", Detail: "no server to compare it with", exit: ExitNetwork})
	case ahead.Abs() > worthTelling:
		*checks = append(*checks, check{Name: "clock", Detail: clockWords(ahead), Hint: setClock(), exit: ExitFailed})
	default:
		*checks = append(*checks, good("clock", "agrees with the server's"))
	}
}
