package examples_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/server/servertest"
)

// What generators make of openapi.yaml compiles, and signs a terminal in for real.
func TestGeneratedClientsSignIn(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(*testing.T) []string{
		"Go": func(t *testing.T) []string {
			program := filepath.Join(t.TempDir(), "go-client")
			runIn(t, "go-client", "go", "generate")
			runIn(t, "go-client", "go", "vet", ".")
			runIn(t, "go-client", "go", "build", "-o", program, ".")
			return []string{program}
		},
		"TypeScript": func(t *testing.T) []string {
			runIn(t, "typescript-client", "npm", "run", "-s", "generate")
			runIn(t, "typescript-client", "npm", "run", "-s", "build")
			return []string{"node", "typescript-client/dist/main.js"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := build(t)
			s := servertest.Start(t, servertest.Options{})
			ben := s.Browser(t)
			ben.SignIn(mara)
			said := converse(t, s.Issuer, command, func(line string) {
				if _, code, ok := strings.Cut(line, " and type "); ok {
					ben.Approve(code)
				}
			})
			for _, want := range []string{"signed in as " + mara, "signed out"} {
				if !strings.Contains(said, want) {
					t.Errorf("it said:\n%s", said)
				}
			}
			endsInOrderWhereNobodyAnswers(t, command)
		})
	}
}

// Status 1 is an error that the program tells of; a panic in Go is 2.
func endsInOrderWhereNobodyAnswers(t *testing.T, command []string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 3*patience)
	defer stop()
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Env = append(os.Environ(), "ISSUER=http://127.0.0.1:1")
	out, _ := c.CombinedOutput()
	if c.ProcessState == nil || c.ProcessState.ExitCode() != 1 {
		t.Errorf("with nobody at the issuer's address it ended with %v, want status 1:\n%s", c.ProcessState, out)
	}
}

func runIn(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s\nif something is missing, type: .ci/needs", name, strings.Join(args, " "), err, out)
	}
}

// converse runs a program to its end and hears each line that it says.
func converse(t *testing.T, issuer string, command []string, hear func(line string)) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 3*patience)
	defer stop()
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Env = append(os.Environ(), "ISSUER="+issuer)
	out, in := io.Pipe()
	c.Stdout, c.Stderr, c.WaitDelay = in, in, 5*time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- c.Wait()
		_ = in.Close()
	}()
	var said strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		hear(lines.Text())
	}
	if err := <-ended; err != nil {
		t.Errorf("%s: %v\n%s", command[0], err, said.String())
	}
	return said.String()
}

// Two linters, each with its recommended rules. That the description is valid, and true, the tests of package server prove.
func TestSpectralFindsNothingInTheDescription(t *testing.T) {
	t.Parallel()
	runIn(t, "..", ".ci/openapi/node_modules/.bin/spectral", "lint", "--ruleset", ".ci/openapi/spectral.yaml", "--fail-severity", "hint", "openapi.yaml")
}

func TestRedoclyFindsNothingInTheDescription(t *testing.T) {
	t.Parallel()
	runIn(t, "..", "node", ".ci/openapi/redocly.js", "openapi.yaml")
}
