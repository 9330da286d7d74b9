package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthPatience is how long a server may take to say that it is ready; it asks its stores meanwhile.
const healthPatience = 2 * time.Second

func healthcheckCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "healthcheck", Short: "Ask a running server whether it is ready, for containers", Args: words(),
		Annotations: settings("config ops-listen"),
		Long:        "Ask the server that runs with the same --ops-listen for /readyz, for two seconds at most. The exit code is 0 or 1.",
		Example:     "  handclaspd healthcheck --ops-listen 127.0.0.1:9090", RunE: a.run(a.healthcheck),
	}
}

func (a *app) healthcheck(ctx context.Context, _ []string) error {
	address, err := a.settings.opsAddress()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	if err := ready(ctx, "http://"+address+"/readyz"); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]bool{"ready": true})
	}
	return a.tell("ready")
}

// opsAddress is where this machine reaches the operator's listener.
func (s *Settings) opsAddress() (string, error) {
	if s.OpsListen == "" || s.OpsListen == "none" {
		return "", usage{errors.New("ops-listen: the server has no such listener, so nothing can be asked")}
	}
	host, port, err := net.SplitHostPort(s.OpsListen)
	if err != nil {
		return "", usage{fmt.Errorf("ops-listen %q: want host:port", s.OpsListen)}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1" // who listens everywhere listens here too
	}
	return net.JoinHostPort(host, port), nil
}

// ready asks without a proxy, since the server is on this machine.
func ready(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("not ready: ask %s: %w", url, err)
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 200))
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s answered %d", strings.TrimSpace(string(text)), url, answer.StatusCode)
	}
	return nil
}
