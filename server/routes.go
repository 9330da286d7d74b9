package server

import (
	"net/http"
	"strings"

	"github.com/gorilla/mux"
)

// handler is how a journey answers: it writes, or it returns an error and has written nothing.
type handler func(w http.ResponseWriter, r *http.Request) error

// rules say what surrounds a handler: pages have cookies, forms and a content security policy, the API has none of them.
type rules func(s *Server, route string, next handler) entry

// entry is a route with its rules. It takes the names in the path from the router directly: by way of the router's own
// context each request would be copied twice before anybody has looked at it.
type entry func(w http.ResponseWriter, r *http.Request, names map[string]string)

// ServeHTTP makes it a handler that the router accepts.
func (e entry) ServeHTTP(w http.ResponseWriter, r *http.Request) { e(w, r, nil) }

type route struct {
	method string
	path   string
	rules  rules
	serve  handler
}

// table is everything that is reachable. openapi.yaml is compared with it in both directions by a test.
func (s *Server) table() []route {
	return append([]route{
		{"GET", "/.well-known/oauth-authorization-server", api, s.metadata},
		{"GET", "/.well-known/openid-configuration", api, s.metadata},
		{"GET", "/oauth/jwks", api, s.jwks},
		{"GET", "/oauth/status/{id}", api, s.statusList},
		{"GET", "/oauth/authorize", door, s.authorize},
		{"POST", "/oauth/authorize", door, s.authorize},
		{"POST", "/oauth/par", api, s.pushAuthorization},
		{"GET", "/oauth/userinfo", api, s.userinfo},
		{"POST", "/oauth/userinfo", api, s.userinfo},
		{"POST", "/oauth/device_authorization", api, s.deviceAuthorization},
		{"POST", "/oauth/token", polls, s.token},
		{"POST", "/oauth/revoke", api, s.revoke},
		{"POST", "/oauth/introspect", api, s.introspect},
		{"POST", "/oauth/register", api, s.register},
		{"GET", "/oauth/register/{id}", api, s.readClient},
		{"PUT", "/oauth/register/{id}", api, s.replaceClient},
		{"DELETE", "/oauth/register/{id}", api, s.leaveClient},
		{"GET", "/oauth/logout", page, s.askLogout},
		{"POST", "/oauth/logout", door, s.bringLogout},

		{"POST", "/v1/magic-links", api, s.askForAppLink},
		{"GET", "/v1/me", api, s.me},
		{"GET", "/v1/devices", api, s.listDevices},
		{"DELETE", "/v1/devices/{id}", api, s.endDevice},
		{"GET", "/v1/sessions", api, s.listSessions},
		{"DELETE", "/v1/sessions", api, s.endOtherSessions},
		{"DELETE", "/v1/sessions/{id}", api, s.endSession},
		{"GET", "/openapi.yaml", api, s.openAPI},

		{"GET", "/", page, s.home},
		{"GET", "/device", page, s.enterCode},
		{"POST", "/device", page, s.openCode},
		{"GET", "/device/{id}", page, s.showRequest},
		{"POST", "/device/{id}", page, s.decide},
		{"GET", "/authorize/{id}", page, s.askConsent},
		{"POST", "/authorize/{id}", page, s.decideConsent},
		{"GET", "/signin", page, s.signIn},
		{"POST", "/signin", page, s.askForLink},
		{"GET", "/signin/sent", page, s.checkMail},
		{"GET", "/signin/state", page, s.signInState},
		{"POST", "/signin/code", page, s.useCode},
		{"GET", "/signin/link", page, s.showLink},
		{"POST", "/signin/link", page, s.useLink},
		{"POST", signOutPath, page, s.signOut},
		{"POST", signOutAppPath, page, s.decideLogout},
		{"GET", "/account", page, s.account},
		{"POST", "/account/forget", page, s.forgetApp},
		{"POST", "/account/end", page, s.endMine},
		{"POST", "/account/end-others", page, s.endOthers},
		{"GET", "/devices/end", page, s.showEndDevice},
		{"POST", "/devices/end", page, s.endByMail},
	}, s.adminTable()...)
}

func (s *Server) routes() http.Handler {
	// Paths are taken as they are sent: cleaning would answer with redirects to what a stranger wrote.
	m := mux.NewRouter().UseEncodedPath().SkipClean(true)
	allowed := map[string][]string{}
	for _, t := range s.table() {
		methods := []string{t.method}
		if t.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		allowed[t.path] = append(allowed[t.path], methods...)
		m.Handle(t.path, t.rules(s, t.method+" "+t.path, t.serve)).Methods(methods...)
	}
	for path, methods := range allowed {
		m.Handle(path, otherwise(s, path, func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			return errMethod
		}))
	}
	// Every path takes every method here and refuses itself: what the router refused by its method would have no handler.
	m.PathPrefix("/assets/").Handler(assetHeaders(s.secure, s.Pages.Assets()))
	m.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		otherwise(s, r.URL.Path, func(http.ResponseWriter, *http.Request) error { return errNoPage })(w, r, nil)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var match mux.RouteMatch
		m.Match(r, &match) // always: what matches nothing is for the handler above
		if e, ok := match.Handler.(entry); ok {
			e(w, r, match.Vars)
			return
		}
		match.Handler.ServeHTTP(w, r)
	})
}

// otherwise refuses in the way of the side that was asked: programs hear JSON, people see a page.
func otherwise(s *Server, path string, refuse handler) entry {
	for _, prefix := range []string{"/v1/", "/oauth/", "/.well-known/", "/openapi.yaml"} {
		if strings.HasPrefix(path, prefix) {
			return api(s, "refused", refuse)
		}
	}
	return page(s, "refused", refuse)
}
