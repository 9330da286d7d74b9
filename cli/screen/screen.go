// Package screen writes to a terminal, or to whatever stands in its place: it knows
// what may be coloured, animated, linked and asked.
package screen

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"golang.org/x/term"
)

// Config says where a Screen reads and writes, and what the person asked for.
type Config struct {
	In       io.Reader
	Out, Err io.Writer
	// Env looks up environment variables.
	Env func(string) string
	// NoColor, Quiet and NoInput are the flags of the same names.
	NoColor, Quiet, NoInput bool
}

// Screen writes data to Out and talk to the error stream.
type Screen struct {
	// Out takes data only: what a pipe wants.
	Out io.Writer
	// OutIsTerminal says that a person reads Out.
	OutIsTerminal bool
	// Interactive says that a question can be asked and seen.
	Interactive bool

	in                     io.Reader
	err                    io.Writer
	quiet                  bool
	colourOut, colourErr   bool
	animated, links, ascii bool
	entered                atomic.Pointer[func()] // what Enter does now
}

// New looks at the streams and the environment once.
func New(c Config) *Screen {
	dumb := c.Env("TERM") == "dumb"
	outTerminal, errTerminal := isTerminal(c.Out), isTerminal(c.Err)
	return &Screen{
		Out: c.Out, OutIsTerminal: outTerminal,
		Interactive: isTerminal(c.In) && errTerminal && !c.NoInput,
		in:          c.In, err: c.Err, quiet: c.Quiet,
		colourOut: colour(c, outTerminal && !dumb),
		colourErr: colour(c, errTerminal && !dumb),
		animated:  errTerminal && !dumb && !c.Quiet,
		links:     errTerminal && !dumb && linksKnown(c.Env),
		ascii:     !speaksUnicode(c.Env),
	}
}

// colour follows no-color.org and bixense.com/clicolors: the flag, then NO_COLOR, then
// CLICOLOR_FORCE, then what the terminal can do.
func colour(c Config, able bool) bool {
	switch force := c.Env("CLICOLOR_FORCE"); {
	case c.NoColor || c.Env("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return able && c.Env("CLICOLOR") != "0"
}

// linksKnown tells terminals that show hyperlinks (OSC 8) from those that might print
// the sequence.
func linksKnown(env func(string) string) bool {
	if env("TMUX") != "" || strings.HasPrefix(env("TERM"), "screen") {
		return false
	}
	for _, name := range []string{"WT_SESSION", "KONSOLE_VERSION", "KITTY_WINDOW_ID", "VTE_VERSION", "DOMTERM"} {
		if env(name) != "" {
			return true
		}
	}
	switch env("TERM_PROGRAM") {
	case "iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "rio":
		return true
	}
	return false
}

func speaksUnicode(env func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := env(name); value != "" {
			value = strings.ToLower(value)
			return strings.Contains(value, "utf-8") || strings.Contains(value, "utf8")
		}
	}
	return false
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// fit shortens a line to what the terminal is wide: one that wraps could not be written over.
func (s *Screen) fit(line string) string {
	f, ok := s.err.(*os.File)
	if !ok {
		return line
	}
	width, _, err := term.GetSize(int(f.Fd()))
	letters := []rune(line)
	if err != nil || width <= 0 || len(letters) < width {
		return line
	}
	return string(letters[:width-1])
}

// Say tells the person a line, unless they asked for quiet.
func (s *Screen) Say(format string, args ...any) {
	if !s.quiet {
		s.Tell(format, args...)
	}
}

// Tell tells the person a line that they need even when they asked for quiet.
func (s *Screen) Tell(format string, args ...any) {
	_, _ = fmt.Fprintf(s.err, format+"\n", args...) // a closed stderr hears nothing, and nothing can be done
}

// Bold makes talk stand out.
func (s *Screen) Bold(text string) string { return style(s.colourErr, "1", text) }

// Faint makes talk step back.
func (s *Screen) Faint(text string) string { return style(s.colourErr, "2", text) }

// Red makes talk alarming.
func (s *Screen) Red(text string) string { return style(s.colourErr, "31", text) }

// BoldOut makes data stand out for a person, never in a pipe.
func (s *Screen) BoldOut(text string) string { return style(s.colourOut, "1", text) }

// Link shows an address that leads, where the terminal can, to another one.
func (s *Screen) Link(shown, target string) string {
	if !s.links {
		return shown
	}
	return "\x1b]8;;" + target + "\x1b\\" + shown + "\x1b]8;;\x1b\\"
}

func style(on bool, code, text string) string {
	if !on {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
