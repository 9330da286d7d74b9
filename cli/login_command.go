package cli

import (
	"cmp"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/cli/flow"
	"github.com/handclasp/handclasp/cli/screen"
)

// loginFlags are the flags of login alone.
type loginFlags struct {
	force, newDevice, noBrowser bool
	web, device                 bool // which way; neither: what fits here
	browserCommand              string
}

func (a *app) loginCommand() *cobra.Command {
	var f loginFlags
	cmd := &cobra.Command{
		Use:   "login [server]",
		Short: "Sign in through a browser",
		Long: "Sign in through a browser on this machine, or by confirming a code in a browser\n" +
			"on any device. Where no browser can be opened here, and when none comes back, it\n" +
			"is the code. The server is named once and remembered.\n\n" +
			"Who names a command that opens the browser, by --browser-command, " + variable(a.options.Name, "BROWSER") + "\n" +
			"or browser_command in config.toml, says that one can be opened from here: it is run\n" +
			"over SSH, in CI and without a display too, at Enter or, where nobody can press it,\n" +
			"at once. BROWSER says only which one. --no-browser beats them all.",
		Example: "  " + a.options.Name + " login https://login.example.test",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(tooMany(args[1]), c.CommandPath()+" --help")
			}
			return nil
		},
		RunE: a.run(func(c *call) error { return c.login(f) }),
	}
	cmd.Flags().BoolVar(&f.force, "force", false, "sign in anew even when signed in")
	cmd.Flags().BoolVar(&f.newDevice, "new-device", false, "be a device that the server has never seen (implies --force)")
	cmd.Flags().BoolVar(&f.noBrowser, "no-browser", false, "open no browser")
	cmd.Flags().BoolVar(&f.web, "web", false, "sign in through a browser on this machine, never by a code")
	cmd.Flags().BoolVar(&f.device, "device", false, "sign in by a code that is confirmed on any device")
	cmd.Flags().StringVar(&f.browserCommand, "browser-command", "", "open the browser with this `command`")
	return cmd
}

func (c *call) login(f loginFlags) error {
	if f.web && f.device {
		return usage("--web and --device exclude each other", c.words.command("login", "--help"))
	}
	if c.AccessToken != "" {
		name := variable(c.Name, "TOKEN")
		return usage(name+" is set and beats every login", "unset "+name)
	}
	if len(c.args) == 1 {
		c.Issuer = c.args[0]
		issuer, err := c.server()
		if err != nil {
			return err
		}
		c.Issuer = issuer
	}
	if !f.force && !f.newDevice {
		if done, err := c.alreadyIn(); done || err != nil {
			return err
		}
	}
	issuer, err := c.server()
	if err != nil {
		return err
	}
	c.Issuer, c.words.issuer, c.NewDevice = issuer, issuer, f.newDevice
	if f.browserCommand != "" {
		c.browserCommand, c.browserNamed = f.browserCommand, true
	}
	return c.begin(f)
}

// alreadyIn says so if the kept session is good. One that has ended is no obstacle.
func (c *call) alreadyIn() (bool, error) {
	s, err := c.open()
	if _, other := errors.AsType[*OtherServerError](err); other {
		return false, err
	}
	if errors.Is(err, ErrSignedOut) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = s.introduce(c)
	if errors.Is(err, ErrEnded) || errors.Is(err, ErrSignedOut) || unauthorised(err) {
		c.screen.Say("The session that was kept here has ended.\n")
		c.Issuer = s.Issuer()
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, c.welcome(s, true)
}

func (c *call) begin(f loginFlags) error {
	var waiting *screen.Waiting
	var away *outage
	c.OnCode, c.OnAddress = nil, nil // a program's own serve its own calls of Login
	if c.wantsWeb(f) {
		c.OnAddress = func(web *Address) { waiting = c.showAddress(web, f) }
	}
	if !f.web {
		c.OnCode = func(code Code) {
			if waiting != nil {
				waiting.Stop()
				c.screen.Say("Here is a code instead.\n")
			}
			waiting = c.show(code, f)
			away = &outage{waiting: waiting}
		}
	}
	c.OnTrouble = func(err error) { away.hear(err, c.words) }
	s, err := Login(c, c.Options)
	if waiting != nil {
		waiting.Stop()
		c.screen.Say("")
	}
	if err != nil && c.Err() != nil {
		return &Error{Exit: ExitInterrupted, Kind: "interrupted", Message: "stopped; nothing was stored", Err: err}
	}
	if err != nil {
		return err
	}
	if s.leftover != nil {
		c.screen.Tell("The session that was here before was not ended on its server: %s", c.words.explain(s.leftover).Message)
	}
	c.warnOfClock(s)
	if err := s.introduce(c); err != nil {
		c.screen.Say("Signed in, but the server does not say as whom: %s", c.words.explain(err).Message)
	}
	return c.welcome(s, false)
}

const waitingText = "Waiting for approval"

// show prints address and code before anything else happens.
func (c *call) show(code Code, f loginFlags) *screen.Waiting {
	if c.json {
		// A pipe that is closed already will be noticed by the result.
		_ = c.print(map[string]any{
			"event": "device_code", "verification_uri": code.URL, "verification_uri_complete": code.CompleteURL,
			"user_code": code.UserCode, "expires_at": code.ExpiresAt.UTC().Format(time.RFC3339),
			"expires_in": int(time.Until(code.ExpiresAt).Round(time.Second).Seconds()),
		})
	} else {
		c.tellCode(code, f)
	}
	waiting := c.screen.Wait(waitingText)
	c.offer(f, waiting, sync.OnceFunc(func() { c.openComplete(waiting, complete(code)) }))
	return waiting
}

// complete is the address with the code filled in, if the server has one.
func complete(code Code) string { return cmp.Or(code.CompleteURL, code.URL) }

func (c *call) tellCode(code Code, f loginFlags) {
	c.screen.Say("To sign in, open this address in a browser, on any device:\n")
	c.screen.Tell("    %s\n", c.screen.Link(code.URL, complete(code)))
	c.screen.Say("and type this code:\n")
	c.screen.Tell("    %s\n", c.screen.Bold(code.UserCode))
	c.screen.Say("You have %s.", screen.Span(time.Until(code.ExpiresAt)))
	c.sayHow(f, "Press Enter to open it in your browser.")
}

// openComplete opens the browser; one that fails to open is a hint, not a failure.
func (c *call) openComplete(waiting *screen.Waiting, address string) {
	if err := openBrowser(c, c.browserCommand, address); err != nil {
		waiting.Note("No browser could be opened (" + flow.Clean(err.Error()) + "). Open the address yourself.")
	}
}

// worthTelling is a difference between clocks at which tokens are refused (60 s is what
// resource servers commonly forgive).
const worthTelling = time.Minute

func (c *call) warnOfClock(s *Session) {
	ahead, known := s.client.Skew()
	if known && ahead.Abs() > worthTelling {
		c.screen.Tell("%s: %s\n  %s", strings.Fields(c.words.path)[0], clockWords(ahead), setClock())
	}
}

func clockWords(ahead time.Duration) string {
	if ahead > 0 {
		return "this machine's clock is " + screen.Span(ahead) + " ahead of the server's"
	}
	return "this machine's clock is " + screen.Span(ahead) + " behind the server's"
}
