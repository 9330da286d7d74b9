package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/handclasp/handclasp/store"
)

// A step opens one part of the house. An errand names those that it needs, from the ground up.
type step func(*house, context.Context) error

// errand opens what it needs, does its work, and closes everything, also after an error. A server may be running on the
// same data folder meanwhile.
func (a *app) errand(ctx context.Context, do func(*house) error, steps ...step) (err error) {
	h := &house{settings: a.settings, log: a.log}
	if h.settings.Events == "-" {
		h.settings.Events = os.DevNull // stdout is for the result; the records keep the event
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, h.close(closing))
	}()
	for _, open := range steps {
		if err := open(h, ctx); err != nil {
			return err
		}
	}
	return do(h)
}

// oldRecords opens a database that is there. To make an empty one would hide that the folder was mistyped.
func oldRecords(h *house, ctx context.Context) error {
	if err := existing(h, ctx); err != nil {
		return err
	}
	return h.openRecords(ctx)
}

// existing wants a database, of whatever schema.
func existing(h *house, _ context.Context) error {
	_, err := os.Stat(h.settings.Database)
	if errors.Is(err, fs.ErrNotExist) {
		return hint(fmt.Errorf("there is no database at %s; --data names the folder", h.settings.Database), "handclaspd config print")
	}
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	return nil
}

// newRecords opens the database and makes it if need be, for what may be done before the first start.
func newRecords(h *house, ctx context.Context) error {
	if err := makeFolders(h.settings); err != nil {
		return err
	}
	return h.openRecords(ctx)
}

func makeFolders(s Settings) error {
	for _, folder := range []string{s.Data, filepath.Dir(s.Database)} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return fmt.Errorf("make the data folder: %w", err)
		}
	}
	return nil
}

// journal records what the errand does.
func journal(h *house, _ context.Context) error { return h.openJournal() }

// endings opens what is needed to end sessions. If the tickets are away, or elsewhere than the settings say, the errand
// goes on: the intent is written down, the sessions of a running server end as soon as the tickets answer it, and the
// errand says that it is not done.
func endings(h *house, ctx context.Context) error {
	err := h.settings.sameKeeper()
	if err == nil {
		err = h.openTickets(ctx)
	}
	if err != nil {
		h.tickets = away{err: err}
	}
	h.openSessions(nil)
	return nil
}

// away stands for tickets that do not answer. An errand only ever drops.
type away struct {
	store.Tickets
	err error
}

// Drop fails.
func (t away) Drop(context.Context, string) error { return t.err }
