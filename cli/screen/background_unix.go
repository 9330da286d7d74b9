//go:build !windows

package screen

import (
	"os/signal"
	"syscall"
)

// stayInBackground lets a read from the terminal fail, instead of stopping the program,
// when it was started in the background: there the login must go on without Enter.
func stayInBackground() { signal.Ignore(syscall.SIGTTIN) }
