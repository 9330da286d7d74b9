package cli

import "errors"

// Exit codes. Scripts rely on them; "help exit-codes" lists them.
const (
	ExitDone          = 0   // it worked
	ExitFailed        = 1   // something else went wrong
	ExitUsage         = 2   // the command was typed wrongly
	ExitNetwork       = 3   // the server could not be reached or is in trouble
	ExitLoginRequired = 4   // nobody is signed in
	ExitDenied        = 5   // the person refused in the browser
	ExitExpired       = 6   // the code expired, or no browser came back
	ExitConflict      = 7   // the device belongs to another account
	ExitInterrupted   = 130 // Ctrl-C
)

const exitCodes = `What the exit code of a command means:

    0  done
    1  failed for another reason
    2  the command was typed wrongly
    3  the server cannot be reached or is in trouble
    4  login required
    5  the login was refused in the browser
    6  the code expired, or no browser came back
    7  this device belongs to another account
  130  interrupted with Ctrl-C

With --json an error is one object on stdout:
{"error": "...", "message": "...", "hint": "..."}`

// Error is what a command reports: one line, a hint that can be pasted, an exit code.
type Error struct {
	Exit    int    `json:"-"`
	Kind    string `json:"error"` // for machines: denied, expired, login_required, ...
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Err     error  `json:"-"`

	told bool // the command has said it in its own way
}

func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ExitCode is the exit code for what a mounted command returned.
func ExitCode(err error) int {
	if err == nil {
		return ExitDone
	}
	if told, ok := errors.AsType[*Error](err); ok {
		return told.Exit
	}
	return ExitFailed
}

func usage(message, hint string) *Error {
	return &Error{Exit: ExitUsage, Kind: "usage", Message: message, Hint: hint}
}
