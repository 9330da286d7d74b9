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
	return c.screen.Interactive && c.whyNoBrowser(f) == "" && !elsewhere()
}

// elsewhere tells of places whose browser runs on another machine, from which this one's loopback address is not reached: also
// the browser that a named command opens.
func elsewhere() bool {
	if overSSH() {
		return true
	}
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
	} else {
		c.tellAddress(web, f)
	}
	waiting := c.screen.Wait(waitingForBrowser)
	var asked atomic.Int32
	c.offer(f, waiting, func() {
		switch n := asked.Add(1); {
		case n == 1:
			c.openWeb(waiting, web, f)
		case !f.web:
			web.GiveUp()
		}
	})
	return waiting
}

func (c *call) tellAddress(web *Address, f loginFlags) {
	c.screen.Say("To sign in, open this address in a browser on this machine:\n")
	c.screen.Tell("    %s\n", c.screen.Link(web.URL, web.URL))
	enter := "Press Enter to open it in your browser"
	if f.web {
		c.screen.Say("You have %s.", screen.Span(lonePatience))
		c.sayHow(f, enter+".")
		return
	}
	c.screen.Say("You have %s; then a code is shown instead.", screen.Span(webPatience))
	c.sayHow(f, enter+"; press it again to use a code instead.")
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
