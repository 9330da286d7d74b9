package cli

import (
	"time"

	"github.com/spf13/cobra"
)

func (a *app) tokenCommand() *cobra.Command {
	var resource string
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Print a fresh access token",
		Example: "  curl -H \"Authorization: Bearer $(" + a.options.Name + " token)\" https://api.example.test/\n  " +
			a.options.Name + " token --resource https://api.example.test",
		Args: cobra.NoArgs,
		RunE: a.run(func(c *call) error { return c.token(resource) }),
	}
	cmd.Flags().StringVar(&resource, "resource", "", "the `address` of the audience, if not the usual one")
	return cmd
}

func (c *call) token(resource string) error {
	s, err := c.open()
	if err != nil {
		return err
	}
	if resource == "" {
		resource = c.Resource
	}
	token, err := s.TokenFor(c, resource)
	if err != nil {
		return err
	}
	if !c.json {
		return c.out("%s\n", token.Value)
	}
	answer := map[string]any{"access_token": token.Value, "token_type": "Bearer"}
	if !token.ExpiresAt.IsZero() {
		answer["expires_at"] = token.ExpiresAt.UTC().Format(time.RFC3339)
		answer["expires_in"] = int(time.Until(token.ExpiresAt).Seconds())
		answer["scope"] = token.Scope
	}
	return c.print(answer)
}
