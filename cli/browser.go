package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/cli/browser"

	"github.com/handclasp/handclasp/cli/screen"
)

// whyNoBrowser says why none is opened here, or nothing if one may be. Who named a command for it knows the place better
// than its environment does.
func (c *call) whyNoBrowser(f loginFlags) string {
	env := func(name string) bool { return os.Getenv(name) != "" }
	switch {
	case f.noBrowser:
		return "that was asked for"
	case c.browserNamed:
		return ""
	case overSSH():
		return "this is an SSH session"
	case env("CI") && os.Getenv("CI") != "false":
		return "this runs in CI"
	case runtime.GOOS == "darwin", runtime.GOOS == "windows", env("WSL_DISTRO_NAME"):
		return ""
	case !env("DISPLAY") && !env("WAYLAND_DISPLAY"):
		return "there is no display"
	}
	return ""
}

func overSSH() bool {
	return os.Getenv("SSH_CONNECTION") != "" || os.Getenv("SSH_TTY") != "" || os.Getenv("SSH_CLIENT") != ""
}

// sayHow says how the browser is opened, or why none is.
func (c *call) sayHow(f loginFlags, enter string) {
	switch reason := c.whyNoBrowser(f); {
	case reason != "":
		c.screen.Say("No browser is opened here: %s.", reason)
	case c.screen.Interactive:
		c.screen.Say("%s", enter)
	case c.browserNamed:
		c.screen.Say("It is opened with the command that was named.")
	}
}

// offer opens at each Enter or, where nobody can press it and a command was named, at once.
func (c *call) offer(f loginFlags, waiting *screen.Waiting, open func()) {
	switch {
	case c.whyNoBrowser(f) != "":
	case c.screen.Interactive:
		c.screen.OnEnter(func() {
			waiting.Entered()
			open()
		})
	case c.browserNamed:
		go open()
	}
}

// openBrowser shows an address in the browser that was named, or in the system's own.
// Only web addresses are ever handed to another program.
func openBrowser(ctx context.Context, command, address string) error {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return errors.New("not a web address")
	}
	if command == "" {
		// What the browser's starter prints would tear the terminal's lines.
		browser.Stdout, browser.Stderr = io.Discard, io.Discard
		return browser.OpenURL(address)
	}
	// BROWSER may be a list; the first entry counts here. No shell sees the address.
	if !strings.Contains(command, string(os.PathSeparator)) || runtime.GOOS != "windows" {
		command, _, _ = strings.Cut(command, ":")
	}
	words := strings.Fields(command)
	if len(words) == 0 {
		return errors.New("the browser's command is empty")
	}
	placed := false
	for i, word := range words {
		if strings.Contains(word, "%s") {
			words[i], placed = strings.ReplaceAll(word, "%s", address), true
		}
	}
	if !placed {
		words = append(words, address)
	}
	// The end of the login must not end a browser that runs in front.
	ctx = context.WithoutCancel(ctx)
	//nolint:gosec // the person named the command; the address is an argument of it and seen by no shell
	if err := exec.CommandContext(ctx, words[0], words[1:]...).Run(); err != nil {
		return fmt.Errorf("run %s: %w", words[0], err)
	}
	return nil
}
