package server

import (
	"crypto/hmac"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/handclasp/handclasp/mail"
	"github.com/handclasp/handclasp/providers"
	"github.com/handclasp/handclasp/server/pages"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

const (
	nextLife   = time.Hour
	knownLife  = 180 * 24 * time.Hour
	resendWait = 30 * time.Second
)

// signIn asks for an address.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	next := s.next(r)
	if r.URL.Query().Has("return_to") {
		next = returnPath(r.URL.Query().Get("return_to"))
		s.setCookie(w, cookieNext, next, nextLife)
	}
	if s.settled(r) {
		http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // G710: returnPath let it through
		return nil
	}
	return s.drawSignIn(w, r, http.StatusOK, pages.SignIn{ReturnTo: next, Email: s.hint(r, next)})
}

// hint is the address that the app expects, if it has said so (OpenID Connect Core §3.1.2.1). It only spares typing, so
// whatever is wrong with it is no reason to stop.
func (s *Server) hint(r *http.Request, next string) string {
	id, ok := strings.CutPrefix(next, authorizePath)
	if !ok {
		return ""
	}
	a, err := s.OAuth.Waiting(r.Context(), id)
	if err != nil || len(a.LoginHint) > 254 {
		return ""
	}
	return a.LoginHint
}

func (s *Server) drawSignIn(w http.ResponseWriter, r *http.Request, status int, view pages.SignIn) error {
	view.Base, view.Closed = s.base(r), s.Signup == "closed"
	if view.ReturnTo == "" {
		view.ReturnTo = s.next(r)
	}
	switch {
	case strings.HasPrefix(view.ReturnTo, "/device"):
		view.Why = "to confirm a terminal"
	case strings.HasPrefix(view.ReturnTo, authorizePath):
		view.Why = "to go on to an app"
	}
	return s.Pages.Write(w, status, view)
}

// next is where this browser goes on after the sign-in.
func (s *Server) next(r *http.Request) string { return returnPath(s.cookie(r, cookieNext)) }

// asker is this browser's half of the link that it asked for; the zero Asker if it asked for none.
func (s *Server) asker(r *http.Request) providers.Asker {
	return providers.ReadAsker(s.cookie(r, cookieAsker))
}

// askForLink takes an address. The answer is the same for every one.
func (s *Server) askForLink(w http.ResponseWriter, r *http.Request) error {
	typed, next := r.PostForm.Get("email"), returnPath(r.PostForm.Get("return_to"))
	email, err := mail.ParseAddress(typed)
	if err != nil {
		return s.drawSignIn(w, r, http.StatusBadRequest, pages.SignIn{
			Email: typed, ReturnTo: next, Problem: "That is not a mail address. It looks like name@example.test.",
		})
	}
	knownID, known := s.knows(r, email)
	asker, err := s.Links.Ask(r.Context(), providers.Ask{
		Email: email, ReturnTo: next, Asker: s.asker(r), Known: known, KnownID: knownID,
	})
	if err != nil {
		if errors.Is(err, providers.ErrTooMany) {
			return err
		}
		return unavailable(err)
	}
	s.setCookie(w, cookieAsker, asker.String(), time.Hour)
	s.setCookie(w, cookieNext, next, nextLife)
	http.Redirect(w, r, "/signin/sent", http.StatusSeeOther)
	return nil
}

// checkMail waits for the mail to be read. It may be reloaded, left and opened twice.
func (s *Server) checkMail(w http.ResponseWriter, r *http.Request) error {
	return s.drawCheckMail(w, r, http.StatusOK, "")
}

func (s *Server) drawCheckMail(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	if v := visitorOf(r); s.settled(r) {
		return s.drawSignedIn(w, r, status, v)
	}
	link, err := s.Links.Waiting(r.Context(), s.asker(r))
	if errors.Is(err, providers.ErrLink) {
		return s.drawSignIn(w, r, status, pages.SignIn{Notice: "That link is not good any more. Ask for a new one."})
	}
	if err != nil {
		return unavailable(err)
	}
	return s.Pages.Write(w, status, pages.CheckMail{
		Base: s.base(r), Email: link.Email, Minutes: minutes(link.ExpiresAt.Sub(s.Now())), ReturnTo: link.ReturnTo,
		CodeProblem: problem, ResendAfterSeconds: int(max(0, resendWait-s.Now().Sub(link.CreatedAt)) / time.Second),
	})
}

// drawSignedIn leads on whoever is signed in by now.
func (s *Server) drawSignedIn(w http.ResponseWriter, r *http.Request, status int, v *visitor) error {
	return s.Pages.Write(w, status, pages.CheckMail{Base: s.base(r), Email: v.user.Email, ReturnTo: s.next(r), SignedIn: true})
}

func minutes(d time.Duration) int { return int((d + time.Minute - 1) / time.Minute) }

// signInState tells the window that asked whether this browser is signed in by now.
func (s *Server) signInState(w http.ResponseWriter, r *http.Request) error {
	in := s.settled(r)
	answer := struct {
		SignedIn bool   `json:"signed_in"`
		Continue string `json:"continue,omitempty"`
	}{SignedIn: in}
	if in {
		answer.Continue = s.next(r)
	}
	return writeJSON(w, answer)
}

// showLink is what the link in the mail opens. It changes nothing, however often it is opened and by whom.
func (s *Server) showLink(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("t")
	link, err := s.Links.Look(r.Context(), token, s.asker(r))
	view := pages.LinkPage{Base: s.base(r), Email: link.Email, Token: token, Minutes: minutes(link.ExpiresAt.Sub(s.Now()))}
	switch {
	case errors.Is(err, providers.ErrOtherBrowser):
		view.OtherBrowser, view.Token = true, ""
	case errors.Is(err, providers.ErrLink):
		return s.linkFailed(w, r)
	case err != nil:
		return unavailable(err)
	}
	return s.Pages.Write(w, http.StatusOK, view)
}

// linkFailed leads back to the address form with a reason, or on, for whoever is signed in already.
func (s *Server) linkFailed(w http.ResponseWriter, r *http.Request) error {
	if v := visitorOf(r); v.session != nil {
		return s.drawSignedIn(w, r, http.StatusOK, v)
	}
	return s.drawSignIn(w, r, http.StatusBadRequest, pages.SignIn{Notice: "That link is not good any more: it was used, is too old, or a newer one was sent. Ask for a new one."})
}

// useLink is the button behind the link.
func (s *Server) useLink(w http.ResponseWriter, r *http.Request) error {
	token, asker := r.PostForm.Get("t"), s.asker(r)
	link, err := s.Links.Look(r.Context(), token, asker)
	if errors.Is(err, providers.ErrLink) {
		return s.linkFailed(w, r)
	}
	if errors.Is(err, providers.ErrOtherBrowser) {
		return s.Pages.Write(w, http.StatusBadRequest, pages.LinkPage{Base: s.base(r), Email: link.Email, OtherBrowser: true})
	}
	if err != nil {
		return unavailable(err)
	}
	if s.switches(r, link) {
		return s.Pages.Write(w, http.StatusOK, pages.SwitchAccount{Base: s.base(r), Email: link.Email, Token: token})
	}
	proof, err := s.Links.Use(r.Context(), token, asker)
	if errors.Is(err, providers.ErrLink) {
		return s.linkFailed(w, r)
	}
	return s.enterAs(w, r, proof, err)
}

// useCode is the six letters, typed in the window that asked.
func (s *Server) useCode(w http.ResponseWriter, r *http.Request) error {
	if err := s.limit(r.Context(), letterTry(sessions.OriginOf(r.Context()).Network)); err != nil {
		return err
	}
	code, asker := r.PostForm.Get("code"), s.asker(r)
	link, err := s.Links.Waiting(r.Context(), asker)
	if errors.Is(err, providers.ErrLink) {
		return s.linkFailed(w, r)
	}
	if err != nil {
		return unavailable(err)
	}
	if s.switches(r, link) {
		return s.Pages.Write(w, http.StatusOK, pages.SwitchAccount{Base: s.base(r), Email: link.Email, Code: code})
	}
	proof, err := s.Links.UseCode(r.Context(), code, asker)
	if errors.Is(err, providers.ErrLink) {
		return s.drawCheckMail(w, r, http.StatusBadRequest, "Those are not the newest six letters.")
	}
	return s.enterAs(w, r, proof, err)
}

// switches reports whether a sign-in would silently replace the session of another account.
func (s *Server) switches(r *http.Request, link store.Link) bool {
	v := visitorOf(r)
	return v.session != nil && v.user.Email != link.Email && r.PostForm.Get("switch") != "yes"
}

// enterAs begins the browser session of a person who has proven an address, under a new id, and ends the one before it.
func (s *Server) enterAs(w http.ResponseWriter, r *http.Request, proof providers.Proof, err error) error {
	if errors.Is(err, providers.ErrNotAllowed) {
		return s.drawSignIn(w, r, http.StatusForbidden, pages.SignIn{Notice: "This address may not sign in here. Ask the people who run this server."})
	}
	if err != nil {
		return unavailable(err)
	}
	cookie, b, err := s.Sessions.BeginBrowser(r.Context(), sessions.SignIn{User: proof.User, AMR: proof.AMR, Name: browserName(r.UserAgent())})
	if errors.Is(err, store.ErrRefused) {
		return s.drawSignIn(w, r, http.StatusForbidden, pages.SignIn{Notice: "This sign-in was ended before it had begun. Ask for a new link."})
	}
	if err != nil {
		return unavailable(err)
	}
	old, err := s.former(r)
	if err == nil && old.SID != "" {
		err = s.Sessions.Replace(r.Context(), old, b)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		s.Log.WarnContext(r.Context(), "end the browser session before", "error", err)
	}
	s.setCookie(w, cookieSession, cookie, s.Sessions.BrowserAbsolute)
	s.setCookie(w, cookieKnown, s.knownCookie(r, proof.User.Email, b.SID), knownLife)
	s.dropCookie(w, cookieAsker)
	if s.cookie(r, cookieFresh) != "" {
		s.dropCookie(w, cookieFresh)
	}
	return s.goOn(w, r, returnPath(proof.ReturnTo), b, proof.User)
}

// goOn leads to where the person was going. On the way to an app that is a page with a button, and not a redirect: browsers
// hold every redirect behind a form against the page of that form, and its policy knows no app (CSP form-action).
func (s *Server) goOn(w http.ResponseWriter, r *http.Request, next string, session store.Browser, user store.User) error {
	if !strings.HasPrefix(next, authorizePath) {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	v := &visitor{id: visitorOf(r).id, session: &session, user: user}
	r = r.WithContext(withVisitor(r.Context(), v))
	return s.Pages.Write(w, http.StatusOK, pages.CheckMail{Base: s.base(r), Email: user.Email, ReturnTo: next, SignedIn: true})
}

// settled reports whether this browser is signed in, and lately enough for an app that wants so.
func (s *Server) settled(r *http.Request) bool {
	v := visitorOf(r)
	if v.session == nil {
		return false
	}
	since, err := strconv.ParseInt(s.cookie(r, cookieFresh), 10, 64)
	return err != nil || v.session.AuthTime.UnixMilli() >= since
}

// The buttons that sign out: of our pages, and of the page that an app leads to.
const (
	signOutPath    = "/signout"
	signOutAppPath = "/signout/app"
)

// signOut ends this browser's session.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	v := visitorOf(r)
	ended, err := s.notYou(r, v)
	if err != nil {
		return err
	}
	if v.session != nil {
		if err := s.Sessions.End(r.Context(), v.session.SID, sessions.EndLogout); err != nil && !errors.Is(err, store.ErrNotFound) {
			return unavailable(err)
		}
	}
	s.dropCookie(w, cookieSession)
	s.dropCookie(w, cookieCode)
	r = r.WithContext(withVisitor(r.Context(), &visitor{id: v.id}))
	if ended != nil {
		s.setCookie(w, cookieNext, "/device", nextLife)
		return s.drawSignIn(w, r, http.StatusOK, pages.SignIn{ReturnTo: "/device", Notice: s.closedNotice(ended.ClientID)})
	}
	if to := r.PostForm.Get("return_to"); to != "" {
		http.Redirect(w, r, "/signin?return_to="+returnPath(to), http.StatusSeeOther) //nolint:gosec // G710: as above
		return nil
	}
	s.dropCookie(w, cookieNext)
	return s.Pages.Write(w, http.StatusOK, pages.SignedOut{Base: s.base(r)})
}

// notYou ends the request that somebody walks away from with "Not you?", and returns it. Nobody else could decide it, so
// its terminal would wait in vain. It is nil after any other sign-out, and when the request was decided before.
func (s *Server) notYou(r *http.Request, v *visitor) (*store.Request, error) {
	sid := r.PostForm.Get("request")
	if v.session == nil || !validSession(sid) {
		return nil, nil
	}
	request, err := s.Tickets.Request(r.Context(), sid, v.session.SID)
	if err == nil {
		err = s.Sessions.Deny(r.Context(), request, *v.session)
	}
	switch {
	case err == nil:
		return &request, nil
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrDecided), errors.Is(err, store.ErrExpired):
		return nil, nil
	default:
		return nil, unavailable(err)
	}
}

func (s *Server) closedNotice(clientID string) string {
	again := "start again in your terminal"
	if command := s.command(clientID); command != "" {
		again = "type " + command + " in your terminal again"
	}
	return "You are signed out, and the code has ended. Sign in as yourself, then " + again + " for a new one."
}

// knows reports whether this browser has signed this address in before, and by what name it is counted then.
func (s *Server) knows(r *http.Request, email string) (string, bool) {
	id, _, known := s.lastIn(r, email)
	return id, known
}

// lastIn is the browser's name for this address, and the session that its last sign-in began: <key id>.<name>.<sid>.<mac>.
func (s *Server) lastIn(r *http.Request, email string) (id, sid string, ok bool) {
	parts := strings.Split(s.cookie(r, cookieKnown), ".")
	if len(parts) != 4 || len(parts[1]) != 22 {
		return "", "", false
	}
	key, ok := s.known.Key(parts[0])
	return parts[1], parts[2], ok && hmac.Equal([]byte(parts[3]), []byte(seal(key, parts[1], parts[2], email)))
}

// knownCookie keeps the browser's name if it has one for this address already.
func (s *Server) knownCookie(r *http.Request, email, sid string) string {
	id, known := s.knows(r, email)
	if !known {
		id = store.RandomText(16)
	}
	keyID, key := s.known.Current()
	return keyID + "." + id + "." + sid + "." + seal(key, id, sid, email)
}

// former is the session of this browser, or the one that it had last: it may have run out, which ends no app that was opened in it.
// The zero value if there is none.
func (s *Server) former(r *http.Request) (store.Browser, error) {
	if v := visitorOf(r); v.session != nil {
		return *v.session, nil
	}
	parts := strings.Split(s.cookie(r, cookieKnown), ".")
	if len(parts) != 4 || !validSession(parts[2]) {
		return store.Browser{}, nil
	}
	row, err := s.Records.Session(r.Context(), parts[2])
	if err != nil {
		return store.Browser{}, unlessGone(err)
	}
	user, err := s.Records.User(r.Context(), row.UserID)
	if err != nil {
		return store.Browser{}, unlessGone(err)
	}
	if _, sid, known := s.lastIn(r, user.Email); !known || sid != row.ID {
		return store.Browser{}, nil
	}
	return store.Browser{SID: row.ID, UserID: row.UserID}, nil
}

// unlessGone is nil for what is not there, which is an answer too.
func unlessGone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return unavailable(err)
}
