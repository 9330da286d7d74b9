package cli

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/cli/flow"
	"github.com/handclasp/handclasp/cli/screen"
)

// app is what all commands of one tree share.
type app struct {
	options Options
	flags   flags
	root    *cobra.Command
}

// NewCommand gives the commands login, logout, whoami, token, devices, status and
// version below one command, which a program may rename and mount in its own tree.
// They return errors of type *Error and print none: that is Execute's work.
func NewCommand(o Options) *cobra.Command {
	o.Name = cmp.Or(o.Name, "handclasp")
	a := &app{options: o}
	a.root = &cobra.Command{
		Use:   o.Name,
		Short: "Sign this terminal in, and keep it signed in",
		Long: "Sign this terminal in by confirming a short code in a browser, on any device,\n" +
			"and hand out access tokens that are always fresh.",
		Example:           "  " + o.Name + " login https://login.example.test\n  curl -H \"Authorization: Bearer $(" + o.Name + " token)\" https://api.example.test/",
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	f := a.root.PersistentFlags()
	f.StringVar(&a.flags.issuer, "issuer", "", "the `address` of the server, such as https://login.example.test")
	f.StringVar(&a.flags.profile, "profile", "", "keep this sign-in apart from others under a `name`")
	f.StringVar(&a.flags.caFile, "ca-file", "", "trust the certificate authorities in this `file` too")
	f.BoolVar(&a.flags.noKeyring, "no-keyring", false, "keep the refresh token in a file, not in the keyring")
	f.BoolVar(&a.flags.json, "json", false, "print one JSON object, also for errors")
	f.BoolVarP(&a.flags.quiet, "quiet", "q", false, "say only what is needed")
	f.BoolVar(&a.flags.noColor, "no-color", false, "print without colours")
	f.BoolVar(&a.flags.noInput, "no-input", false, "never ask anything")
	f.BoolVar(&a.flags.debug, "debug", false, "tell on stderr what is sent and answered, without secrets")
	a.root.AddCommand(a.loginCommand(), a.logoutCommand(), a.whoamiCommand(), a.tokenCommand(),
		a.devicesCommand(), a.statusCommand(), a.versionCommand(), exitCodesTopic())
	a.root.SetHelpCommand(a.helpCommand())
	return a.root
}

// call is one command being run.
type call struct {
	context.Context
	settings
	args   []string
	json   bool
	screen *screen.Screen
	words  explainer
}

// run makes a call of a typed command and explains what it returns.
func (a *app) run(do func(*call) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		cmd.SilenceUsage, cmd.SilenceErrors = true, true // the root may be somebody else's
		c, err := a.call(cmd, args)
		if err == nil {
			err = do(c)
		}
		if err == nil {
			return nil
		}
		return c.words.explain(err)
	}
}

func (a *app) call(cmd *cobra.Command, args []string) (*call, error) {
	c := &call{
		Context: cmd.Context(), args: args, json: a.flags.json,
		words: explainer{path: a.root.CommandPath(), name: a.options.Name},
	}
	var err error
	if c.settings, err = a.settings(); err != nil {
		return c, err
	}
	c.screen = screen.New(screen.Config{
		In: cmd.InOrStdin(), Out: cmd.OutOrStdout(), Err: cmd.ErrOrStderr(), Env: os.Getenv,
		NoColor: c.noColor, Quiet: a.flags.quiet || c.json, NoInput: a.flags.noInput || c.json,
	})
	if c.Transport, err = a.transport(c.CAFile); err != nil {
		return c, err
	}
	if a.flags.debug {
		c.Transport = flow.Debug(c.Transport, cmd.ErrOrStderr())
	}
	if c.Options, err = c.withDefaults(); err != nil {
		return c, usage(err.Error(), c.words.loginCommand())
	}
	remembered, err := c.vault().Remembered(c.Profile)
	c.fallback = cmp.Or(c.fallback, remembered)
	c.words.issuer, c.words.profile = cmp.Or(c.Issuer, c.fallback), a.flags.profile
	if err == nil {
		c.words.neighbour, err = c.vault().Remembered(cmp.Or(a.options.Profile, "default"))
	}
	return c, err
}

func (a *app) transport(caFile string) (http.RoundTripper, error) {
	if a.options.Transport != nil {
		return a.options.Transport, nil
	}
	transport, err := flow.NewTransport(caFile)
	if err != nil {
		return nil, usage(err.Error(), "")
	}
	return transport, nil
}

// open gives the session of the profile. A server that was only remembered does not
// contradict it; one that was named does.
func (c *call) open() (*Session, error) {
	if c.AccessToken != "" && c.Issuer == "" {
		issuer, err := c.server()
		if err != nil && !errors.Is(err, errNoIssuer) {
			return nil, err
		}
		if from := issuerOf(c.AccessToken); from != "" && issuer != "" && from != issuer {
			return nil, usage("the token in "+variable(c.Name, "TOKEN")+" is for "+from+", not for "+issuer,
				variable(c.Name, "ISSUER")+"="+from)
		}
		c.Issuer = issuer
	}
	s, err := Open(c.Options)
	if err == nil {
		c.words.issuer = s.Issuer()
	}
	return s, err
}

// issuerOf reads whose a token says it is, empty if it does not say. A server that is merely remembered must not be shown
// another one's token; nothing else hangs on this, so nothing is verified.
func issuerOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		return ""
	}
	issuer, err := flow.ParseIssuer(claims.Issuer)
	if err != nil {
		return ""
	}
	return issuer
}

// server is the one that was named, or the one that serves where none was.
func (c *call) server() (string, error) {
	named := cmp.Or(c.Issuer, c.fallback)
	if named == "" {
		return "", errNoIssuer
	}
	issuer, err := flow.ParseIssuer(named)
	if err != nil {
		return "", usage(err.Error(), c.words.command("login", "https://login.example.test"))
	}
	return issuer, nil
}

// print writes data for machines: one object on one line.
func (c *call) print(data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return c.out("%s\n", raw)
}

// out writes data. A pipe that was closed is an error: the reader wanted more.
func (c *call) out(format string, args ...any) error {
	if _, err := fmt.Fprintf(c.screen.Out, format, args...); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return nil
}
