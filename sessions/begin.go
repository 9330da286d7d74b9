package sessions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/handclasp/handclasp/store"
)

// How hard an approval tries to reach a ticket store that does not answer. Every try has the same session id, so that
// trying again after a lost answer approves once.
const (
	approveTries = 3
	approvePause = 100 * time.Millisecond
)

// sweepMargin is how long after the end of its code a provisional session is left alone: a redemption of the last second
// must have had the time to confirm it.
const sweepMargin = time.Minute

// Begin lets the person of this browser session sign the device in: it claims the device and inserts the session as
// provisional, then approves the request. The approval is the commit point, and wakes the waiting client.
//
// store.ErrConflict: the device belongs to somebody else; the request is denied for good. store.ErrTaken, ErrDecided,
// ErrExpired, ErrNotFound: the request cannot be approved, and nothing was begun. store.ErrFull: the person has too many
// devices; the request waits, and can be approved once one of them has ended. store.ErrRefused: the user or the client
// may not. Any other error: a store did not answer; calling again is safe, and otherwise the sweeper tidies up.
func (s *Sessions) Begin(ctx context.Context, r store.Request, by store.Browser) error {
	return s.begin(ctx, r, by, "")
}

// BeginWithin is Begin for a session that ends with this browser's: that of an app whose pages lie in the same browser.
func (s *Sessions) BeginWithin(ctx context.Context, r store.Request, by store.Browser) error {
	return s.begin(ctx, r, by, by.SID)
}

func (s *Sessions) begin(ctx context.Context, r store.Request, by store.Browser, opener string) error {
	client, err := s.Records.Client(ctx, r.ClientID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !client.DisabledAt.IsZero() {
		return store.ErrRefused
	}
	if err != nil {
		return fmt.Errorf("look up client: %w", err)
	}
	begun, err := s.claim(ctx, r, by, opener)
	if errors.Is(err, store.ErrConflict) {
		return s.conflict(ctx, r, by, begun)
	}
	if err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	err = s.approve(ctx, s.approval(client, r, by, begun))
	if refused(err) {
		if undo := s.Records.UndoSession(ctx, r.SID); undo != nil {
			s.Log.ErrorContext(ctx, "undo session, the sweeper will", "session", r.SID, "error", undo)
		}
		return err
	}
	if err != nil {
		return fmt.Errorf("approve request: %w", err)
	}
	s.Journal.Record(ctx, store.Event{
		Type: "device.approve", Actor: by.UserID, UserID: by.UserID, SessionID: r.SID,
		ClientID: r.ClientID, DeviceID: begun.DeviceID, Result: OK,
	})
	return nil
}

// claim writes the durable half. If the ticket of what stands in the way turns out to be gone, its session is over in truth: it is
// ended, and the claim tried once more.
func (s *Sessions) claim(ctx context.Context, r store.Request, by store.Browser, opener string) (store.Begun, error) {
	now := s.Now()
	beginning := store.Beginning{Fingerprint: r.Fingerprint, MostDevices: s.MostDevices, Session: store.Session{
		ID: r.SID, Kind: store.KindDevice, UserID: by.UserID, ClientID: r.ClientID,
		Scope: r.Scope, Audience: r.Audience, AMR: by.AMR, Address: r.Address,
		Name: r.Name, Platform: r.Platform, AuthTime: by.AuthTime,
		CreatedAt: now, SeenAt: now, CheckAt: r.ExpiresAt.Add(sweepMargin), ExpiresAt: now.Add(s.Absolute),
		Opener: opener,
	}}
	begun, err := s.Records.BeginSession(ctx, beginning)
	var free bool
	var look error
	switch {
	case errors.Is(err, store.ErrConflict) && begun.Rival.ID != "":
		free, look = s.free(ctx, begun.Rival)
	case errors.Is(err, store.ErrFull):
		free, look = s.makeRoom(ctx, by.UserID)
	default:
		return begun, err
	}
	if look != nil || !free {
		return begun, errors.Join(err, look)
	}
	return s.Records.BeginSession(ctx, beginning)
}

// makeRoom ends what a user has on devices whose tickets are gone, and reports whether there was any. No list shows it, so nobody could
// end it; after a ticket store was lost it would take a place for as long as it might have lived.
func (s *Sessions) makeRoom(ctx context.Context, userID string) (bool, error) {
	rows, err := s.Records.SessionsOfUser(ctx, userID)
	if err != nil {
		return false, fmt.Errorf("list sessions: %w", err)
	}
	made := false
	for _, row := range rows {
		if row.Kind != store.KindDevice {
			continue
		}
		free, err := s.free(ctx, row)
		if err != nil {
			return false, err
		}
		made = made || free
	}
	return made, nil
}

// free ends a session whose ticket has run out, and reports whether it did.
func (s *Sessions) free(ctx context.Context, rival store.Session) (bool, error) {
	pulses, err := s.Tickets.Pulses(ctx, rival.ID)
	if err != nil {
		return false, fmt.Errorf("ask for the ticket: %w", err)
	}
	if !rival.Live() || len(pulses) == 0 || pulses[0].State != store.StateGone {
		return false, nil
	}
	if err := s.End(ctx, rival.ID, EndExpired); err != nil {
		return false, fmt.Errorf("end what has expired: %w", err)
	}
	return true, nil
}

// conflict denies the request for good. It names nobody and leaves the owner's session alone; only the event knows both.
func (s *Sessions) conflict(ctx context.Context, r store.Request, by store.Browser, begun store.Begun) error {
	s.Journal.Record(ctx, store.Event{
		Type: "device.conflict", Actor: by.UserID, Target: begun.Rival.UserID, UserID: by.UserID, SessionID: r.SID,
		ClientID: r.ClientID, DeviceID: begun.Rival.DeviceID, Result: Refused,
	})
	if err := s.Tickets.Deny(ctx, r.SID, by.SID, store.ReasonConflict); err != nil && !refused(err) {
		return fmt.Errorf("deny request: %w", err)
	}
	return store.ErrConflict
}

func (s *Sessions) approval(client store.Client, r store.Request, by store.Browser, begun store.Begun) store.Approval {
	jti, next := s.Chain.First(r.SID)
	a := store.Approval{
		SID: r.SID, Browser: by.SID, UserID: by.UserID, DeviceID: begun.DeviceID, StatusIndex: begun.StatusIndex,
		AuthTime: by.AuthTime, AMR: by.AMR, JTI: jti, Next: next, Idle: s.Idle, Absolute: s.Absolute,
	}
	// What is left of such a session is its access token; but an app that wants to hear of its end goes by the session itself.
	if !slices.Contains(client.Grants, "refresh_token") && client.LogoutURI == "" {
		a.Idle, a.Absolute = s.AccessLife, s.AccessLife
	}
	return a
}

// approve asks again while the ticket store does not answer.
func (s *Sessions) approve(ctx context.Context, a store.Approval) error {
	for try := 1; ; try++ {
		err := s.Tickets.Approve(ctx, a)
		if err == nil || refused(err) || try == approveTries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(approvePause):
		}
	}
}

// refused tells a clear no from a store that did not answer.
func refused(err error) bool {
	return errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTaken) ||
		errors.Is(err, store.ErrDecided) || errors.Is(err, store.ErrExpired)
}

// Deny refuses the request for good and wakes the waiting client. Denying again is no error; what was approved stays so.
func (s *Sessions) Deny(ctx context.Context, r store.Request, by store.Browser) error {
	if err := s.Tickets.Deny(ctx, r.SID, by.SID, store.ReasonUser); err != nil {
		return fmt.Errorf("deny request: %w", err)
	}
	s.Journal.Record(ctx, store.Event{
		Type: "device.deny", Actor: by.UserID, UserID: by.UserID, SessionID: r.SID, ClientID: r.ClientID, Result: OK,
	})
	return nil
}

// Redeem confirms the session of a grant that a poll has just been handed, before the client hears of it. nil: the
// session is live, and the older one of the same user, device and client has ended. store.ErrRefused: user or client are
// not allowed any more. After any error the grant is deleted and nothing was given.
func (s *Sessions) Redeem(ctx context.Context, g store.Grant) error {
	news, err := s.news(ctx, g)
	if err != nil {
		return s.takeBack(ctx, g, err)
	}
	confirmed, err := s.Records.ConfirmSession(ctx, g.SID, s.Now())
	if err != nil {
		return s.takeBack(ctx, g, err)
	}
	for _, old := range confirmed.Replaced {
		if err := s.End(ctx, old, EndReplaced); err != nil {
			s.Log.ErrorContext(ctx, "end the replaced session, the sweeper will", "session", old, "error", err)
		}
	}
	s.Journal.Record(ctx, store.Event{
		Type: "session.begin", Actor: g.UserID, UserID: g.UserID, SessionID: g.SID,
		ClientID: g.ClientID, DeviceID: g.DeviceID, Result: OK,
	})
	if news != "" {
		s.notify(ctx, Notice{Kind: news, User: confirmed.User, Session: confirmed.Session})
	}
	return nil
}

// news is the kind of notice that a session is worth. It must be asked before the session is confirmed: afterwards every device
// and every app is known.
func (s *Sessions) news(ctx context.Context, g store.Grant) (kind string, err error) {
	known := false
	switch {
	case strings.HasPrefix(g.Fingerprint, store.AppFingerprint):
		kind = NoticeNewApp
		if known, err = s.Records.KnownDevice(ctx, g.UserID, g.Fingerprint); err == nil && !known { // in another browser, perhaps
			known, err = s.Records.KnownApp(ctx, g.UserID, g.ClientID)
		}
	case g.Fingerprint != "":
		kind = NoticeNewDevice
		known, err = s.Records.KnownDevice(ctx, g.UserID, g.Fingerprint)
	default:
		kind = NoticeNewDevice
	}
	if known {
		kind = ""
	}
	return kind, err
}

// takeBack undoes a redemption that could not be confirmed.
func (s *Sessions) takeBack(ctx context.Context, g store.Grant, cause error) error {
	if err := s.Tickets.Drop(ctx, g.SID); err != nil {
		s.Log.ErrorContext(ctx, "delete the grant of a session that was not confirmed, the sweeper will", "session", g.SID, "error", err)
	}
	if errors.Is(cause, store.ErrRefused) || errors.Is(cause, store.ErrNotFound) {
		s.Journal.Record(ctx, store.Event{
			Type: "session.refuse", UserID: g.UserID, SessionID: g.SID, ClientID: g.ClientID, DeviceID: g.DeviceID, Result: Refused,
		})
		if err := s.End(ctx, g.SID, EndRefused); err != nil && !errors.Is(err, store.ErrNotFound) {
			s.Log.ErrorContext(ctx, "end a refused session, the sweeper will", "session", g.SID, "error", err)
		}
		return store.ErrRefused
	}
	return fmt.Errorf("confirm session: %w", cause)
}
