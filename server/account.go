package server

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/handclasp/handclasp/server/pages"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// account lists the person's devices and browsers.
func (s *Server) account(w http.ResponseWriter, r *http.Request) error {
	return s.drawAccount(w, r, "")
}

func (s *Server) drawAccount(w http.ResponseWriter, r *http.Request, flash string) error {
	v, err := signedIn(r)
	if err != nil {
		http.Redirect(w, r, "/signin?return_to=/account", http.StatusSeeOther)
		return nil
	}
	list, err := s.listSessionsOf(r.Context(), v.user.ID)
	if err != nil {
		return err
	}
	view := pages.Account{Base: s.base(r), Email: v.user.Email, Flash: flash}
	for _, l := range list {
		if l.Kind == store.KindBrowser {
			view.Browsers = append(view.Browsers, pages.Browser{
				SessionID: l.ID, Name: l.Name, Address: l.Address, FirstSeen: l.CreatedAt, LastSeen: l.seen, Current: l.ID == v.session.SID,
			})
			continue
		}
		view.Devices = append(view.Devices, pageDevice(l))
	}
	if view.Apps, err = s.appsOf(r.Context(), v.user.ID); err != nil {
		return err
	}
	return s.Pages.Write(w, http.StatusOK, view)
}

// appsOf lists what the person has allowed. An app that was removed meanwhile can do nothing and is left out.
func (s *Server) appsOf(ctx context.Context, userID string) ([]pages.App, error) {
	allowed, err := s.Records.Consents(ctx, userID)
	if err != nil {
		return nil, unavailable(err)
	}
	apps := make([]pages.App, 0, len(allowed))
	for _, c := range allowed {
		client, err := s.Records.Client(ctx, c.ClientID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, unavailable(err)
		}
		words, err := s.OAuth.WordsFor(ctx, client, c.Scope)
		if err != nil {
			return nil, err
		}
		apps = append(apps, pages.App{ClientID: client.ID, Name: client.Name, Scopes: words, Since: c.CreatedAt})
	}
	return apps, nil
}

// pageDevice names an app in a browser by itself: there may be thirty of them, and all would be called as their browser is.
func pageDevice(l listed) pages.Device {
	d := pages.Device{
		ID: l.DeviceID, SessionID: l.ID, Name: l.Name, Platform: l.Platform, App: l.clientName,
		Address: l.Address, FirstSeen: l.CreatedAt, LastSeen: l.seen,
	}
	if strings.HasPrefix(l.device.Fingerprint, store.AppFingerprint) {
		d.Name, d.In = l.clientName, l.Name
	}
	return d
}

// endMine ends one session of the person's own. Another's does not exist for them. One that is gone is as they wished.
func (s *Server) endMine(w http.ResponseWriter, r *http.Request) error {
	v, err := signedIn(r)
	if err != nil {
		return err
	}
	sid := r.PostForm.Get("session")
	if !validSession(sid) {
		return store.ErrNotFound
	}
	if sid == v.session.SID {
		return s.signOut(w, r)
	}
	row, err := s.Records.Session(r.Context(), sid)
	if err != nil {
		return unavailable(err)
	}
	if err := s.Sessions.EndMine(r.Context(), v.user.ID, sid); err != nil {
		return unavailable(err)
	}
	l := listed{Session: row}
	if err := s.describe(r.Context(), &l, map[string]string{}); err != nil {
		return err
	}
	return s.drawAccount(w, r, hasEnded(pageDevice(l)))
}

func hasEnded(d pages.Device) string {
	switch {
	case d.In != "":
		return "The session of " + d.Name + " in " + d.In + " has ended."
	case d.Name != "":
		return "The session on " + d.Name + " has ended."
	default:
		return "The session on that device has ended."
	}
}

// endOthers ends everything but this browser.
func (s *Server) endOthers(w http.ResponseWriter, r *http.Request) error {
	v, err := signedIn(r)
	if err != nil {
		return err
	}
	n, err := s.Sessions.EndOthers(r.Context(), v.user.ID, v.session.SID, sessions.EndUser)
	if err != nil {
		return unavailable(err)
	}
	flash := "There was nothing else to end."
	switch {
	case n == 1:
		flash = "The other session has ended."
	case n > 1:
		flash = "All other sessions have ended."
	}
	return s.drawAccount(w, r, flash)
}

// showEndDevice is the page behind the link in the mail about a new device. Opening it changes nothing.
func (s *Server) showEndDevice(w http.ResponseWriter, r *http.Request) error {
	return s.endPage(w, r, r.URL.Query().Get("t"), false)
}

// endByMail ends what is signed in on the device that the mail was about: the session of which it told, or one that has taken
// its place. It needs no sign-in: the token is the right to do this and nothing else, so whoever holds it can only do what its
// owner would want done.
func (s *Server) endByMail(w http.ResponseWriter, r *http.Request) error {
	return s.endPage(w, r, r.PostForm.Get("t"), true)
}

func (s *Server) endPage(w http.ResponseWriter, r *http.Request, token string, end bool) error {
	sid, ok := s.Notices.ReadEndToken(token)
	if !ok {
		return store.ErrNotFound
	}
	row, err := s.Records.Session(r.Context(), sid)
	if err != nil {
		return unavailable(err)
	}
	left, err := s.Records.SessionsOnDevice(r.Context(), row.UserID, row.DeviceID)
	if err != nil {
		return unavailable(err)
	}
	if end {
		if err := s.Sessions.EndDevice(r.Context(), row.UserID, row.DeviceID); err != nil && !errors.Is(err, store.ErrNotFound) {
			return unavailable(err)
		}
	}
	l := listed{Session: row, seen: row.SeenAt}
	if err := s.describe(r.Context(), &l, map[string]string{}); err != nil {
		return err
	}
	return s.Pages.Write(w, http.StatusOK, pages.EndDevice{
		Base: s.base(r), Token: token, Device: pageDevice(l), Done: end || len(left) == 0,
	})
}
