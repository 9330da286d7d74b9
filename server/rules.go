package server

import (
	"context"
	"net/http"
	"time"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

const (
	mostBody = 64 << 10
	// patience is how long a request may take, but for held polls: a store that is away is answered with 503 in time.
	patience = 2 * time.Second
)

// contentPolicy lets a page load its own stylesheet and script and nothing else.
const contentPolicy = contentPolicyStart + contentPolicyEnd

const (
	contentPolicyStart = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'"
	contentPolicyEnd   = "; base-uri 'none'; frame-ancestors 'none'"
)

// api surrounds the OAuth endpoints and /v1: answers in JSON, no cookies, nothing cached unless the handler says so.
func api(s *Server, route string, next handler) entry { return program(s, route, next, patience) }

// polls is api for the one endpoint that may hold a request: it bounds its own steps.
func polls(s *Server, route string, next handler) entry { return program(s, route, next, 0) }

func program(s *Server, route string, next handler, time time.Duration) entry {
	return func(w http.ResponseWriter, r *http.Request, names map[string]string) {
		w, r, leave := s.enter(w, r, route, names, time)
		defer leave()
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if s.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if r.Header.Get("DPoP") != "" { // whoever shows a proof gets a nonce for the next one (RFC 9449 §8.2)
			h.Set("DPoP-Nonce", s.OAuth.Nonce())
		}
		defer s.metrics.observe(route, w, s.Now())
		defer s.guard(w, r, s.writeError)
		if err := next(w, r); err != nil {
			s.writeError(w, r, err)
		}
	}
}

// page surrounds what people see. A form is only taken from our own page: the browser's word on its origin, the cookie
// of this visitor, and the token in the form all have to agree.
func page(s *Server, route string, next handler) entry {
	return func(w http.ResponseWriter, r *http.Request, names map[string]string) {
		w, r, leave := s.enter(w, r, route, names, patience)
		defer leave()
		pageHeaders(w.Header(), s.secure)
		defer s.metrics.observe(route, w, s.Now())
		defer s.guard(w, r, s.writeErrorPage)
		v, err := s.visitor(w, r)
		if err == nil {
			r = r.WithContext(withVisitor(r.Context(), v))
			err = s.checkForm(r, v)
		}
		if err == nil {
			err = next(w, r)
		}
		if err != nil {
			s.writeErrorPage(w, r, err)
		}
	}
}

// door surrounds the authorization endpoint, which foreign pages lead to by GET and by POST (OpenID Connect Core §3.1.2.1).
// It draws nothing for anybody: it keeps a request and leads to a page of ours, where the person is met.
func door(s *Server, route string, next handler) entry {
	return func(w http.ResponseWriter, r *http.Request, names map[string]string) {
		w, r, leave := s.enter(w, r, route, names, patience)
		defer leave()
		pageHeaders(w.Header(), s.secure)
		defer s.metrics.observe(route, w, s.Now())
		defer s.guard(w, r, s.writeErrorPage)
		if err := next(w, r); err != nil {
			s.writeErrorPage(w, r, err)
		}
	}
}

// enter notes where the request comes from, gives it an id, bounds its body, and its time unless that is zero. All of it
// goes into one copy of the request.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, route string, names map[string]string, time time.Duration) (*recorder, *http.Request, context.CancelFunc) {
	id := store.RandomText(16)
	rec := &recorder{ResponseWriter: w, route: route}
	rec.Header().Set("X-Request-Id", id)
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = http.MaxBytesReader(rec, r.Body, mostBody)
	}
	address := s.Proxies.Address(r)
	ctx := sessions.WithOrigin(r.Context(), sessions.Origin{
		Address: address.String(), Network: network(address), RequestID: id,
	})
	if len(names) > 0 {
		ctx = context.WithValue(ctx, namesKey{}, names)
	}
	leave := context.CancelFunc(func() {})
	if time > 0 {
		ctx, leave = context.WithTimeout(ctx, time+s.Slack)
	}
	return rec, r.WithContext(ctx), leave
}

type namesKey struct{}

// pathID is the {id} of a route.
func pathID(r *http.Request) string {
	names, _ := r.Context().Value(namesKey{}).(map[string]string)
	return names["id"]
}

func pageHeaders(h http.Header, secure bool) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	// Not no-referrer: browsers then send "Origin: null" with our own forms. Not same-origin: the address of the link page
	// would stand in our own Referer.
	h.Set("Referrer-Policy", "strict-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	if secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

func assetHeaders(secure bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		if secure {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// recorder remembers what was sent, for the metrics and so that no answer is written twice.
type recorder struct {
	http.ResponseWriter
	route  string
	status int
}

// WriteHeader notes the status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write notes the status that is implied.
func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func routeOf(w http.ResponseWriter) string {
	if rec, ok := w.(*recorder); ok {
		return rec.route
	}
	return ""
}

func statusOf(w http.ResponseWriter) int {
	if rec, ok := w.(*recorder); ok {
		return rec.status
	}
	return 0
}

// validSession keeps ids from paths away from stores until they look like ours.
func validSession(id string) bool { return store.ValidID(store.SessionPrefix, id) }
