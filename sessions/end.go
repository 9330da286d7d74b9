package sessions

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/handclasp/handclasp/store"
)

// endBatch is how many sessions of a client are ended at a time.
const endBatch = 200

// End ends a session in both memories, in this order: the durable intent, the tickets, the note that they are gone.
// nil means that both are done, and it may be called again after any failure. If the records are away the tickets are
// deleted all the same, so that the session is dead now, and the error says that the intent is not written.
// store.ErrNotFound: there is no such session (its tickets, if any, are deleted).
func (s *Sessions) End(ctx context.Context, sid, reason string) error {
	row, sqlErr := s.Records.EndSession(ctx, sid, reason, s.Now())
	dropErr := s.Tickets.Drop(ctx, sid)
	if sqlErr == nil { // else the row says what would have been
		s.tellOf(ctx, row)
	}
	if dropErr != nil {
		return fmt.Errorf("delete the tickets of a session: %w", errors.Join(dropErr, sqlErr))
	}
	if sqlErr != nil {
		return fmt.Errorf("end session: %w", sqlErr)
	}
	if err := s.Records.GrantGone(ctx, sid, s.Now()); err != nil {
		s.Log.WarnContext(ctx, "note that the tickets are gone, the sweeper will", "session", sid, "error", err)
	}
	if row.Kind == store.KindBrowser && !store.Silent(reason) {
		return s.endOpened(ctx, row.Session)
	}
	return nil
}

// endOpened deletes the tickets of what ended with a browser session. Their own rows say already that they have.
func (s *Sessions) endOpened(ctx context.Context, browser store.Session) error {
	rows, err := s.Records.HalfEnded(ctx, browser.UserID, "")
	if err != nil {
		return fmt.Errorf("list what ended with a browser: %w", err)
	}
	rows = slices.DeleteFunc(rows, func(row store.Session) bool { return row.Opener != browser.ID })
	_, err = s.endEach(ctx, rows, "", "")
	return err
}

// Replace ends a browser session whose browser has just begun another. What hangs on it goes over to the new one, if that
// is the same person's, and ends otherwise. It may have run out before.
func (s *Sessions) Replace(ctx context.Context, old, by store.Browser) error {
	if old.UserID != by.UserID {
		return s.End(ctx, old.SID, EndLogout)
	}
	if err := s.Records.MoveOpened(ctx, old.SID, by.SID); err != nil {
		return fmt.Errorf("hand over what hangs on a browser session: %w", err)
	}
	return s.End(ctx, old.SID, EndReplaced)
}

// tellOf tells of what this very call has ended, also if the tickets are left to the sweeper.
func (s *Sessions) tellOf(ctx context.Context, ended store.Ended) {
	if ended.First {
		s.tell(ctx, ended.Session)
	}
	for _, row := range ended.Took {
		s.tell(ctx, row)
	}
}

// tell tells of an end.
func (s *Sessions) tell(ctx context.Context, row store.Session) {
	result := OK
	if row.EndReason == EndReuse {
		result = Refused
	}
	s.Journal.Record(ctx, store.Event{
		Type: "session.end", UserID: row.UserID, SessionID: row.ID, ClientID: row.ClientID,
		DeviceID: row.DeviceID, Result: result, Detail: row.EndReason,
	})
	if row.EndReason != EndReuse {
		return
	}
	user, err := s.Records.User(ctx, row.UserID)
	if err != nil {
		s.Log.ErrorContext(ctx, "find whom to tell of a reused token", "session", row.ID, "error", err)
		return
	}
	s.notify(ctx, Notice{Kind: NoticeReuse, User: user, Session: row})
}

// EndOf ends a session if it belongs to this client, else store.ErrForeign and nothing happens. If the records are away
// the ticket says whose it is, so that the session is dead all the same; the error says that the intent is not written.
func (s *Sessions) EndOf(ctx context.Context, sid, clientID, reason string) error {
	owner, err := s.clientOf(ctx, sid)
	if err != nil {
		return fmt.Errorf("find session: %w", err)
	}
	if owner != clientID {
		return store.ErrForeign
	}
	return s.End(ctx, sid, reason)
}

func (s *Sessions) clientOf(ctx context.Context, sid string) (string, error) {
	row, err := s.Records.Session(ctx, sid)
	if err == nil || errors.Is(err, store.ErrNotFound) {
		return row.ClientID, err
	}
	grant, ticketErr := s.Tickets.Grant(ctx, sid, "")
	if ticketErr != nil { // gone or away: only the records could say that it has ended
		return "", err
	}
	return grant.ClientID, nil
}

// EndMine ends a session of this user, also one that was approved and not redeemed yet; store.ErrNotFound for any other, so
// that nobody learns which exist.
func (s *Sessions) EndMine(ctx context.Context, userID, sid string) error {
	row, err := s.Records.Session(ctx, sid)
	if err != nil {
		return fmt.Errorf("find session: %w", err)
	}
	if row.UserID != userID {
		return store.ErrNotFound
	}
	return s.End(ctx, sid, EndUser)
}

// EndAny ends a session of anybody, also one that was approved and not redeemed yet; store.ErrNotFound if there is none.
func (s *Sessions) EndAny(ctx context.Context, sid, reason string) error {
	row, err := s.Records.Session(ctx, sid)
	if err != nil {
		return fmt.Errorf("find session: %w", err)
	}
	_, err = s.endEach(ctx, []store.Session{row}, "", reason)
	return err
}

// EndDevice ends every session of this user on one device, also one that was approved and not redeemed yet;
// store.ErrNotFound if there is none.
func (s *Sessions) EndDevice(ctx context.Context, userID, deviceID string) error {
	if err := s.finish(ctx, userID, ""); err != nil {
		return err
	}
	rows, err := s.Records.SessionsOnDevice(ctx, userID, deviceID)
	if err != nil {
		return fmt.Errorf("list the sessions on a device: %w", err)
	}
	if len(rows) == 0 {
		return store.ErrNotFound
	}
	_, err = s.endEach(ctx, rows, "", EndUser)
	return err
}

// EndOthers ends every session of this user but one (none if except is empty), and says how many. What was approved and not
// redeemed yet ends too: whoever approved it in a browser that was not theirs could wait with the redemption.
func (s *Sessions) EndOthers(ctx context.Context, userID, except, reason string) (int, error) {
	if err := s.finish(ctx, userID, ""); err != nil {
		return 0, err
	}
	rows, err := s.Records.SessionsOfUser(ctx, userID)
	if err != nil {
		return 0, fmt.Errorf("list sessions: %w", err)
	}
	return s.endEach(ctx, rows, except, reason)
}

// EndApp ends every session that this user has with one client, also what was approved and not redeemed yet.
func (s *Sessions) EndApp(ctx context.Context, userID, clientID string) error {
	if err := s.finish(ctx, userID, ""); err != nil {
		return err
	}
	rows, err := s.Records.SessionsOfUser(ctx, userID)
	if err != nil {
		return fmt.Errorf("list sessions: %w", err)
	}
	rows = slices.DeleteFunc(rows, func(row store.Session) bool { return row.ClientID != clientID })
	_, err = s.endEach(ctx, rows, "", EndUser)
	return err
}

// EndClient ends every session of a client that is removed.
func (s *Sessions) EndClient(ctx context.Context, clientID string) (int, error) {
	if err := s.finish(ctx, "", clientID); err != nil {
		return 0, err
	}
	total := 0
	for {
		rows, err := s.Records.SessionsOfClient(ctx, clientID, endBatch)
		if err != nil {
			return total, fmt.Errorf("list the sessions of a client: %w", err)
		}
		if len(rows) == 0 {
			return total, nil
		}
		n, err := s.endEach(ctx, rows, "", EndClient)
		total += n
		if err != nil {
			return total, err
		}
	}
}

// finish ends once more what an earlier try could end in the records only: it stands on no list of live sessions, and
// whoever repeats a failed request must not hear of success while the tickets are there.
func (s *Sessions) finish(ctx context.Context, userID, clientID string) error {
	rows, err := s.Records.HalfEnded(ctx, userID, clientID)
	if err != nil {
		return fmt.Errorf("list what was ended halfway: %w", err)
	}
	_, err = s.endEach(ctx, rows, "", "")
	return err
}

// endEach goes on after a failure, so that as much as can be ended is, and reports every failure.
func (s *Sessions) endEach(ctx context.Context, rows []store.Session, except, reason string) (int, error) {
	var failed []error
	ended := 0
	for _, row := range rows {
		if row.ID == except {
			continue
		}
		end := s.End
		if row.ConfirmedAt.IsZero() && row.EndedAt.IsZero() {
			end = s.endUnredeemed
		}
		if err := end(ctx, row.ID, reason); err != nil {
			failed = append(failed, err)
			continue
		}
		ended++
	}
	return ended, errors.Join(failed...)
}

// endUnredeemed ends what was approved and not redeemed. The record is enough: whoever redeems must confirm it, and the
// waiting client hears then that it was refused, which no ticket could tell that is gone. The sweeper deletes the ticket.
func (s *Sessions) endUnredeemed(ctx context.Context, sid, reason string) error {
	row, err := s.Records.EndSession(ctx, sid, reason, s.Now())
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	s.tellOf(ctx, row)
	if !row.ConfirmedAt.IsZero() { // since it was listed
		return s.End(ctx, sid, reason)
	}
	return nil
}

// Disable keeps a user from signing in and ends every session; nil means that all of it is done. The note of it is
// written with the first step, so that the sweeper finishes what is cut off here.
func (s *Sessions) Disable(ctx context.Context, userID string) error {
	if err := s.Records.SetDisabled(ctx, userID, true, s.Now()); err != nil {
		return fmt.Errorf("disable user: %w", err)
	}
	s.Journal.Record(ctx, store.Event{Type: "user.disable", Target: userID, UserID: userID, Result: OK})
	return s.follow(ctx, userID)
}

// Enable lets a user sign in again. Sessions that were ended stay ended.
func (s *Sessions) Enable(ctx context.Context, userID string) error {
	if err := s.Records.SetDisabled(ctx, userID, false, s.Now()); err != nil {
		return fmt.Errorf("enable user: %w", err)
	}
	s.Journal.Record(ctx, store.Event{Type: "user.enable", Target: userID, UserID: userID, Result: OK})
	return s.follow(ctx, userID)
}

// follow brings a user's grants in line with the user's state as it is now.
func (s *Sessions) follow(ctx context.Context, userID string) error {
	began := s.Now()
	user, err := s.Records.User(ctx, userID)
	if err != nil {
		return fmt.Errorf("read user: %w", err)
	}
	if user.Disabled() {
		if _, err := s.EndOthers(ctx, userID, "", EndDisabled); err != nil {
			return err
		}
	}
	return s.Records.ChangeDone(ctx, userID, began)
}
