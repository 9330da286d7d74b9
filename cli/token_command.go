package cli

import (
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// tokenFlags are the flags of token alone.
type tokenFlags struct {
	resource string
	dpop     bool
	nonce    string
}

func (a *app) tokenCommand() *cobra.Command {
	var f tokenFlags
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Print a fresh access token",
		Long: "Print a fresh access token. An API that wants tokens bound to this device's key\n" +
			"(DPoP) wants a proof with each request: --dpop METHOD URL prints both headers\n" +
			"for one request.",
		Example: "  curl -H \"Authorization: Bearer $(" + a.options.Name + " token)\" https://api.example.test/\n  " +
			a.options.Name + " token --resource https://api.example.test\n  " +
			a.options.Name + " token --dpop GET https://api.example.test/me | curl -H @- https://api.example.test/me",
		Args: func(_ *cobra.Command, args []string) error { return f.check(a.options.Name, args) },
		RunE: a.run(func(c *call) error { return c.token(f) }),
	}
	cmd.Flags().StringVar(&f.resource, "resource", "", "the `address` of the audience, if not the usual one")
	cmd.Flags().BoolVar(&f.dpop, "dpop", false, "print the headers of one request, with a proof if the token is bound to a key")
	cmd.Flags().StringVar(&f.nonce, "nonce", "", "the `value` of DPoP-Nonce in the API's last answer")
	return cmd
}

// check wants a method and an address with --dpop, and nothing without.
func (f tokenFlags) check(name string, args []string) error {
	help := name + " token --dpop GET https://api.example.test/me"
	if !f.dpop {
		if len(args) > 0 || f.nonce != "" {
			return usage("a method and an address, or a nonce, belong to --dpop", help)
		}
		return nil
	}
	if len(args) != 2 {
		return usage("--dpop needs the method and the address of the request", help)
	}
	if u, err := url.Parse(args[1]); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return usage("the address of the request must begin with https:// or http://", help)
	}
	return nil
}

func (c *call) token(f tokenFlags) error {
	s, err := c.open()
	if err != nil {
		return err
	}
	if f.resource == "" {
		f.resource = c.Resource
	}
	token, err := s.TokenFor(c, f.resource)
	if err != nil {
		return err
	}
	proof := ""
	if f.dpop && token.Bound {
		if proof, err = s.Proof(token, c.args[0], c.args[1], f.nonce); err != nil {
			return err
		}
	}
	switch {
	case c.json:
		return c.print(tokenJSON(token, proof))
	case !f.dpop:
		if token.Bound {
			c.screen.Say("The token is bound to this device's key, and its API wants a proof with each request:\n  %s",
				c.words.command("token", "--dpop", "GET", "https://…"))
		}
		return c.out("%s\n", token.Value)
	case proof == "":
		return c.out("Authorization: %s %s\n", schemeOf(token), token.Value)
	}
	return c.out("Authorization: %s %s\nDPoP: %s\n", schemeOf(token), token.Value, proof)
}

func tokenJSON(token Token, proof string) map[string]any {
	answer := map[string]any{"access_token": token.Value, "token_type": schemeOf(token)}
	if proof != "" {
		answer["dpop"] = proof
	}
	if !token.ExpiresAt.IsZero() {
		answer["expires_at"] = token.ExpiresAt.UTC().Format(time.RFC3339)
		answer["expires_in"] = int(time.Until(token.ExpiresAt).Seconds())
		answer["scope"] = token.Scope
	}
	return answer
}
