package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/pages"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// Our cookies. On a loopback issuer without TLS they go without Secure and the __Host- prefix, nowhere else.
const (
	cookieSession = "hc_session" // a signed-in browser
	cookieVisitor = "hc_visitor" // what forms are bound to
	cookieAsker   = "hc_asker"   // the half of a link that stays here
	cookieCode    = "hc_code"    // a user code on its way through the sign-in
	cookieNext    = "hc_next"    // where the person goes on after it
	cookieFresh   = "hc_fresh"   // an app wants a sign-in that is younger than this, in milliseconds since 1970
	cookieApp     = "hc_app"     // requests of apps that this browser brought are answered here
	cookieKnown   = "hc_known"   // this browser has signed this address in before
)

// errSignedOut sends the person to the sign-in, or on to the sign-out that they have asked for.
var errSignedOut = errors.New("not signed in")

// errSignedIn sends on whoever has signed in in another tab since the form for it was drawn.
var errSignedIn = errors.New("signed in meanwhile")

// instead is where somebody goes on whose session is over. A sign-out from a page that stood open for too long still has the apps to
// end that were opened here, so it leads to the page that asks about them, or says that nothing is left.
func instead(r *http.Request) string {
	if signsOut(r) && r.PostForm.Get("return_to") == "" {
		return logoutAgain(r.PostForm)
	}
	return "/signin"
}

func signsOut(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == signOutPath || r.URL.Path == signOutAppPath)
}

// visitor is the browser behind a request to a page.
type visitor struct {
	id      string         // of the cookie that forms are bound to
	session *store.Browser // nil if nobody is signed in
	user    store.User
}

type visitorKey struct{}

func withVisitor(ctx context.Context, v *visitor) context.Context {
	return context.WithValue(ctx, visitorKey{}, v)
}

func visitorOf(r *http.Request) *visitor {
	v, _ := r.Context().Value(visitorKey{}).(*visitor)
	if v == nil {
		v = &visitor{}
	}
	return v
}

// visitor reads the cookies, and gives a new visitor one. A session whose user is disabled or gone is no session.
func (s *Server) visitor(w http.ResponseWriter, r *http.Request) (*visitor, error) {
	v := &visitor{id: s.cookie(r, cookieVisitor)}
	if len(v.id) != 22 {
		v.id = s.newName(r, cookieVisitor)
		s.setCookie(w, cookieVisitor, v.id, 0)
	}
	session, err := s.signedInHere(r)
	if err != nil || session == nil {
		return v, err
	}
	user, err := s.Records.User(r.Context(), session.UserID)
	if errors.Is(err, store.ErrNotFound) || err == nil && user.Disabled() {
		return v, nil
	}
	if err != nil {
		return v, unavailable(err)
	}
	v.session, v.user = session, user
	return v, nil
}

// newName is what a browser is called in a cookie of this name that it has lost, as it does when it is closed. One that has signed
// in before gets the same from all that it asks at once, or the last answer would make worthless what the others are bound to.
func (s *Server) newName(r *http.Request, cookie string) string {
	known := s.cookie(r, cookieKnown)
	if known == "" {
		return store.RandomText(16)
	}
	_, key := s.known.Current()
	return seal(key, cookie, known)[:22]
}

// signedInHere is the live session that the browser's cookie names; nil if there is none.
func (s *Server) signedInHere(r *http.Request) (*store.Browser, error) {
	sid, secret, ok := sessions.ReadCookie(s.cookie(r, cookieSession))
	if !ok {
		return nil, nil
	}
	session, err := s.Tickets.Browser(r.Context(), sid, secret)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return &session, nil
}

// signedIn returns the visitor, or errSignedOut.
func signedIn(r *http.Request) (*visitor, error) {
	v := visitorOf(r)
	if v.session == nil {
		return nil, errSignedOut
	}
	return v, nil
}

// checkForm lets a POST through only if it comes from a page that we drew for this browser.
func (s *Server) checkForm(r *http.Request, v *visitor) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	if err := s.origins.Check(r); err != nil {
		return errors.Join(errForm, err)
	}
	if err := readForm(r); err != nil {
		return err
	}
	token := r.PostForm.Get("csrf")
	if s.csrfFits(v.id, v.sid(), token) {
		return nil
	}
	if v.session == nil && (s.cookie(r, cookieSession) != "" || signsOut(r)) {
		return errSignedOut // the session has ended since the form was drawn, and no such form helps
	}
	if v.session != nil && r.URL.Path == "/signin" && s.csrfFits(v.id, "", token) {
		return errSignedIn
	}
	return errForm
}

// base is what every page carries.
func (s *Server) base(r *http.Request) pages.Base {
	v := visitorOf(r)
	b := pages.Base{Now: s.Now(), CSRF: s.csrfToken(v), Console: s.Console}
	if v.session != nil {
		b.Account = v.user.Email
	}
	return b
}

// csrfToken is bound to the visitor and to the session, so that a sign-in makes older forms worthless.
func (s *Server) csrfToken(v *visitor) string {
	id, key := s.csrf.Current()
	return id + "." + seal(key, v.id, v.sid())
}

func (s *Server) csrfFits(visitor, sid, token string) bool {
	id, mac, _ := strings.Cut(token, ".")
	key, ok := s.csrf.Key(id)
	return ok && subtle.ConstantTimeCompare([]byte(mac), []byte(seal(key, visitor, sid))) == 1
}

func (v *visitor) sid() string {
	if v.session == nil {
		return ""
	}
	return v.session.SID
}

// seal is HMAC-SHA-256 over parts that cannot hold the separator.
func seal(key []byte, parts ...string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(strings.Join(parts, "\x00")))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// cookieName adds the prefix with which browsers promise that no subdomain and no clear-text page has set it.
func (s *Server) cookieName(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}

func (s *Server) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(s.cookieName(name))
	if err != nil || len(c.Value) > 512 {
		return ""
	}
	return c.Value
}

// setCookie keeps a value for life, or until the browser closes if life is zero. Lax and not Strict: a link in webmail
// is opened from another site, and must find the half that stayed here.
func (s *Server) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, s.bake(name, value, int(life/time.Second)))
}

func (s *Server) dropCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, s.bake(name, "", -1))
}

func (s *Server) bake(name, value string, age int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // G124: Secure on every issuer but a loopback one without TLS
		Name: s.cookieName(name), Value: value, Path: "/", MaxAge: age,
		Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// readForm bounds and checks a form of ours: few fields, short, UTF-8, none twice.
func readForm(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errors.Join(errBadInput, err)
	}
	if len(r.PostForm) > 20 {
		return errBadInput
	}
	for _, values := range r.PostForm {
		if len(values) != 1 || !plain(values[0]) {
			return errBadInput
		}
	}
	return nil
}

// returnPath lets a person go on only to one of our own pages, compared whole. Everything else is /account.
func returnPath(path string) string {
	if path == "/device" || path == "/account" {
		return path
	}
	if id, ok := strings.CutPrefix(path, "/device/"); ok && validSession(id) {
		return path
	}
	if id, ok := strings.CutPrefix(path, authorizePath); ok && oauth.ValidAuthorization(id) {
		return path
	}
	return "/account"
}
