package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func (a *app) root() *cobra.Command {
	root := group("handclaspd", "Handclasp, the login server for command lines",
		serveCommand(a), migrateCommand(a), keysCommand(a), clientsCommand(a), resourcesCommand(a), usersCommand(a), sessionsCommand(a), eventsCommand(a),
		configCommand(a), healthcheckCommand(a), versionCommand(a))
	root.Example = "  handclaspd serve\n  handclaspd users invite ada@example.test"
	root.SilenceUsage, root.SilenceErrors = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	addFlags(root.PersistentFlags())
	root.PersistentFlags().StringVar(&a.server, serverFlag, "", serverHelp)
	root.PersistentFlags().BoolVar(&a.json, jsonFlag, false, "write JSON, also for errors")
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error { return a.checkServer(c) }
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		if err.Error() == "unknown flag: --version" {
			return hint(usage{err}, root.Name()+" version")
		}
		return hint(usage{err}, c.CommandPath()+" --help")
	})
	root.SetUsageFunc(showUsage)
	root.SetHelpCommand(&cobra.Command{Use: "help [command]", Short: "Explain a command", RunE: explain})
	return root
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknown(c, args[0])
		}
		return c.Help()
	}}
	c.AddCommand(commands...)
	return c
}

// unknown names the command that was perhaps meant.
func unknown(c *cobra.Command, word string) error {
	next := c.CommandPath() + " --help"
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(word); len(near) > 0 {
		next = c.CommandPath() + " " + near[0]
	}
	return hint(usage{fmt.Errorf("there is no command %q", c.CommandPath()+" "+word)}, next)
}

// explain is cobra's help, but for a word that nobody knows, which is an error.
func explain(c *cobra.Command, args []string) error {
	about, rest, err := c.Root().Find(args)
	if err != nil || len(rest) > 0 {
		return unknown(c.Root(), strings.Join(args, " "))
	}
	about.InitDefaultHelpFlag()
	return about.Help()
}

// run makes a command of a function: it reads the settings first, and the function's context ends at Ctrl-C or SIGTERM.
func (a *app) run(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		a.started = true
		if err := a.prepare(c); err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return do(ctx, args)
	}
}

func (a *app) prepare(c *cobra.Command) error {
	var err error
	if a.settings, a.sources, err = readSettings(c.Flags(), os.Environ()); err != nil {
		return hint(usage{err}, "handclaspd help serve")
	}
	logged := a.settings
	if a.sources["log-level"] == fromDefault && c.Name() != "serve" {
		logged.LogLevel = "warn" // an errand says itself what it did
	}
	if a.log, err = newLog(logged, a.err); err != nil {
		return hint(usage{err}, "handclaspd help serve")
	}
	return nil
}

// words wants as many arguments as there are names, and says which is missing.
func words(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return hint(usage{errors.New(names[len(args)] + ": missing")}, c.CommandPath()+" --help")
		case len(args) > len(names):
			return hint(usage{fmt.Errorf("%q: one word too many", args[len(names)])}, c.CommandPath()+" --help")
		}
		return nil
	}
}

// command is what can be pasted to go on with the same data folder.
func (a *app) command(words ...string) string {
	line := "handclaspd " + strings.Join(words, " ")
	for _, f := range []struct{ name, value string }{{"data", a.settings.Data}, {"database", a.settings.Database}} {
		if a.sources[f.name] == fromFlag {
			line += " --" + f.name + " " + quoted(f.value)
		}
	}
	if a.server != "" {
		line += " --" + serverFlag + " " + quoted(a.server)
	}
	return line
}

// quoted is a word as a shell wants it.
func quoted(word string) string {
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@+,=%") == "" && word != "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
