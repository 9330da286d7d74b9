package cli

import (
	"os"
	"sync/atomic"
	"time"

	"github.com/handclasp/handclasp/cli/flow"
	"github.com/handclasp/handclasp/cli/screen"
)

const waitingForBrowser = "Waiting for the browser"

// wantsWeb tells whether this login goes through a browser on this machine. Without being told to, it does so only where a
// person can press Enter and the browser can come back.
func (c *call) wantsWeb(f loginFlags) bool {
	switch {
	case f.web:
		return true
	case f.device:
		return false
	}
	return c.screen.Interactive && whyNoBrowser(f.noBrowser) == "" && !elsewhere()
}

// elsewhere tells of places whose browser runs on another machine, which this one's loopback address does not reach.
func elsewhere() bool {
	for _, name := range []string{"CODESPACES", "REMOTE_CONTAINERS", "KUBERNETES_SERVICE_HOST", "container"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}

// showAddress prints the address before anything else happens.
func (c *call) showAddress(web *Address, f loginFlags) *screen.Waiting {
	if c.json {
		// A pipe that is closed already will be noticed by the result.
		_ = c.print(map[string]any{
			"event": "authorize", "url": web.URL, "expires_at": web.ExpiresAt.UTC().Format(time.RFC3339),
			"expires_in": int(time.Until(web.ExpiresAt).Round(time.Second).Seconds()),
		})
		return c.screen.Wait(waitingForBrowser)
	}
	c.screen.Say("To sign in, open this address in a browser on this machine:\n")
	c.screen.Tell("    %s\n", c.screen.Link(web.URL, web.URL))
	if f.web {
		c.screen.Say("You have %s.", screen.Span(lonePatience))
	} else {
		c.screen.Say("You have %s; then a code is shown instead.", screen.Span(webPatience))
	}
	if reason := whyNoBrowser(f.noBrowser); reason != "" {
		c.screen.Say("No browser is opened here: %s.", reason)
		return c.screen.Wait(waitingForBrowser)
	}
	if !c.screen.Interactive {
		return c.screen.Wait(waitingForBrowser)
	}
	if f.web {
		c.screen.Say("Press Enter to open it in your browser.")
	} else {
		c.screen.Say("Press Enter to open it in your browser; press it again to use a code instead.")
	}
	waiting := c.screen.Wait(waitingForBrowser)
	var pressed atomic.Int32
	c.screen.OnEnter(func() {
		waiting.Entered()
		switch n := pressed.Add(1); {
		case n == 1:
			c.openWeb(waiting, web, f)
		case !f.web:
			web.GiveUp()
		}
	})
	return waiting
}

// openWeb opens the browser; if that fails, a code needs none on this machine.
func (c *call) openWeb(waiting *screen.Waiting, web *Address, f loginFlags) {
	err := openBrowser(c, c.browserCommand, web.URL)
	if err == nil {
		return
	}
	text := "No browser could be opened (" + flow.Clean(err.Error()) + ")."
	if f.web {
		waiting.Note(text + " Open the address yourself.")
		return
	}
	waiting.Note(text)
	web.GiveUp()
}
