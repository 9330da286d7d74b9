package cli

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/handclasp/handclasp/cli/flow"
	"github.com/handclasp/handclasp/cli/screen"
	"github.com/handclasp/handclasp/cli/vault"
)

// explainer finds the words, the next command and the exit code for an error. It is
// the only place that does.
type explainer struct {
	path   string // how the commands are called here: "handclasp", "acme auth"
	name   string // of the program, for its environment variables
	issuer string // the server in question, empty if none was named
	// profile is the one that was named on the command line; the next command names
	// it too.
	profile string
	// neighbour is the server of the default profile, for where none is in question.
	neighbour string
}

func (x explainer) explain(err error) *Error {
	if told, ok := errors.AsType[*Error](err); ok {
		return told
	}
	for _, known := range []func(error) *Error{x.stopped, x.login, x.session, x.local, x.network} {
		if told := known(err); told != nil {
			told.Err = err
			return told
		}
	}
	return &Error{Exit: ExitFailed, Kind: "failed", Message: flow.Clean(err.Error()), Err: err}
}

// command is a command line that can be pasted.
func (x explainer) command(words ...string) string {
	if x.profile != "" {
		words = append(words, "--profile", x.profile)
	}
	return strings.Join(append([]string{x.path}, words...), " ")
}

// loginCommand names the server, since a login that failed has left nothing behind.
func (x explainer) loginCommand(flags ...string) string {
	issuer := cmp.Or(x.issuer, x.neighbour, "https://login.example.test")
	return x.command(append([]string{"login", issuer}, flags...)...)
}

func (x explainer) stopped(err error) *Error {
	if errors.Is(err, context.Canceled) {
		return &Error{Exit: ExitInterrupted, Kind: "interrupted", Message: "stopped"}
	}
	return nil
}

func (x explainer) login(err error) *Error {
	switch {
	case errors.Is(err, flow.ErrDenied):
		return &Error{Exit: ExitDenied, Kind: "denied", Message: "the login was refused in the browser", Hint: x.loginCommand()}
	case errors.Is(err, flow.ErrMismatch):
		return &Error{Exit: ExitDenied, Kind: "fingerprint_mismatch", Message: "the server took this device for another one and stopped the login", Hint: x.loginCommand("--new-device")}
	case errors.Is(err, flow.ErrExpired):
		return &Error{Exit: ExitExpired, Kind: "expired", Message: "the code expired before anybody confirmed it", Hint: x.loginCommand()}
	case errors.Is(err, flow.ErrConflict):
		return &Error{Exit: ExitConflict, Kind: "device_conflict", Message: "this device belongs to another account on that server", Hint: x.loginCommand("--new-device")}
	case errors.Is(err, flow.ErrSpent):
		return &Error{Exit: ExitFailed, Kind: "code_used", Message: "the code was used up and the answer was lost on the way", Hint: x.loginCommand()}
	case errors.Is(err, flow.ErrNoCallback):
		return &Error{Exit: ExitExpired, Kind: "no_callback", Message: "no answer came back from the browser", Hint: x.loginCommand("--device")}
	case errors.Is(err, flow.ErrCodeRefused):
		return &Error{Exit: ExitFailed, Kind: "code_refused", Message: "the server did not accept the answer that the browser brought: it was too late, or used before", Hint: x.loginCommand()}
	case errors.Is(err, flow.ErrNoWeb):
		return &Error{Exit: ExitFailed, Kind: "no_web_login", Message: "the server does not offer the login through a browser on this machine", Hint: x.loginCommand("--device")}
	case errors.Is(err, errNoIssuer) && x.neighbour != "":
		return usage("no server is named for this profile", x.loginCommand())
	case errors.Is(err, errNoIssuer):
		return usage("no server is named", x.loginCommand())
	}
	return nil
}

func (x explainer) session(err error) *Error {
	variable := variable(x.name, "TOKEN")
	if other, ok := errors.AsType[*OtherServerError](err); ok {
		x.profile = "NAME"
		return usage(other.Error(), x.command("login", other.Named))
	}
	switch {
	case errors.Is(err, ErrSignedOut):
		return &Error{Exit: ExitLoginRequired, Kind: "login_required", Message: "not signed in, and " + variable + " is not set", Hint: x.loginCommand()}
	case errors.Is(err, ErrEnded):
		return &Error{Exit: ExitLoginRequired, Kind: "session_ended", Message: "the session has ended on the server", Hint: x.loginCommand()}
	case errors.Is(err, ErrTokenGiven):
		return usage(variable+" is set: its token is used as it is and cannot be exchanged", "unset "+variable)
	case unauthorised(err):
		return &Error{Exit: ExitLoginRequired, Kind: "token_refused", Message: "the server does not accept the token", Hint: x.loginCommand("--force")}
	}
	if left, ok := errors.AsType[*NotRevokedError](err); ok {
		return &Error{
			Exit: ExitNetwork, Kind: "not_revoked", Hint: x.loginCommand(),
			Message: "the credentials are deleted here, but the session was not ended on the server (" + x.explain(left.Err).Message + "); end it on the account page or after a new login",
		}
	}
	return nil
}

// local explains what went wrong on this machine.
func (x explainer) local(err error) *Error {
	if errors.Is(err, vault.ErrKeyring) {
		return &Error{Exit: ExitFailed, Kind: "keyring", Message: flow.Clean(err.Error()), Hint: x.loginCommand("--force", "--no-keyring")}
	}
	path, ok := errors.AsType[*os.PathError](err)
	if !ok {
		return nil
	}
	hint := ""
	if errors.Is(err, os.ErrPermission) && runtime.GOOS != "windows" {
		hint = "ls -ld " + short(path.Path)
	}
	return &Error{Exit: ExitFailed, Kind: "file", Message: flow.Clean(err.Error()), Hint: hint}
}

func (x explainer) network(err error) *Error {
	told := &Error{Exit: ExitNetwork, Hint: x.statusCommand()}
	if lost, ok := errors.AsType[*flow.UnreachableError](err); ok {
		return x.unreachable(lost, told)
	}
	if said, ok := errors.AsType[*flow.ServerError](err); ok {
		return x.refused(said, told)
	}
	if not, ok := errors.AsType[*flow.NotServerError](err); ok {
		told.Kind, told.Message = "not_a_server", not.Error()
		return told
	}
	if other, ok := errors.AsType[*flow.IssuerError](err); ok {
		// The other name is no hint to be pasted: whoever answers here could send
		// people anywhere.
		return &Error{Exit: ExitNetwork, Kind: "issuer_mismatch", Message: other.Error()}
	}
	if errors.Is(err, flow.ErrInsecure) {
		return &Error{Exit: ExitNetwork, Kind: "insecure", Message: "refused: " + flow.Clean(err.Error())}
	}
	return nil
}

// refused tells a server in trouble from one that knows what it refuses.
func (x explainer) refused(said *flow.ServerError, told *Error) *Error {
	told.Kind, told.Message = "server", said.Error()
	switch {
	case said.RetryAfter > 0:
		told.Kind, told.Message = "slow_down", fmt.Sprintf("%s asks for patience: try again in %s", said.Host, screen.Span(said.RetryAfter))
	case said.Code == "invalid_target":
		told.Exit, told.Kind, told.Hint = ExitFailed, said.Code, x.command("token")
		told.Message = "the server gives this program no token for that audience"
	case said.Code != "" && said.Status < 500:
		told.Exit, told.Kind, told.Hint = ExitFailed, said.Code, ""
	}
	return told
}

func (x explainer) statusCommand() string {
	if x.issuer == "" {
		return x.command("status")
	}
	return x.command("status", "--issuer", x.issuer)
}

// unreachable tells the common reasons apart, each with its own cure.
func (x explainer) unreachable(lost *flow.UnreachableError, told *Error) *Error {
	told.Kind, told.Message = "unreachable", "cannot reach "+lost.Host+": "+plainly(lost.Err)
	if bad, ok := errors.AsType[x509.CertificateInvalidError](lost.Err); ok && bad.Reason == x509.Expired {
		told.Kind, told.Hint = "clock_or_certificate", setClock()
		told.Message = fmt.Sprintf("the certificate of %s is not valid at this machine's time, %s", lost.Host, time.Now().UTC().Format("2 January 2006 15:04 UTC"))
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](lost.Err); ok {
		told.Kind, told.Hint = "unknown_authority", x.loginCommand("--ca-file", "ca.pem")
		told.Message = "the certificate of " + lost.Host + " is signed by an authority that is not trusted here"
	}
	return told
}

// plainly says what the network said without its layers.
func plainly(err error) string {
	lookup, isLookup := errors.AsType[*net.DNSError](err)
	slow, isTimeout := errors.AsType[net.Error](err)
	switch {
	case isLookup && lookup.IsNotFound:
		return "there is no such host"
	case isLookup:
		return "its name cannot be looked up"
	case isTimeout && slow.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	}
	return flow.Clean(err.Error())
}

// setClock is the command that sets a clock that runs wrong.
func setClock() string {
	switch runtime.GOOS {
	case "darwin":
		return "sudo sntp -sS pool.ntp.org"
	case "windows":
		return "w32tm /resync"
	}
	return "sudo timedatectl set-ntp true"
}
