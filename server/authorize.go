package server

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/pages"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// authorizePath is where a request waits for its person: the id of the request follows.
const authorizePath = "/authorize/"

// authorizeTry bounds what strangers of one network may leave waiting, or one browser that is signed in: a company behind one
// address has many, whose apps ask silently every few minutes.
func (s *Server) authorizeTry(r *http.Request) (store.Limit, error) {
	who := "network:" + sessions.OriginOf(r.Context()).Network
	browser, err := s.signedInHere(r)
	if browser != nil {
		who = "browser:" + browser.SID
	}
	return store.Limit{Key: "authorize." + who, Burst: 60, Every: 2 * time.Second}, err
}

// authorize is the authorization endpoint (RFC 6749 §3.1). It keeps the request and leads to the page that asks, so that
// the parameters are in the address bar for as short as possible and the sign-in can come back to it.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) error {
	form := r.URL.Query()
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			return errors.Join(errBadInput, err)
		}
		form = r.PostForm
	}
	try, err := s.authorizeTry(r)
	if err == nil {
		err = s.limit(r.Context(), try)
	}
	if err != nil {
		return err
	}
	id, err := s.OAuth.Authorize(r.Context(), form, s.appBrowser(w, r))
	var back *oauth.RedirectError
	if errors.As(err, &back) {
		return s.sendAway(w, r, back.ClientID, back.Location, http.StatusBadRequest)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, authorizePath+id, http.StatusSeeOther) //nolint:gosec // G710: an id of ours
	return nil
}

// appBrowser is the name that requests of apps are bound to. A form of another site comes without our cookies (they are Lax),
// so the name is its own and not the visitor's: a new visitor would make the forms in all other tabs worthless.
func (s *Server) appBrowser(w http.ResponseWriter, r *http.Request) string {
	name := s.cookie(r, cookieApp)
	if len(name) != 22 {
		name = s.newName(r, cookieApp)
		s.setCookie(w, cookieApp, name, 0)
	}
	return name
}

// pushAuthorization is RFC 9126.
func (s *Server) pushAuthorization(w http.ResponseWriter, r *http.Request) error {
	answer, err := s.OAuth.Push(r.Context(), r)
	if err != nil {
		return err
	}
	return writeJSONStatus(w, http.StatusCreated, answer)
}

// askConsent asks the person, or goes on without asking where the same was allowed before. Only a request that needs no
// question is answered by GET: OpenID Connect Core §3.1.2.1 has it so, for prompt=none before all.
func (s *Server) askConsent(w http.ResponseWriter, r *http.Request) error {
	id := pathID(r)
	a, client, err := s.waiting(r, id)
	if errors.Is(err, store.ErrNotFound) && a.Wants(oauth.PromptNone) {
		return s.turnAway(w, r, id, &oauth.Error{Code: oauth.CodeLoginRequired}) // in a frame, where browsers keep no cookies of ours
	}
	if errors.Is(err, store.ErrNotFound) {
		return s.Pages.Write(w, http.StatusNotFound, pages.RequestOver{Base: s.base(r)})
	}
	if err != nil {
		return err
	}
	v := visitorOf(r)
	if v.session == nil || !a.Fresh(v.session.AuthTime, s.Now()) {
		return s.signInFirst(w, r, id, a)
	}
	ask, err := s.mustAsk(r, v, a)
	if err != nil {
		return err
	}
	if !ask && r.Method == http.MethodGet {
		return s.letIn(w, r, id, v)
	}
	if ask && a.Wants(oauth.PromptNone) {
		return s.turnAway(w, r, id, &oauth.Error{Code: oauth.CodeConsentRequired})
	}
	return s.drawConsent(w, r, id, a, client)
}

// waiting finds a request that this browser has brought. store.ErrNotFound for all others, with the request if it is another's, and
// for one whose address the client has lost meanwhile.
func (s *Server) waiting(r *http.Request, id string) (oauth.Authorization, store.Client, error) {
	a, err := s.OAuth.Waiting(r.Context(), id)
	if err != nil {
		return a, store.Client{}, err
	}
	if !a.BroughtBy(s.cookie(r, cookieApp)) {
		return a, store.Client{}, store.ErrNotFound
	}
	client, err := s.Records.Client(r.Context(), a.ClientID)
	if err != nil {
		return a, client, unavailable(err)
	}
	if !a.LeadsTo(client) {
		return oauth.Authorization{}, client, store.ErrNotFound
	}
	return a, client, nil
}

// signInFirst sends the person to the sign-in, and the request with them.
func (s *Server) signInFirst(w http.ResponseWriter, r *http.Request, id string, a oauth.Authorization) error {
	if a.Wants(oauth.PromptNone) {
		return s.turnAway(w, r, id, &oauth.Error{Code: oauth.CodeLoginRequired})
	}
	if visitorOf(r).session != nil { // it is there, and too old for the app
		since := a.AskedAt
		if a.MaxAge != nil && !a.Wants(oauth.PromptLogin) {
			since = s.Now().Add(-time.Duration(*a.MaxAge) * time.Second)
		}
		// Rounded up: what /signin takes for young enough must be so here as well, or the browser goes in circles.
		s.setCookie(w, cookieFresh, strconv.FormatInt(since.UnixMilli()+1, 10), nextLife)
	}
	http.Redirect(w, r, "/signin?return_to="+url.QueryEscape(authorizePath+id), http.StatusSeeOther)
	return nil
}

// mustAsk: a program on somebody's machine cannot prove that it is the one that was registered, so it is asked about each time.
func (s *Server) mustAsk(r *http.Request, v *visitor, a oauth.Authorization) (bool, error) {
	if a.Native() || a.Wants(oauth.PromptConsent) {
		return true, nil
	}
	allowed, err := s.Records.Consent(r.Context(), v.user.ID, a.ClientID)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return true, unavailable(err)
	}
	return slices.ContainsFunc(a.Scope, func(scope string) bool { return !slices.Contains(allowed.Scope, scope) }), nil
}

func (s *Server) drawConsent(w http.ResponseWriter, r *http.Request, id string, a oauth.Authorization, client store.Client) error {
	known := false
	if a.Fingerprint != "" {
		var err error
		if known, err = s.Records.KnownDevice(r.Context(), visitorOf(r).user.ID, a.Fingerprint); err != nil {
			return unavailable(err)
		}
	}
	words, err := s.OAuth.WordsFor(r.Context(), client, a.Scope)
	if err != nil {
		return err
	}
	unvetted, err := s.unvetted(r, a.ClientID)
	if err != nil {
		return err
	}
	// The answer to this page's form is a redirect to the app, which the page's policy has to allow.
	w.Header().Set("Content-Security-Policy", contentPolicyStart+" "+formTarget(a.RedirectURI)+contentPolicyEnd)
	return s.Pages.Write(w, http.StatusOK, pages.Consent{
		Base: s.base(r), RequestID: id, App: client.Name, Scopes: words, AskedAt: a.AskedAt,
		Native: a.Native(), Target: targetOf(a.RedirectURI), DeviceName: a.DeviceName, Platform: a.Platform,
		Terminal: a.Fingerprint != "", KnownDevice: known, Unvetted: unvetted,
	})
}

// formTarget is the source that CSP needs for a redirect URI. An IPv6 address and an app's own scheme can only be named by
// their scheme.
func formTarget(redirect string) string {
	u, err := url.Parse(redirect)
	if err != nil {
		return ""
	}
	if (u.Scheme == "https" || u.Scheme == "http") && !strings.Contains(u.Host, "[") {
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + ":"
}

// targetOf is what people read of where they go on.
func targetOf(redirect string) string {
	u, err := url.Parse(redirect)
	if err != nil || u.Scheme != "https" {
		return ""
	}
	return u.Host
}

// decideConsent is the button of the page.
func (s *Server) decideConsent(w http.ResponseWriter, r *http.Request) error {
	v, err := signedIn(r)
	if err != nil {
		return err
	}
	id := pathID(r)
	a, _, err := s.waiting(r, id)
	if errors.Is(err, store.ErrNotFound) {
		return s.Pages.Write(w, http.StatusNotFound, pages.RequestOver{Base: s.base(r)})
	}
	if err != nil {
		return err
	}
	if !a.Fresh(v.session.AuthTime, s.Now()) {
		return s.signInFirst(w, r, id, a)
	}
	switch r.PostForm.Get("decision") {
	case "approve":
	case "deny":
		return s.turnAway(w, r, id, &oauth.Error{Code: oauth.CodeAccessDenied, Reason: store.ReasonUser})
	default:
		return errBadInput
	}
	now := s.Now()
	err = s.Records.AddConsent(r.Context(), store.Consent{
		UserID: v.user.ID, ClientID: a.ClientID, Scope: a.Scope, CreatedAt: now, UpdatedAt: now,
	})
	if err != nil {
		return unavailable(err)
	}
	return s.letIn(w, r, id, v)
}

// letIn takes the request out, which one caller can, and sends the browser back with a code.
func (s *Server) letIn(w http.ResponseWriter, r *http.Request, id string, v *visitor) error {
	a, err := s.OAuth.Decide(r.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		return s.Pages.Write(w, http.StatusNotFound, pages.RequestOver{Base: s.base(r)})
	}
	if err != nil {
		return err
	}
	location, err := s.OAuth.Grant(r.Context(), a, *v.session, oauth.BrowserDevice{
		ID: s.browserID(r, v), Name: browserName(r.UserAgent()),
	})
	var refusal *oauth.Error
	switch {
	case err == nil:
	case errors.As(err, &refusal) && refusal.Code == oauth.CodeAccessDenied:
		location = s.OAuth.RedirectRefused(a, refusal)
	default:
		return err
	}
	http.Redirect(w, r, location, http.StatusSeeOther) //nolint:gosec // G710: registered for the client, letter by letter
	return nil
}

// browserID tells a browser again: by the name that it got when this address first signed in here, else by its session.
func (s *Server) browserID(r *http.Request, v *visitor) string {
	if id, known := s.knows(r, v.user.Email); known {
		return id
	}
	return v.session.SID
}

// turnAway takes the request out and tells the client why.
func (s *Server) turnAway(w http.ResponseWriter, r *http.Request, id string, refusal *oauth.Error) error {
	a, err := s.OAuth.Decide(r.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		return s.Pages.Write(w, http.StatusNotFound, pages.RequestOver{Base: s.base(r)})
	}
	if err != nil {
		return err
	}
	s.Journal.Record(r.Context(), store.Event{
		Type: "authorize.deny", UserID: visitorOf(r).user.ID, ClientID: a.ClientID, Result: sessions.OK, Detail: refusal.Code,
	})
	if refusal.Code != oauth.CodeAccessDenied { // nobody has pressed a button
		return s.sendAway(w, r, a.ClientID, s.OAuth.RedirectRefused(a, refusal), http.StatusOK)
	}
	http.Redirect(w, r, s.OAuth.RedirectRefused(a, refusal), http.StatusSeeOther) //nolint:gosec // G710: as above
	return nil
}

// apiUser is the answer of the UserInfo endpoint (OpenID Connect Core §5.3.2).
type apiUser struct {
	Subject       string `json:"sub"`
	Name          string `json:"name,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified,omitempty"`
}

// userinfo says who the token's owner is, as far as its scopes go.
func (s *Server) userinfo(w http.ResponseWriter, r *http.Request) error {
	access, err := s.OAuth.VerifyAny(r.Context(), r, oauth.ScopeOpenID)
	if err != nil {
		return err
	}
	user, err := s.Records.User(r.Context(), access.Subject)
	if err != nil {
		return gone(err)
	}
	if user.Disabled() {
		return &oauth.Error{Code: oauth.CodeInvalidToken}
	}
	out := apiUser{Subject: user.ID}
	if access.Has(oauth.ScopeProfile) {
		out.Name = user.Name
	}
	if access.Has(oauth.ScopeEmail) {
		out.Email, out.EmailVerified = user.Email, !user.VerifiedAt.IsZero()
	}
	return writeJSON(w, out)
}

// forgetApp takes back what was allowed to an app, and ends its sessions: whoever takes a permission back means now.
func (s *Server) forgetApp(w http.ResponseWriter, r *http.Request) error {
	v, err := signedIn(r)
	if err != nil {
		return err
	}
	clientID := r.PostForm.Get("client")
	if !store.ValidClientID(clientID) {
		return store.ErrNotFound
	}
	if err := s.Records.RemoveConsent(r.Context(), v.user.ID, clientID); err != nil {
		return unavailable(err)
	}
	if err := s.Sessions.EndApp(r.Context(), v.user.ID, clientID); err != nil {
		return unavailable(err)
	}
	s.Journal.Record(r.Context(), store.Event{
		Type: "consent.remove", Actor: v.user.ID, UserID: v.user.ID, ClientID: clientID, Result: sessions.OK,
	})
	return s.drawAccount(w, r, "The app may do nothing any more, and its sessions have ended.")
}
