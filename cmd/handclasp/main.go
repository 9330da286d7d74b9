// Command handclasp signs a terminal in, keeps it signed in, and prints access tokens.
package main

import (
	"os"

	"github.com/handclasp/handclasp/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
