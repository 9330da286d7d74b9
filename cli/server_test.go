package cli_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"
)

// loginServer is a small server of the protocols that the client speaks (RFC 8628,
// 6749, 7009, 8414), with a person in front of its pages and faults to be switched on.
type loginServer struct {
	mu      sync.Mutex
	issuer  string
	http    *httptest.Server
	changed chan struct{} // closed and renewed at every decision
	held    int           // logins that wait for one

	person    string // approves, denies, ignores, is-somebody-else
	tokenLife time.Duration
	codeLife  time.Duration
	clock     time.Duration // how far the Date header is off
	fault     map[string]int

	requests map[string]*loginRequest     // by device code
	pushed   map[string]map[string]string // by request_uri, then by code
	sessions map[string]*loginSession     // by id
	access   map[string]accessToken       // by token
	counts   map[string]int
	proofs   map[string]bool // that were shown
}

type loginRequest struct {
	fingerprint, device string
	until               time.Time
}

type loginSession struct {
	id, fingerprint, device    string
	key                        string
	refresh, before, successor string
	rotated                    time.Time
	ended                      bool
}

type accessToken struct {
	session, audience string
	until             time.Time
}

func newLoginServer() *loginServer {
	s := &loginServer{
		person: "approves", tokenLife: 15 * time.Minute, codeLife: 10 * time.Minute,
		changed: make(chan struct{}), fault: map[string]int{}, counts: map[string]int{},
		requests: map[string]*loginRequest{}, pushed: map[string]map[string]string{}, sessions: map[string]*loginSession{}, access: map[string]accessToken{},
		proofs: map[string]bool{},
	}
	return s
}

func (s *loginServer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", s.metadata)
	mux.HandleFunc("POST /oauth/device_authorization", s.authorize)
	mux.HandleFunc("POST /oauth/par", s.push)
	mux.HandleFunc("GET /oauth/authorize", s.comeBack)
	mux.HandleFunc("POST /oauth/token", s.token)
	mux.HandleFunc("POST /oauth/revoke", s.revoke)
	mux.HandleFunc("GET /v1/me", s.me)
	mux.HandleFunc("GET /v1/devices", s.devices)
	mux.HandleFunc("DELETE /v1/devices/{id}", s.endDevice)
	mux.HandleFunc("DELETE /v1/sessions", s.endOthers)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		w.Header().Set("Date", time.Now().Add(s.clock).UTC().Format(http.TimeFormat))
		mux.ServeHTTP(w, r)
	})
}

// faulty counts down a fault that was switched on.
func (s *loginServer) faulty(name string) bool {
	if s.fault[name] == 0 {
		return false
	}
	s.fault[name]--
	return true
}

func (s *loginServer) metadata(w http.ResponseWriter, _ *http.Request) {
	claimed := s.issuer
	if s.faulty("lies-about-issuer") {
		claimed = "https://other.example.test"
	}
	said := map[string]any{
		"issuer": claimed, "device_authorization_endpoint": s.issuer + "/oauth/device_authorization",
		"token_endpoint": s.issuer + "/oauth/token", "revocation_endpoint": s.issuer + "/oauth/revoke",
		"handclasp_prefer_wait_max": 30,
	}
	s.offerWeb(said)
	s.offerKeys(said)
	answerJSON(w, 200, said)
}

func (s *loginServer) authorize(w http.ResponseWriter, r *http.Request) {
	s.counts["logins"]++
	if s.faulty("limits") {
		w.Header().Set("Retry-After", "30")
		refuse(w, 429, "slow_down", "")
		return
	}
	form := posted(r)
	if !s.proven(w, r, form) {
		return
	}
	code := "hcd_" + rand.Text()
	s.requests[code] = &loginRequest{
		fingerprint: form["device_fingerprint"], device: form["device_name"],
		until: time.Now().Add(s.codeLife),
	}
	page := s.issuer + "/device"
	if s.faulty("sends-people-away") {
		page = "https://evil.example.test/device"
	}
	name := "WDJB-MJHT"
	if s.faulty("paints") {
		name = "WDJB\x1b[31m-MJHT"
	}
	answerJSON(w, 200, map[string]any{
		"device_code": code, "user_code": name, "verification_uri": page,
		"verification_uri_complete": page + "?user_code=WDJB-MJHT", "expires_in": int(s.codeLife.Seconds()), "interval": 1,
	})
}

func (s *loginServer) token(w http.ResponseWriter, r *http.Request) {
	if s.faulty("token-fails") {
		http.Error(w, "<h1>bad gateway</h1>", http.StatusBadGateway)
		return
	}
	form := posted(r)
	if form["client_id"] != "handclasp" || r.Header.Get("Authorization") != "" {
		refuse(w, 401, "invalid_client", "")
		return
	}
	if !s.proven(w, r, form) {
		return
	}
	switch form["grant_type"] {
	case "refresh_token":
		s.refresh(w, form)
		return
	case "authorization_code":
		s.redeemCode(w, form)
		return
	}
	s.poll(w, r, form)
}

func (s *loginServer) poll(w http.ResponseWriter, r *http.Request, form map[string]string) {
	request := s.requests[form["device_code"]]
	if request == nil || request.fingerprint != form["device_fingerprint"] {
		refuse(w, 400, "invalid_grant", "")
		return
	}
	if r.Header.Get("Prefer") == "wait=30" {
		w.Header().Set("Preference-Applied", "wait=30")
		s.hold(r, request)
	}
	switch {
	case time.Now().After(request.until):
		refuse(w, 400, "expired_token", "")
	case s.person == "denies":
		refuse(w, 400, "access_denied", "denied_by_user")
	case s.person == "is-somebody-else":
		refuse(w, 400, "access_denied", "device_conflict")
	case s.person == "approves":
		delete(s.requests, form["device_code"])
		session := &loginSession{id: "ses_" + rand.Text(), key: form["proven"], fingerprint: request.fingerprint, device: request.device, refresh: "hcr_" + rand.Text(), successor: "hcr_" + rand.Text()}
		s.sessions[session.id] = session
		s.issue(w, session, form["resource"])
	default:
		refuse(w, 400, "authorization_pending", "")
	}
}

// hold waits for a decision with the door open to others.
func (s *loginServer) hold(r *http.Request, request *loginRequest) {
	if s.person != "ignores" {
		return
	}
	changed := s.changed
	s.held++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.held--
	}()
	select {
	case <-changed:
	case <-r.Context().Done():
	case <-time.After(min(30*time.Second, time.Until(request.until))):
	}
}

// refresh gives the same successor to everybody who presents the same token within two
// minutes, and ends the session when an older one comes.
func (s *loginServer) refresh(w http.ResponseWriter, form map[string]string) {
	s.counts["refreshes"]++
	presented := form["refresh_token"]
	for _, session := range s.sessions {
		if session.ended || session.fingerprint != form["device_fingerprint"] || session.key != form["proven"] {
			continue
		}
		switch presented {
		case session.refresh:
			session.before, session.refresh, session.successor = presented, session.successor, "hcr_"+rand.Text()
			session.rotated = time.Now()
		case session.before:
			if time.Since(session.rotated) > 2*time.Minute {
				continue
			}
		default:
			continue
		}
		if s.faulty("loses-answer") {
			panic(http.ErrAbortHandler)
		}
		s.issue(w, session, form["resource"])
		return
	}
	refuse(w, 400, "invalid_grant", "")
}

func (s *loginServer) issue(w http.ResponseWriter, session *loginSession, resource string) {
	token := "at_" + rand.Text()
	if resource == "" {
		resource = "https://api.example.test"
	}
	s.access[token] = accessToken{session: session.id, audience: resource, until: time.Now().Add(s.tokenLife)}
	answerJSON(w, 200, map[string]any{
		"access_token": token, "token_type": tokenType(resource), "expires_in": int(s.tokenLife.Seconds()),
		"refresh_token": session.refresh, "scope": "openid account:read account:devices",
	})
}

func (s *loginServer) revoke(w http.ResponseWriter, r *http.Request) {
	if s.faulty("revoke-fails") {
		refuse(w, 503, "temporarily_unavailable", "")
		return
	}
	s.counts["revocations"]++
	presented := posted(r)["token"]
	for _, session := range s.sessions {
		if presented == session.refresh || presented == session.before {
			session.ended = true
		}
	}
	w.WriteHeader(http.StatusOK)
}

// bearer gives the session of an access token for the server itself.
func (s *loginServer) bearer(w http.ResponseWriter, r *http.Request) *loginSession {
	var token string
	_, _ = fmt.Sscanf(r.Header.Get("Authorization"), "Bearer %s", &token)
	known := s.access[token]
	session := s.sessions[known.session]
	if session == nil || session.ended || known.audience != s.issuer || time.Now().After(known.until) {
		refuse(w, 401, "invalid_token", "")
		return nil
	}
	return session
}

func (s *loginServer) me(w http.ResponseWriter, r *http.Request) {
	session := s.bearer(w, r)
	if session == nil {
		return
	}
	answerJSON(w, 200, map[string]any{
		"id": "usr_01", "email": "sam@example.test", "name": "Sam", "session": map[string]any{
			"id": session.id, "client_id": "handclasp", "created_at": time.Now(), "expires_at": time.Now().Add(90 * 24 * time.Hour),
			"device": map[string]any{"id": "dev_" + session.id, "name": session.device, "platform": "linux/amd64"},
		},
	})
}

func (s *loginServer) devices(w http.ResponseWriter, r *http.Request) {
	asking := s.bearer(w, r)
	if asking == nil {
		return
	}
	list := []map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(s.sessions)) {
		session := s.sessions[id]
		if session.ended {
			continue
		}
		list = append(list, map[string]any{
			"id": "dev_" + id, "name": session.device, "platform": "linux/amd64", "current": session == asking,
			"first_seen": time.Now().Add(-72 * time.Hour), "last_seen": time.Now().Add(-5 * time.Minute),
			"sessions": []map[string]any{{"id": id, "client_id": "handclasp", "client_name": "Handclasp", "address": "192.0.2.7"}},
		})
	}
	answerJSON(w, 200, map[string]any{"devices": list})
}

func (s *loginServer) endDevice(w http.ResponseWriter, r *http.Request) {
	if s.bearer(w, r) == nil {
		return
	}
	session := s.sessions[r.PathValue("id")[len("dev_"):]]
	if session == nil || session.ended {
		refuse(w, 404, "not_found", "")
		return
	}
	session.ended = true
	w.WriteHeader(http.StatusNoContent)
}

func (s *loginServer) endOthers(w http.ResponseWriter, r *http.Request) {
	asking := s.bearer(w, r)
	if asking == nil {
		return
	}
	ended := 0
	for _, session := range s.sessions {
		if session != asking && !session.ended {
			session.ended = true
			ended++
		}
	}
	answerJSON(w, 200, map[string]int{"ended": ended})
}

func posted(r *http.Request) map[string]string {
	_ = r.ParseForm() // what cannot be read is missing
	form := map[string]string{}
	for name := range r.PostForm {
		form[name] = r.PostForm.Get(name)
	}
	return form
}

func refuse(w http.ResponseWriter, status int, code, reason string) {
	said := map[string]string{"error": code}
	if reason != "" {
		said["reason"] = reason
	}
	answerJSON(w, status, said)
}

func answerJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that went away
}
