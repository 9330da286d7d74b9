package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// commands are what an operator can type.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{serveCommand(a), versionCommand(a)}
}

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		_, err := fmt.Fprintln(a.out, "handclaspd "+version())
		return err
	}}
}
