package server

import (
	"errors"
	"net/http"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/pages"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// codeLife is how long a code that came in a link waits for the person to sign in.
const codeLife = 10 * time.Minute

// home leads to what people come for.
func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	to := "/account"
	if visitorOf(r).session == nil {
		to = "/device"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// enterCode asks for the code, after the sign-in: whoever guesses must be somebody first. A code in the address only
// fills in the form, and leaves the address at once.
func (s *Server) enterCode(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Has("user_code") {
		if code, ok := oauth.ReadUserCode(r.URL.Query().Get("user_code")); ok {
			s.setCookie(w, cookieCode, code, codeLife)
		}
		http.Redirect(w, r, "/device", http.StatusSeeOther)
		return nil
	}
	if _, err := signedIn(r); err != nil {
		http.Redirect(w, r, "/signin?return_to=/device", http.StatusSeeOther)
		return nil
	}
	code, _ := oauth.ReadUserCode(s.cookie(r, cookieCode))
	return s.Pages.Write(w, http.StatusOK, pages.EnterCode{Base: s.base(r), Code: oauth.ShowUserCode(code)})
}

// openCode opens a request for this browser session, which owns it from now on.
func (s *Server) openCode(w http.ResponseWriter, r *http.Request) error {
	typed := r.PostForm.Get("user_code")
	code, ok := oauth.ReadUserCode(typed)
	v, err := signedIn(r)
	if err != nil {
		s.setCookie(w, cookieCode, code, codeLife)
		http.Redirect(w, r, "/signin?return_to=/device", http.StatusSeeOther)
		return nil
	}
	if err := s.limit(r.Context(), codeTry(sessions.OriginOf(r.Context()).Network)); err != nil {
		return err
	}
	if !ok {
		return s.wrongCode(w, r, typed)
	}
	request, err := s.open(r, v, code)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return s.wrongCode(w, r, typed)
	case errors.Is(err, store.ErrTaken):
		s.Journal.Record(r.Context(), store.Event{
			Type: "device.taken", Actor: v.user.ID, UserID: v.user.ID, Target: request.UserID,
			SessionID: request.SID, ClientID: request.ClientID, Result: sessions.Refused,
		})
		return s.Pages.Write(w, http.StatusConflict, pages.OpenedElsewhere{Base: s.base(r), Command: s.command(request.ClientID)})
	case err != nil:
		return err
	}
	s.setCookie(w, cookieCode, code, codeLife)
	http.Redirect(w, r, "/device/"+request.SID, http.StatusSeeOther)
	return nil
}

// open asks the limits of guessing before the store, and tells them afterwards if the guess was wrong.
func (s *Server) open(r *http.Request, v *visitor, code string) (store.Request, error) {
	ctx := r.Context()
	proven, err := s.proven(r, v)
	if err != nil {
		return store.Request{}, err
	}
	if err := s.limit(ctx, wrongCodes(proven, true), openFlows(v.user.ID, true), accountTry(v.user.ID)); err != nil {
		return store.Request{}, err
	}
	request, err := s.Tickets.Bind(ctx, oauth.HashUserCode(code), v.session.SID, v.user.ID)
	var spent store.Limit
	switch {
	case err == nil:
		spent = openFlows(v.user.ID, false)
	case errors.Is(err, store.ErrNotFound):
		s.Journal.Record(ctx, store.Event{Type: "device.wrong_code", Actor: v.user.ID, UserID: v.user.ID, Result: sessions.Refused})
		spent = wrongCodes(proven, false)
	default:
		return request, unavailable(err)
	}
	if _, err := s.Limiter.Allow(ctx, spent); err != nil {
		return store.Request{}, unavailable(err)
	}
	return request, err
}

// proven reports whether this account has a terminal signed in, which only a right code can have brought about.
func (s *Server) proven(r *http.Request, v *visitor) (bool, error) {
	live, err := s.Records.LiveSessions(r.Context(), v.user.ID)
	if err != nil {
		return false, unavailable(err)
	}
	for _, session := range live {
		if session.Kind == store.KindDevice {
			return true, nil
		}
	}
	return false, nil
}

// wrongCode says the same for a code that never was and one that has expired, and keeps what was typed.
func (s *Server) wrongCode(w http.ResponseWriter, r *http.Request, typed string) error {
	return s.Pages.Write(w, http.StatusBadRequest, pages.EnterCode{
		Base: s.base(r), Code: typed, Problem: "That code is not known, or has expired. Compare it with your terminal.",
	})
}

// showRequest draws a request as it stands, for the session that opened it: the question, or what came of it. It may be
// reloaded at any time.
func (s *Server) showRequest(w http.ResponseWriter, r *http.Request) error {
	v, request, err := s.requestOf(r)
	if errors.Is(err, errSignedOut) {
		http.Redirect(w, r, "/signin?return_to=/device", http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	return s.drawRequest(w, r, v, request)
}

// decide approves or denies.
func (s *Server) decide(w http.ResponseWriter, r *http.Request) error {
	v, request, err := s.requestOf(r)
	if err != nil {
		return err
	}
	if request.State != store.StatePending { // a second click, or the back button: show what came of the first
		http.Redirect(w, r, "/device/"+request.SID, http.StatusSeeOther)
		return nil
	}
	switch r.PostForm.Get("decision") {
	case "approve":
		err = s.Sessions.Begin(r.Context(), request, *v.session)
	case "deny":
		err = s.Sessions.Deny(r.Context(), request, *v.session)
	default:
		return errBadInput
	}
	s.dropCookie(w, cookieCode) // a decided code would only stand in the way of the next one
	switch {
	case err == nil, errors.Is(err, store.ErrDecided), errors.Is(err, store.ErrExpired), errors.Is(err, store.ErrTaken):
		http.Redirect(w, r, "/device/"+request.SID, http.StatusSeeOther)
		return nil
	case errors.Is(err, store.ErrConflict):
		return s.Pages.Write(w, http.StatusForbidden, s.conflict(r, request))
	case errors.Is(err, store.ErrRefused):
		return s.Pages.Write(w, http.StatusForbidden, pages.Denied{Base: s.base(r), DeviceName: request.Name, Command: s.command(request.ClientID)})
	default:
		return unavailable(err)
	}
}

// requestOf finds the request in the path, if this session opened it.
func (s *Server) requestOf(r *http.Request) (*visitor, store.Request, error) {
	v, err := signedIn(r)
	if err != nil {
		return nil, store.Request{}, err
	}
	sid := pathID(r)
	if !validSession(sid) {
		return nil, store.Request{}, store.ErrNotFound
	}
	request, err := s.Tickets.Request(r.Context(), sid, v.session.SID)
	return v, request, unavailable(err)
}

func (s *Server) drawRequest(w http.ResponseWriter, r *http.Request, v *visitor, request store.Request) error {
	client, err := s.Records.Client(r.Context(), request.ClientID)
	if err != nil {
		return unavailable(err)
	}
	base, command := s.base(r), s.command(request.ClientID)
	state := request.State
	if (state == store.StatePending || state == store.StateApproved) && !s.Now().Before(request.ExpiresAt) {
		state = store.StateExpired
	}
	switch state {
	case store.StatePending:
		return s.drawQuestion(w, r, v, request, client)
	case store.StateApproved, store.StateRedeemed:
		return s.Pages.Write(w, http.StatusOK, pages.Approved{
			Base: base, App: client.Name, DeviceName: request.Name, SessionID: request.SID,
		})
	case store.StateDenied:
		if request.Reason == store.ReasonConflict {
			return s.Pages.Write(w, http.StatusForbidden, s.conflict(r, request))
		}
		return s.Pages.Write(w, http.StatusOK, pages.Denied{Base: base, App: client.Name, DeviceName: request.Name, Command: command})
	case store.StateExpired:
		return s.Pages.Write(w, http.StatusOK, pages.Expired{Base: base, Command: command})
	default:
		return s.Pages.Write(w, http.StatusOK, pages.Used{Base: base, Command: command})
	}
}

// drawQuestion draws the page that everything is about.
func (s *Server) drawQuestion(w http.ResponseWriter, r *http.Request, v *visitor, request store.Request, client store.Client) error {
	known := false
	if request.Fingerprint != "" {
		var err error
		if known, err = s.Records.KnownDevice(r.Context(), v.user.ID, request.Fingerprint); err != nil {
			return unavailable(err)
		}
	}
	words, err := s.OAuth.WordsFor(r.Context(), client, request.Scope)
	if err != nil {
		return err
	}
	unvetted, err := s.unvetted(r, request.ClientID)
	if err != nil {
		return err
	}
	// Only the hash of the code is kept; the browser brings back what was typed, and it is shown if it is that one.
	code, _ := oauth.ReadUserCode(s.cookie(r, cookieCode))
	if oauth.HashUserCode(code) != request.UserCode {
		code = ""
	}
	return s.Pages.Write(w, http.StatusOK, pages.Approve{
		Base: s.base(r), RequestID: request.SID, App: client.Name, DeviceName: request.Name, Platform: request.Platform,
		Code: oauth.ShowUserCode(code), Scopes: words,
		Address: request.Address, AskedAt: request.CreatedAt,
		SameNetwork: networkOf(request.Address) == sessions.OriginOf(r.Context()).Network,
		KnownDevice: known, Unvetted: unvetted,
	})
}

func (s *Server) conflict(r *http.Request, request store.Request) pages.Conflict {
	view := pages.Conflict{Base: s.base(r), DeviceName: request.Name}
	if command := s.command(request.ClientID); command != "" {
		view.Command = command + " --new-device"
	}
	return view
}

// command is what to type to start again, if the app is ours and we know it.
func (s *Server) command(clientID string) string {
	if clientID == BuiltInClient {
		return "handclasp login"
	}
	return ""
}
