package main

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"

	"github.com/handclasp/handclasp/demo/person"
)

const (
	boardID   = "bench-board"
	boardBack = "http://127.0.0.1:4321/back"
	// What RFC 7636 takes for its example, appendix B.
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// board is a web app (RFC 6749 §4.1) that persons have said yes to, so that its requests are answered without a question.
type board struct {
	persons []*person.Person
	codes   []string // for the round that comes
}

// newBoard registers a client at the data, and lets everybody allow it.
func (b bench) newBoard(ctx context.Context, s *server, h *household) (*board, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(b.bin, "handclaspd"), "clients", "create", "--data", s.data, //nolint:gosec // our own program
		"--id", boardID, "--name", "Board", "--public", "--grant", "code", "--grant", "refresh", "--redirect-uri", boardBack,
		"--scope", "board:read=Read the board", "--audience", s.issuer).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("register a web app: %w: %s", err, out)
	}
	one := &board{persons: h.persons}
	return one, one.fetch(ctx, len(h.persons))
}

// fetch gets so many codes, each of a browser that comes back with it.
func (b *board) fetch(ctx context.Context, n int) error {
	b.codes = make([]string, n)
	return parallel(len(b.persons), n, func(worker, i int) (err error) {
		b.codes[i], err = b.persons[worker].Authorize(ctx, url.Values{
			"response_type": {"code"}, "client_id": {boardID}, "redirect_uri": {boardBack}, "state": {"bench"}, "scope": {"board:read"},
			"code_challenge": {challenge}, "code_challenge_method": {"S256"},
		})
		return err
	})
}

// redemption is a code that becomes tokens, and the end of the session that the app had in this browser before. If there are no
// codes the round fails at its first request.
func (s *station) redemption(ctx context.Context, n int, base *kind) *kind {
	k := s.kind("redemption of a code", n, s.redeem, base, goal{})
	k.ready = func() { _ = s.board.fetch(ctx, n) }
	return k
}

func (s *station) redeem(c *conn, i int) error {
	status, body, err := c.post(tokenPath, url.Values{
		"grant_type": {"authorization_code"}, "client_id": {boardID}, "code": {s.board.codes[i]}, "redirect_uri": {boardBack},
		"code_verifier": {verifier},
	})
	if err != nil {
		return err
	}
	_, err = refreshOf("redemption of a code", status, body)
	return err
}
