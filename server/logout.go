package server

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/pages"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// logoutPath is the end-session endpoint of OpenID Connect RP-Initiated Logout 1.0.
const logoutPath = "/oauth/logout"

// logoutParameters are what an app may send there and we go by.
var logoutParameters = []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state"}

// logoutTry bounds what one network may have read of us.
func logoutTry(network string) store.Limit {
	return store.Limit{Key: "logout.network:" + network, Burst: 60, Every: 2 * time.Second}
}

// bringLogout takes a form that an app's page has sent across sites (§2 wants POST as well). A browser sends no cookies of
// ours with that, so it is led to where it does.
func (s *Server) bringLogout(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errors.Join(errBadInput, err)
	}
	if err := s.limit(r.Context(), logoutTry(sessions.OriginOf(r.Context()).Network)); err != nil {
		return err
	}
	http.Redirect(w, r, logoutAgain(r.PostForm), http.StatusSeeOther)
	return nil
}

// logoutAgain is where a form is read as a link.
func logoutAgain(form url.Values) string {
	kept := url.Values{}
	for _, name := range logoutParameters {
		if form.Has(name) {
			kept.Set(name, form.Get(name))
		}
	}
	return logoutPath + "?" + kept.Encode()
}

func (s *Server) readLogout(r *http.Request, form url.Values) (oauth.Logout, error) {
	if err := s.limit(r.Context(), logoutTry(sessions.OriginOf(r.Context()).Network)); err != nil {
		return oauth.Logout{}, err
	}
	return s.OAuth.ReadLogout(r.Context(), form)
}

// askLogout signs out at once where the app has a token of a session that ends with this browser's anyway, and asks
// otherwise: else any page could sign people out by a link (§6).
func (s *Server) askLogout(w http.ResponseWriter, r *http.Request) error {
	out, err := s.readLogout(r, r.URL.Query())
	if err != nil {
		return err
	}
	app, err := s.sessionOfApp(r, out)
	if err != nil {
		return err
	}
	here, open, err := s.openHere(r)
	if err != nil {
		return err
	}
	if !out.Proven {
		app = store.Session{}
	}
	if r.Method == http.MethodGet && (!open || app.Opener == here.SID) {
		return s.leave(w, r, out, app, here)
	}
	if out.Location != "" { // the answer to this page's form may lead there
		w.Header().Set("Content-Security-Policy", contentPolicyStart+" "+formTarget(out.Location)+contentPolicyEnd)
	}
	fields := map[string]string{}
	for _, name := range logoutParameters {
		if value := r.URL.Query().Get(name); value != "" {
			fields[name] = value
		}
	}
	return s.Pages.Write(w, http.StatusOK, pages.SignOut{Base: s.base(r), App: out.App, Fields: fields})
}

// openHere is the session of this browser, or the one that ran out, and whether a sign-out would end something with it.
func (s *Server) openHere(r *http.Request) (here store.Browser, open bool, err error) {
	here, err = s.former(r)
	if err != nil || here.SID == "" || visitorOf(r).session != nil {
		return here, here.SID != "", err
	}
	rows, err := s.Records.LiveSessions(r.Context(), here.UserID)
	if err != nil {
		return here, false, unavailable(err)
	}
	return here, slices.ContainsFunc(rows, func(row store.Session) bool { return row.Opener == here.SID }), nil
}

// sessionOfApp is the session that the hint names; the zero session if it names none, or somebody else's.
func (s *Server) sessionOfApp(r *http.Request, out oauth.Logout) (store.Session, error) {
	if out.SID == "" {
		return store.Session{}, nil
	}
	row, err := s.Records.Session(r.Context(), out.SID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Session{}, unavailable(err)
	}
	if err != nil || row.ClientID != out.ClientID || row.UserID != out.Subject {
		return store.Session{}, nil
	}
	return row, nil
}

// decideLogout is the button of the page.
func (s *Server) decideLogout(w http.ResponseWriter, r *http.Request) error {
	out, err := s.readLogout(r, r.PostForm)
	if err != nil {
		return err
	}
	app, err := s.sessionOfApp(r, out)
	if err != nil {
		return err
	}
	here, open, err := s.openHere(r)
	if err != nil {
		return err
	}
	if open && app.UserID != here.UserID || !open && !out.Proven {
		app = store.Session{} // the app speaks of another person than the one who pressed the button
	}
	return s.leave(w, r, out, app, here)
}

// leave ends the app's session and this browser's, and with that every other session that hangs on it.
func (s *Server) leave(w http.ResponseWriter, r *http.Request, out oauth.Logout, app store.Session, here store.Browser) error {
	for _, sid := range []string{app.ID, here.SID} {
		if sid == "" {
			continue
		}
		if err := s.Sessions.End(r.Context(), sid, sessions.EndLogout); err != nil && !errors.Is(err, store.ErrNotFound) {
			return unavailable(err)
		}
	}
	for _, name := range []string{cookieSession, cookieCode, cookieNext} {
		s.dropCookie(w, name)
	}
	if out.Location != "" {
		return s.sendAway(w, r, out.ClientID, out.Location, http.StatusOK)
	}
	r = r.WithContext(withVisitor(r.Context(), &visitor{id: visitorOf(r).id}))
	return s.Pages.Write(w, http.StatusOK, pages.SignedOut{Base: s.base(r)})
}
