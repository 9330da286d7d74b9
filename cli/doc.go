// Package cli signs a command line in: you show a code or an address, the person confirms
// in a browser, and your program holds tokens that renew themselves.
//
// A program that wants its own words calls the flow:
//
//	session, err := cli.Open(options)
//	if errors.Is(err, cli.ErrSignedOut) {
//		session, err = cli.Login(ctx, options)
//	}
//	if err != nil {
//		return err
//	}
//	token, err := session.Token(ctx) // always fresh
//
// A program that wants ours mounts the commands login, logout, whoami, token, devices
// and status, in its own tree or as its whole, and lets Execute run it:
//
//	auth := cli.NewCommand(cli.Options{Name: "acme", Issuer: "https://login.example.test", ClientID: "acme"})
//	auth.Use = "auth" // acme auth login
//	root.AddCommand(auth)
//	os.Exit(cli.Execute(ctx, root, os.Args[1:]))
//
// What it speaks lies in package flow, where tokens are kept in package vault, what a
// device calls itself in package machine, and how a terminal is written to in package
// screen. It imports nothing of the server: everything goes over HTTP.
package cli
