// Command handclaspd is the server's door: it reads the settings, opens what lies in the data folder, composes the rooms
// and serves, or does one of the operator's errands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// app is what every command shares.
type app struct {
	out, err io.Writer
	json     bool
	settings Settings
	log      *slog.Logger
}

// usage marks a mistake of the person at the keyboard.
type usage struct{ error }

func (u usage) Unwrap() error { return u.error }

func run(args []string, out, errs io.Writer) int {
	a := &app{out: out, err: errs}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(context.Background())
	if err == nil {
		return exitDone
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(errs, "handclaspd: "+line)
	}
	if u := (usage{}); errors.As(err, &u) {
		return exitUsage
	}
	return exitFailed
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use: "handclaspd", Short: "Handclasp, the login server for command lines",
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error { return a.prepare(c) },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	addFlags(root.PersistentFlags())
	root.PersistentFlags().BoolVar(&a.json, "json", false, "write JSON")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage{err} })
	root.AddCommand(a.commands()...)
	return root
}

func (a *app) prepare(c *cobra.Command) error {
	if c.Name() == "version" || c.Name() == "help" {
		return nil
	}
	var err error
	if a.settings, err = readSettings(c.Flags(), os.Environ()); err != nil {
		return usage{err}
	}
	if a.log, err = newLog(a.settings); err != nil {
		return usage{err}
	}
	return nil
}

// greet says what to type next, to whoever runs the server for themselves.
func (a *app) greet() {
	if !a.settings.loopback() {
		return
	}
	fmt.Fprintf(a.err, "\n  Handclasp listens on %s\n\n  In a second terminal, type\n\n      %s login %s\n\n", a.settings.Issuer, clientPath(), a.settings.Issuer)
	if a.settings.SMTP == "" {
		fmt.Fprintf(a.err, "  Mails are not sent: their links are shown here, and the mails lie in %s\n\n", outbox(a.settings))
	}
}

// clientPath is how to call the client: by its path if it lies beside this program, as after a build in the checkout.
func clientPath() string {
	own, errOwn := os.Executable()
	here, errHere := os.Getwd()
	if errOwn != nil || errHere != nil {
		return "handclasp"
	}
	beside := filepath.Join(filepath.Dir(own), "handclasp")
	if _, err := os.Stat(beside); err != nil {
		return "handclasp"
	}
	if path, err := filepath.Rel(here, beside); err == nil && !strings.HasPrefix(path, "..") {
		return path
	}
	return beside
}

// version is the module's version and the commit that it was built from, as far as the build knows them.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 && !strings.Contains(text, s.Value[:12]) {
			text += " (" + s.Value[:12] + ")"
		}
	}
	return text
}
