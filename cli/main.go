package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/handclasp/handclasp/cli/flow"
	"github.com/handclasp/handclasp/cli/screen"
)

// Main runs the program handclasp and gives its exit code.
func Main(args []string) int {
	return Execute(context.Background(), NewCommand(Options{}), args)
}

// Execute runs a tree of commands in which NewCommand is mounted, or which it is. It
// stops at Ctrl-C, reports an error as the terminal's manners want it, and gives the
// exit code.
func Execute(ctx context.Context, root *cobra.Command, args []string) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program where it stands
	root.SetArgs(args)
	root.SilenceErrors, root.SilenceUsage = true, true
	ran, err := root.ExecuteContextC(ctx)
	if err == nil {
		return ExitDone
	}
	told := asTyped(ran, root, err)
	if told.told {
		return told.Exit
	}
	if wantsJSON(args) {
		err = json.NewEncoder(root.OutOrStdout()).Encode(told)
	} else {
		err = report(root.ErrOrStderr(), root.Name(), told)
	}
	if err != nil {
		return max(told.Exit, ExitFailed) // nobody listens any more
	}
	return told.Exit
}

// wantsJSON looks at the words themselves: a command that was typed wrongly has no
// flags that could be asked.
func wantsJSON(args []string) bool {
	end := slices.Index(args, "--")
	if end < 0 {
		end = len(args)
	}
	return slices.Contains(args[:end], "--json") || slices.Contains(args[:end], "--json=true")
}

// report writes one line and, if there is one, the command to type next.
func report(w io.Writer, name string, told *Error) error {
	s := screen.New(screen.Config{Out: io.Discard, Err: w, Env: os.Getenv})
	line := s.Red(name+":") + " " + told.Message + "\n"
	if told.Hint != "" {
		line += "  " + s.Bold(told.Hint) + "\n"
	}
	_, err := io.WriteString(w, line)
	return err
}

// asTyped makes errors of usage of those that cobra finds before a command runs.
func asTyped(ran, root *cobra.Command, err error) *Error {
	if told, ok := errors.AsType[*Error](err); ok {
		return told
	}
	message, _, _ := strings.Cut(flow.Clean(firstLine(err.Error())), "\n")
	hint := ran.CommandPath() + " --help"
	if after, ok := strings.CutPrefix(message, "unknown command \""); ok {
		word, _, _ := strings.Cut(after, "\"")
		if !ran.HasSubCommands() {
			return &Error{Exit: ExitUsage, Kind: "usage", Message: tooMany(word), Hint: hint, Err: err}
		}
		if near := ran.SuggestionsFor(word); len(near) > 0 {
			hint = ran.CommandPath() + " " + near[0]
		} else {
			hint = root.CommandPath() + " help"
		}
		message = fmt.Sprintf("there is no command %q", ran.CommandPath()+" "+word)
	}
	if version, _, err := ran.Find([]string{"version"}); message == "unknown flag: --version" && err == nil && version != ran {
		hint = version.CommandPath()
	}
	return &Error{Exit: ExitUsage, Kind: "usage", Message: message, Hint: hint, Err: err}
}

func tooMany(word string) string { return fmt.Sprintf("%q: one word too many", word) }

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
