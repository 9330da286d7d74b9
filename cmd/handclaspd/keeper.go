package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// The two keepers of tickets.
const (
	inSQLite = "sqlite"
	inRedis  = "redis"
)

// ticketsName says which keeper the settings name.
func (s *Settings) ticketsName() string {
	if s.Redis != "" {
		return inRedis
	}
	return inSQLite
}

// keeperNote is the file beside the database that says where its servers keep their tickets. An operator's command that
// was not told of --redis would look for them in the database, find none, and take every session for ended.
func (s *Settings) keeperNote() string { return s.Database + "-tickets" }

// noteKeeper writes it down, at the start of a server.
func (h *house) noteKeeper(ctx context.Context) error {
	name := h.settings.ticketsName()
	switch before, err := h.settings.notedKeeper(); {
	case err != nil:
		return err
	case before == name:
		return nil
	case before != "":
		h.log.WarnContext(ctx, "a server kept its tickets elsewhere before: whoever signed in there signs in again", "before", before, "now", name)
	}
	if err := os.WriteFile(h.settings.keeperNote(), []byte(name+"\n"), 0o600); err != nil {
		return fmt.Errorf("note where the tickets are: %w", err)
	}
	return nil
}

// sameKeeper is an error if servers keep the tickets elsewhere than these settings say.
func (s *Settings) sameKeeper() error {
	switch noted, err := s.notedKeeper(); {
	case err != nil || noted == "" || noted == s.ticketsName():
		return err
	case noted == inRedis:
		return errors.New("the servers of this database keep their tickets in Redis, give --redis as they have it")
	default:
		return errors.New("the servers of this database keep their tickets in it, leave --redis out")
	}
}

// notedKeeper is empty if no server has run yet.
func (s *Settings) notedKeeper() (string, error) {
	text, err := os.ReadFile(s.keeperNote())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read where the tickets are: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}
