package verify_test

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/handclasp/handclasp/verify"
)

func mustJSON(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

// record is what a handler sends.
func record(h http.Handler, r *http.Request) *http.Response {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result()
}

func TestWhatATokenLacksIsAnsweredAsTheStandardsHaveIt(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := i.verifier(t, nil)
	all := []verify.Requirement{
		verify.Scope("deploy:write", "logs:read"), verify.Scope("deploy:write"), verify.Role("admin"), verify.Permission("deploy"),
		verify.MaxAge(time.Minute), verify.ACR("one", "two"),
	}
	mustPass(t, v, bearer(i.token()), all...)
	mustPass(t, v, bearer(i.token()))
	mustPass(t, v, bearer(i.token()), verify.Scope())
	const scope, role, permission, signIn = "the token lacks a scope", "the person lacks a role", "the person lacks a permission", "a newer or stronger sign-in is needed"
	for _, story := range []struct {
		required []verify.Requirement
		status   int
		code     string
		said     string // of the challenge, behind error and description
		words    string
	}{
		{[]verify.Requirement{verify.Scope("a", "deploy:write"), verify.Scope("b")}, 403, verify.CodeInsufficientScope, `, scope="a deploy:write b"`, scope},
		{[]verify.Requirement{verify.Scope("deploy")}, 403, verify.CodeInsufficientScope, `, scope="deploy"`, scope},
		{[]verify.Requirement{verify.Scope("")}, 403, verify.CodeInsufficientScope, ``, scope},
		{[]verify.Requirement{verify.Scope(`a" x="b\`)}, 403, verify.CodeInsufficientScope, `, scope="a\" x=\"b\\"`, scope},
		{[]verify.Requirement{verify.Role("Admin")}, 403, verify.CodeInsufficientScope, ``, role},
		{[]verify.Requirement{verify.Scope("logs:read"), verify.Role("x")}, 403, verify.CodeInsufficientScope, `, scope="logs:read"`, role},
		{[]verify.Requirement{verify.Permission("admin")}, 403, verify.CodeInsufficientScope, ``, permission},
		{[]verify.Requirement{verify.MaxAge(59 * time.Second)}, 401, verify.CodeInsufficientAuthentication, `, max_age="59"`, signIn},
		{[]verify.Requirement{verify.MaxAge(-time.Second)}, 401, verify.CodeInsufficientAuthentication, `, max_age="0"`, signIn},
		{[]verify.Requirement{verify.ACR("three", "four")}, 401, verify.CodeInsufficientAuthentication, `, acr_values="three four"`, signIn},
		{[]verify.Requirement{verify.ACR()}, 401, verify.CodeInsufficientAuthentication, ``, signIn},
		{[]verify.Requirement{verify.ACR("two"), verify.MaxAge(time.Hour), verify.MaxAge(time.Second)}, 401, verify.CodeInsufficientAuthentication, `, acr_values="two", max_age="1"`, signIn},
		{[]verify.Requirement{verify.MaxAge(time.Second), verify.Scope("a")}, 403, verify.CodeInsufficientScope, `, scope="a"`, scope},
		{[]verify.Requirement{{}}, 403, verify.CodeInsufficientScope, ``, "the requirement cannot be met"},
	} {
		refused := mustRefuse(t, v, bearer(i.token()), story.status, story.code, story.required...)
		want := []string{`Bearer error="` + story.code + `", error_description="` + story.words + `"` + story.said}
		if diff := cmp.Diff(want, refused.Challenges); diff != "" {
			t.Error(diff)
		}
	}
}

func TestServiceNeverMeetsAnAge(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	own := sign(firstKey(), head(), i.claims().with(object{"sub": "acme", "auth_time": nil, "acr": nil}))
	v := i.verifier(t, nil)
	mustRefuse(t, v, bearer(own), 401, verify.CodeInsufficientAuthentication, verify.MaxAge(math.MaxInt64))
	mustRefuse(t, v, bearer(own), 401, verify.CodeInsufficientAuthentication, verify.ACR(""))
}

func TestMiddlewareHandsTheTokenOn(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	h := i.verifier(t, nil).Require("deploy:write")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := verify.FromContext(r.Context())
		if !ok {
			t.Error("there is no token")
		}
		_, _ = io.WriteString(w, token.Subject)
	}))
	answer := record(h, bearer(i.token()))
	if body, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK || string(body) != "usr_mara" {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	if _, ok := verify.FromContext(t.Context()); ok {
		t.Error("a token comes from nowhere")
	}
}

func TestMiddlewareAnswersRefusals(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	var log strings.Builder
	v := i.prover(t, func(o *verify.Options) { o.Log = debugLog(&log) })
	h := v.Guard(verify.Scope("admin"))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("somebody was let in") }))
	shown := i.token()
	for _, story := range []struct {
		r          *http.Request
		status     int
		challenges []string
		body       string
	}{
		{request(), 401, []string{"Bearer", `DPoP algs="ES256 RS256 PS256 EdDSA"`}, `{"error":"invalid_token","error_description":"an access token is missing"}`},
		{bearer("x.y.z"), 401, []string{
			`Bearer error="invalid_token", error_description="the access token is not good here, or has expired"`, `DPoP algs="ES256 RS256 PS256 EdDSA"`,
		}, `{"error":"invalid_token","error_description":"the access token is not good here, or has expired"}`},
		{bearer(shown), 403, []string{
			`Bearer error="insufficient_scope", error_description="the token lacks a scope", scope="admin"`,
		}, `{"error":"insufficient_scope","error_description":"the token lacks a scope"}`},
	} {
		answer := record(h, story.r)
		body, _ := io.ReadAll(answer.Body)
		if answer.StatusCode != story.status || strings.TrimSpace(string(body)) != story.body {
			t.Errorf("%d %s, want %d %s", answer.StatusCode, body, story.status, story.body)
		}
		if diff := cmp.Diff(story.challenges, answer.Header.Values("WWW-Authenticate")); diff != "" {
			t.Error(diff)
		}
		if c, k := answer.Header.Get("Cache-Control"), answer.Header.Get("Content-Type"); c != "no-store" || k != "application/json" {
			t.Errorf("the answer is %s, %s", c, k)
		}
	}
	if !strings.Contains(log.String(), "not base64url") || strings.Contains(log.String(), shown) {
		t.Errorf("the log lacks the cause, or has the token:\n%s", log.String())
	}
}

func TestIssuerThatIsAwayIsNoFaultOfTheToken(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.away(true)
	h := i.verifier(t, nil).Require()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("somebody was let in") }))
	answer := record(h, bearer(i.token()))
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" || answer.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("%d %v", answer.StatusCode, answer.Header)
	}
}

func TestErrorOfSomebodyElseSaysNothing(t *testing.T) {
	t.Parallel()
	rec := httptest.NewRecorder()
	verify.Answer(rec, io.ErrUnexpectedEOF)
	if rec.Result().StatusCode != http.StatusInternalServerError || strings.Contains(rec.Body.String(), "EOF") {
		t.Errorf("%d %s", rec.Result().StatusCode, rec.Body)
	}
}
