package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/cli/flow"
	"github.com/handclasp/handclasp/cli/vault"
)

func TestEveryErrorHasItsOwnWords(t *testing.T) {
	x := explainer{path: "acme auth", name: "acme-cli", issuer: "https://login.example.test", profile: "work"}
	certificate := func(err error) error {
		return &flow.UnreachableError{Host: "login.example.test", Err: &tls.CertificateVerificationError{Err: err}}
	}
	for _, c := range []struct {
		err     error
		exit    int
		message string
		hint    string
	}{
		{flow.ErrDenied, ExitDenied, "refused in the browser", "acme auth login https://login.example.test --profile work"},
		{flow.ErrExpired, ExitExpired, "the code expired", "acme auth login https://login.example.test --profile work"},
		{flow.ErrConflict, ExitConflict, "another account", "acme auth login https://login.example.test --new-device --profile work"},
		{ErrSignedOut, ExitLoginRequired, "ACME_CLI_TOKEN is not set", "acme auth login https://login.example.test --profile work"},
		{fmt.Errorf("ask: %w", ErrEnded), ExitLoginRequired, "the session has ended", "acme auth login"},
		{certificate(x509.CertificateInvalidError{Reason: x509.Expired}), ExitNetwork, "not valid at this machine's time", setClock()},
		{certificate(x509.UnknownAuthorityError{}), ExitNetwork, "not trusted here", "--ca-file ca.pem"},
		{&flow.UnreachableError{Host: "h", Err: &net.DNSError{IsNotFound: true}}, ExitNetwork, "there is no such host", "acme auth status --issuer"},
		{&flow.UnreachableError{Host: "h", Err: os.ErrDeadlineExceeded}, ExitNetwork, "no answer in time", "acme auth status"},
		{&flow.ServerError{Host: "h", Status: 503}, ExitNetwork, "h answered 503 Service Unavailable", "acme auth status"},
		{&flow.ServerError{Host: "h", Status: 400, Code: "invalid_target"}, ExitFailed, "no token for that audience", "acme auth token"},
		{&flow.ServerError{Host: "h", Status: 401, Code: "invalid_client"}, ExitFailed, "h says invalid_client", ""},
		{&flow.ServerError{Host: "h", Status: 429, Code: "slow_down", RetryAfter: time.Minute}, ExitNetwork, "try again in 1 minute", "acme auth status"},
		{&NotRevokedError{Err: &flow.ServerError{Host: "h", Status: 503}}, ExitNetwork, "not ended on the server (h answered 503", "acme auth login"},
		{fmt.Errorf("%w within 5s", vault.ErrKeyring), ExitFailed, "the keyring does not answer within 5s", "--no-keyring"},
		{errors.New("something\x1b[2J else"), ExitFailed, "something[2J else", ""},
	} {
		got := x.explain(c.err)
		if got.Exit != c.exit || !strings.Contains(got.Message, c.message) || !strings.Contains(got.Hint, c.hint) {
			t.Errorf("%v: %d %q, hint %q", c.err, got.Exit, got.Message, got.Hint)
		}
		if strings.ContainsAny(got.Message, "\n\x1b") || !errors.Is(got, c.err) || got.Kind == "" {
			t.Errorf("%v: %+v", c.err, got)
		}
	}
}
