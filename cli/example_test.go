package cli_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/cli"
)

// A program that signs its user in, once, and then always has a fresh token.
func Example() {
	server := startServer() // stands for https://login.example.test
	defer server.stop()
	dir, _ := os.MkdirTemp("", "acme")
	defer func() { _ = os.RemoveAll(dir) }()

	ctx := context.Background()
	options := cli.Options{
		Issuer: server.issuer, Name: "acme", Dir: dir, NoKeyring: true,
		OnCode: func(code cli.Code) { fmt.Println("Type", code.UserCode) },
	}
	session, err := cli.Open(options)
	if errors.Is(err, cli.ErrSignedOut) {
		session, err = cli.Login(ctx, options)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := session.Token(ctx)
	fmt.Println("good for", time.Until(token.ExpiresAt).Round(time.Minute), err)
	// Output:
	// Type WDJB-MJHT
	// good for 15m0s <nil>
}

// A program with commands of its own mounts ours beside them.
func ExampleNewCommand() {
	signIn := cli.NewCommand(cli.Options{Name: "acme", Issuer: "https://login.example.test", Version: "v1.2.3"})
	signIn.Use = "auth"
	root := &cobra.Command{Use: "acme"}
	root.AddCommand(signIn)

	code := cli.Execute(context.Background(), root, []string{"auth", "token", "--no-keyring", "--profile", "example", "--json"})
	fmt.Println("exit code", code)
	// Output:
	// {"error":"login_required","message":"not signed in, and ACME_TOKEN is not set","hint":"acme auth login https://login.example.test --profile example"}
	// exit code 4
}
