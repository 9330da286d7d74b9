package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// object is a body in JSON.
type object map[string]any

const (
	nobodysUser = "usr_00000000000000000000000000"
	ourAPI      = "https://builds.example.test"
)

// ofAdmin are the operations of the admin API, each about what is nobody's.
var ofAdmin = []struct {
	method, path string
	scope        string
	body         any
}{
	{http.MethodGet, "/clients", oauth.ScopeAdminRead, nil},
	{http.MethodGet, "/resources", oauth.ScopeAdminRead, nil},
	{http.MethodGet, "/initial-access-tokens", oauth.ScopeAdminRead, nil},
	{http.MethodGet, "/users", oauth.ScopeAdminRead, nil},
	{http.MethodGet, "/sessions", oauth.ScopeAdminRead, nil},
	{http.MethodGet, "/events", oauth.ScopeAdminRead, nil},
	{http.MethodGet, "/keys", oauth.ScopeAdminRead, nil},
	{http.MethodGet, "/clients/nobody", oauth.ScopeAdminRead, nil},
	{http.MethodGet, "/resources/nobody", oauth.ScopeAdminRead, nil},
	{http.MethodGet, "/users/" + nobodysUser, oauth.ScopeAdminRead, nil},
	{http.MethodGet, "/sessions/" + nobodysSession, oauth.ScopeAdminRead, nil},
	{http.MethodPost, "/clients", oauth.ScopeAdminWrite, object{"name": "Builds"}},
	{http.MethodPost, "/initial-access-tokens", oauth.ScopeAdminWrite, object{"uses": 2}},
	{http.MethodDelete, "/initial-access-tokens/nobody", oauth.ScopeAdminWrite, nil},
	{http.MethodPost, "/invitations", oauth.ScopeAdminWrite, object{"email": "olga@example.test"}},
	{http.MethodPost, "/resources", oauth.ScopeAdminWrite, object{"id": ourAPI, "name": "Builds"}},
	{http.MethodPatch, "/clients/nobody", oauth.ScopeAdminWrite, object{"name": "Builds"}},
	{http.MethodDelete, "/clients/nobody", oauth.ScopeAdminWrite, nil},
	{http.MethodPost, "/clients/nobody/disable", oauth.ScopeAdminWrite, nil},
	{http.MethodPost, "/clients/nobody/enable", oauth.ScopeAdminWrite, nil},
	{http.MethodPost, "/clients/nobody/secrets", oauth.ScopeAdminWrite, nil},
	{http.MethodDelete, "/clients/nobody/secrets", oauth.ScopeAdminWrite, nil},
	{http.MethodPatch, "/resources/nobody", oauth.ScopeAdminWrite, object{"name": "Builds"}},
	{http.MethodDelete, "/resources/nobody", oauth.ScopeAdminWrite, nil},
	{http.MethodPost, "/users/" + nobodysUser + "/disable", oauth.ScopeAdminWrite, nil},
	{http.MethodPost, "/users/" + nobodysUser + "/enable", oauth.ScopeAdminWrite, nil},
	{http.MethodDelete, "/users/" + nobodysUser + "/sessions", oauth.ScopeAdminWrite, nil},
	{http.MethodDelete, "/users/" + nobodysUser, oauth.ScopeAdminWrite, nil},
	{http.MethodDelete, "/sessions/" + nobodysSession, oauth.ScopeAdminWrite, nil},
	{http.MethodPost, "/keys/rotate", oauth.ScopeAdminKeys, object{}},
	{http.MethodPost, "/keys/nobody/retire", oauth.ScopeAdminKeys, object{}},
}

const adminAt = "/v1/admin"

// namesOne tells operations about one thing.
func namesOne(path string) bool {
	return strings.Contains(path, "nobody") || strings.Contains(path, "000000")
}

func operators(t *testing.T, s *servertest.Server, mara *servertest.Browser) {
	o := s.Operator(t, "operator", oauth.ScopeAdminRead, oauth.ScopeAdminWrite, oauth.ScopeAdminKeys)
	idle := s.Operator(t, "onlooker")
	for _, op := range ofAdmin {
		path := adminAt + op.path
		expect(t, "without a token "+path, o.CallWith(op.method, path), http.StatusUnauthorized, "invalid_token")
		expect(t, "without the scope "+path, idle.Do(op.method, path, op.body), http.StatusForbidden, "insufficient_scope")
		expect(t, "with a wish "+path, o.Do(op.method, path+"?wish=1", op.body), http.StatusBadRequest, "invalid_request")
		if namesOne(op.path) {
			expect(t, "nobody's "+path, o.Do(op.method, path, op.body), http.StatusNotFound, "not_found")
		} else if op.method == http.MethodGet {
			expect(t, path, o.Do(op.method, path, op.body), http.StatusOK, "")
		}
		if op.method != http.MethodPost {
			continue
		}
		const key = "Idempotency-Key"
		busy := "busy" + strings.ReplaceAll(path, "/", ".")
		if _, err := s.Tickets.Mark(t.Context(), "once:"+store.Digest("admin once", "client:operator\n"+busy), 1e12); err != nil {
			t.Fatal(err)
		}
		expect(t, "twice at once "+path, o.Do(op.method, path, op.body, key, busy), http.StatusConflict, "conflict")
		o.Do(op.method, path+"?wish=1", op.body, key, path)
		expect(t, "another body "+path, o.Do(op.method, path, object{"wish": 1}, key, path), http.StatusUnprocessableEntity, "idempotency_key_reused")
	}
	operatorsOfClients(t, o)
	operatorsOfRegistration(t, s, o)
	operatorsOfResources(t, o)
	operatorsOfPeople(t, s, o, mara)
	operatorsOfKeys(t, o)
}

func operatorsOfClients(t *testing.T, o *servertest.Operator) {
	const path = adminAt + "/clients"
	made := o.Do(http.MethodPost, path, object{"id": "builder", "name": "Builder"})
	expect(t, "a client", made, http.StatusCreated, "")
	expect(t, "the same again", o.Do(http.MethodPost, path, object{"id": "builder", "name": "Builder"}), http.StatusConflict, "conflict")
	climber := object{"name": "Climber", "grants": []string{oauth.GrantClient}, "scopes": []object{{"name": oauth.ScopeAdminKeys}}}
	expect(t, "more rights", o.Do(http.MethodPost, path, climber), http.StatusForbidden, "access_denied")
	seen := o.Get(path + "/builder")
	expect(t, "it is there", seen, http.StatusOK, "")
	tag := seen.Header.Get("ETag")
	expect(t, "a new name", o.Do(http.MethodPatch, path+"/builder", object{"name": "Mason"}, "If-Match", tag), http.StatusOK, "")
	expect(t, "upon an older look", o.Do(http.MethodPatch, path+"/builder", object{"name": "X"}, "If-Match", tag), http.StatusPreconditionFailed, "precondition_failed")
	expect(t, "a secret", o.Do(http.MethodPost, path+"/builder/secrets", nil), http.StatusCreated, "")
	expect(t, "the older one ends", o.Do(http.MethodDelete, path+"/builder/secrets", nil), http.StatusOK, "")
	for _, op := range []struct {
		method, path string
		body         any
	}{
		{http.MethodPatch, "/operator", object{"name": "Climber"}},
		{http.MethodPost, "/operator/secrets", nil},
		{http.MethodDelete, "/operator/secrets", nil},
		{http.MethodPost, "/operator/disable", nil},
		{http.MethodPost, "/operator/enable", nil},
		{http.MethodDelete, "/operator", nil},
	} {
		expect(t, "an operator's own "+op.path, o.Do(op.method, path+op.path, op.body), http.StatusForbidden, "access_denied")
	}
	expect(t, "a public client's secret", o.Do(http.MethodPost, path+"/handclasp/secrets", nil), http.StatusConflict, "conflict")
	expect(t, "a public client's secrets", o.Do(http.MethodDelete, path+"/handclasp/secrets", nil), http.StatusConflict, "conflict")
	expect(t, "our own client", o.Do(http.MethodDelete, path+"/handclasp", nil), http.StatusConflict, "conflict")
	expect(t, "it is kept out", o.Do(http.MethodPost, path+"/builder/disable", nil), http.StatusOK, "")
	expect(t, "and let in", o.Do(http.MethodPost, path+"/builder/enable", nil), http.StatusOK, "")
	expect(t, "the client goes", o.Do(http.MethodDelete, path+"/builder", nil), http.StatusOK, "")
}

func operatorsOfRegistration(t *testing.T, s *servertest.Server, o *servertest.Operator) {
	const path = adminAt + "/initial-access-tokens"
	made := o.Do(http.MethodPost, path, object{"uses": 1, "expires_in": 60, "note": "the mobile team"})
	expect(t, "a token", made, http.StatusCreated, "")
	var token struct{ ID, Token string }
	made.Decode(t, &token)
	expect(t, "lets a client in", register(t, s, token.Token, board), http.StatusCreated, "")
	expect(t, "it is taken back", o.Do(http.MethodDelete, path+"/"+token.ID, nil), http.StatusNoContent, "")
}

func operatorsOfResources(t *testing.T, o *servertest.Operator) {
	const path = adminAt + "/resources"
	form := object{"id": "https://a.example.test", "name": "A", "scopes": []object{{"name": "a:read", "words": "Read A"}}}
	expect(t, "a resource", o.Do(http.MethodPost, path, form), http.StatusCreated, "")
	expect(t, "the same again", o.Do(http.MethodPost, path, form), http.StatusConflict, "conflict")
	at := path + "/" + url.PathEscape("https://a.example.test")
	seen := o.Get(at)
	expect(t, "it is there", seen, http.StatusOK, "")
	tag := seen.Header.Get("ETag")
	expect(t, "a new name", o.Do(http.MethodPatch, at, object{"name": "B"}, "If-Match", tag), http.StatusOK, "")
	expect(t, "upon an older look", o.Do(http.MethodPatch, at, object{"name": "C"}, "If-Match", tag), http.StatusPreconditionFailed, "precondition_failed")
	other := object{"id": "https://b.example.test", "name": "B"}
	expect(t, "another", o.Do(http.MethodPost, path, other), http.StatusCreated, "")
	taken := object{"scopes": []object{{"name": "a:read", "words": "Read A"}}}
	expect(t, "a scope that is taken", o.Do(http.MethodPatch, path+"/"+url.PathEscape("https://b.example.test"), taken), http.StatusConflict, "conflict")
	user := object{"id": "user-of-a", "name": "User of A", "audiences": []string{"https://a.example.test"}}
	expect(t, "a client of it", o.Do(http.MethodPost, adminAt+"/clients", user), http.StatusCreated, "")
	expect(t, "a resource in use", o.Do(http.MethodDelete, at, nil), http.StatusConflict, "conflict")
	expect(t, "the client goes", o.Do(http.MethodDelete, adminAt+"/clients/user-of-a", nil), http.StatusOK, "")
	expect(t, "the resource goes", o.Do(http.MethodDelete, at, nil), http.StatusNoContent, "")
}

func operatorsOfPeople(t *testing.T, s *servertest.Server, o *servertest.Operator, mara *servertest.Browser) {
	s.Terminal(t).LogIn(mara)
	nora := s.Browser(t)
	nora.SignIn("nora@example.test")
	s.Terminal(t).LogIn(nora)
	var found struct{ Items []struct{ ID string } }
	o.Get(adminAt+"/users?email=nora@example.test").Decode(t, &found)
	user := found.Items[0].ID
	o.Get(adminAt+"/sessions?state=live&user="+user+"&client=handclasp").Decode(t, &found)
	session := found.Items[0].ID
	expect(t, "a session", o.Get(adminAt+"/sessions/"+session), http.StatusOK, "")
	expect(t, "it ends", o.Do(http.MethodDelete, adminAt+"/sessions/"+session, nil), http.StatusNoContent, "")
	invite := func(email string) servertest.Reply {
		return o.Do(http.MethodPost, adminAt+"/invitations", object{"email": email})
	}
	expect(t, "an invitation", invite("pia@example.test"), http.StatusCreated, "")
	expect(t, "one for whom is here", invite("nora@example.test"), http.StatusConflict, "conflict")
	at := adminAt + "/users/" + user
	expect(t, "a user", o.Get(at), http.StatusOK, "")
	expect(t, "every session", o.Do(http.MethodDelete, at+"/sessions", nil), http.StatusOK, "")
	expect(t, "disable", o.Do(http.MethodPost, at+"/disable", nil), http.StatusOK, "")
	expect(t, "enable", o.Do(http.MethodPost, at+"/enable", nil), http.StatusOK, "")
	expect(t, "delete", o.Do(http.MethodDelete, at, nil), http.StatusNoContent, "")
}

func operatorsOfKeys(t *testing.T, o *servertest.Operator) {
	rotated := o.Do(http.MethodPost, adminAt+"/keys/rotate", object{"now": true})
	expect(t, "at once", rotated, http.StatusOK, "")
	expect(t, "too early", o.Do(http.MethodPost, adminAt+"/keys/rotate", object{}), http.StatusConflict, "conflict")
	var list struct {
		Items []struct{ ID, Kind, State string }
	}
	rotated.Decode(t, &list) // the next one and the active one come first
	retire := func(i int) servertest.Reply {
		return o.Do(http.MethodPost, adminAt+"/keys/"+list.Items[i].ID+"/retire", object{})
	}
	expect(t, "too early for the active one", retire(1), http.StatusConflict, "conflict")
	expect(t, "the next one", retire(0), http.StatusOK, "")
}

// keysOfOperators are shown at every operation, well and badly.
func keysOfOperators(t *testing.T, s *servertest.Server, _ *servertest.Browser) {
	scopes := []string{oauth.ScopeAdminRead, oauth.ScopeAdminWrite, oauth.ScopeAdminKeys}
	o := s.Operator(t, "bound-operator", scopes...)
	o.Wallet = s.Wallet(t)
	o.Renew(scopes...)
	const header = "Authorization"
	bound, ath := "DPoP "+o.Token, servertest.AccessHash(o.Token)
	for _, op := range ofAdmin {
		path := adminAt + op.path
		expect(t, path+" as a bearer token", o.Do(op.method, path, op.body), http.StatusUnauthorized, "invalid_token")
		expect(t, path+" without a proof", o.Do(op.method, path, op.body, header, bound), http.StatusUnauthorized, "invalid_dpop_proof")
		old := o.Wallet.Proof(op.method, s.Issuer+path, "ath", ath, "nonce", "", "iat", s.Clock.Now().Add(-time.Hour).Unix())
		mustOfferNonce(t, path+" with an old proof", o.Do(op.method, path, op.body, header, bound, "DPoP", old), http.StatusUnauthorized)
	}
	proof := o.Wallet.Proof(http.MethodGet, s.Issuer+adminAt+"/clients", "ath", ath)
	expect(t, "with a proof", o.Do(http.MethodGet, adminAt+"/clients", nil, header, bound, "DPoP", proof), http.StatusOK, "")
	expect(t, "with a proof that was shown", o.Do(http.MethodGet, adminAt+"/clients", nil, header, bound, "DPoP", proof), http.StatusUnauthorized, "invalid_dpop_proof")
}

// limitsOfAdmin asks until it hurts, once for each operation: what a client may ask is counted by client.
func limitsOfAdmin(t *testing.T, s *servertest.Server) {
	o := s.Operator(t, "operator", oauth.ScopeAdminRead, oauth.ScopeAdminWrite, oauth.ScopeAdminKeys)
	for _, op := range ofAdmin {
		reply := servertest.Reply{}
		for range 80 {
			if reply = o.Do(op.method, adminAt+op.path+"?wish=1", op.body); reply.Status == http.StatusTooManyRequests {
				break
			}
		}
		expect(t, op.method+" "+op.path, reply, http.StatusTooManyRequests, "too_many_requests")
	}
}

// outageOfAdmin is its part in an outage of the tickets.
func outageOfAdmin(t *testing.T, o *servertest.Operator) {
	for _, op := range ofAdmin {
		expect(t, op.method+" "+op.path, o.Do(op.method, adminAt+op.path, op.body), http.StatusServiceUnavailable, "temporarily_unavailable")
	}
}
