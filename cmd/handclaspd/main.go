// Command handclaspd is the server's door: it reads the settings, opens what lies in the data folder, composes the rooms
// and serves, or does one of the operator's errands.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// app is what every command shares.
type app struct {
	out, err io.Writer
	json     bool
	server   string // whose admin API does the work; empty: it is done in the data folder
	started  bool   // a command was understood and runs
	settings Settings
	sources  sources
	log      *slog.Logger
}

func run(args []string, out, errs io.Writer) int {
	a := &app{out: out, err: errs}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	if err := root.ExecuteContext(context.Background()); err != nil {
		return a.report(err, args)
	}
	return exitDone
}

// greet says what to type next, to whoever runs the server for themselves.
func (a *app) greet() {
	if !a.settings.loopback() {
		return
	}
	_, _ = fmt.Fprintf(a.err, "\n  Handclasp listens on %s\n\n  In a second terminal, type\n\n      %s login %s\n\n", a.settings.Issuer, clientPath(), a.settings.Issuer)
	if a.settings.SMTP == "" {
		_, _ = fmt.Fprintf(a.err, "  Mails are not sent: their links are shown here, and the mails lie in %s\n\n", outbox(a.settings))
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
