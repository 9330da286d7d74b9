package flow

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// serve starts a server whose token endpoint is the given handler.
func serve(t *testing.T, token http.HandlerFunc) *Client {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("/.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"issuer":"` + server.URL + `","device_authorization_endpoint":"` + server.URL + `/a","token_endpoint":"` +
			server.URL + `/t","revocation_endpoint":"` + server.URL + `/r"}`))
	})
	mux.HandleFunc("/t", token)
	return &Client{Issuer: server.URL, ID: "handclasp", Fingerprint: "print"}
}

func TestLostAnswerIsAskedForAgainWithTheSameToken(t *testing.T) {
	var presented []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		presented = append(presented, r.PostFormValue("refresh_token")+" "+r.PostFormValue("device_fingerprint"))
		if len(presented) == 1 {
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write([]byte(tokensGiven.body))
	})
	tokens, err := c.Refresh(t.Context(), "old", "")
	if err != nil || tokens.Refresh != "r" {
		t.Fatalf("%+v, %v", tokens, err)
	}
	if strings.Join(presented, ",") != "old print,old print" {
		t.Errorf("presented %q", presented)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := 0
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer evil.Close()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, evil.URL, http.StatusTemporaryRedirect)
	})
	_, err := c.Refresh(t.Context(), "old", "")
	if err == nil || !strings.Contains(err.Error(), "redirects elsewhere") || elsewhere != 0 {
		t.Errorf("%v; the token went elsewhere %d times", err, elsewhere)
	}
}

func TestEndlessAnswerIsCutOff(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 40 {
			_, _ = w.Write(bytes.Repeat([]byte("a"), 64<<10))
		}
	})
	if err := c.call(t.Context(), http.MethodGet, "/t", "access", nil); !errors.Is(err, errTooLong) {
		t.Errorf("%v", err)
	}
}

func TestEndedSessionIsNotAskedForTwice(t *testing.T) {
	asked := 0
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
	})
	if _, err := c.Refresh(t.Context(), "old", ""); !errors.Is(err, ErrEnded) || asked != 1 {
		t.Errorf("%v after %d", err, asked)
	}
}

func TestDebugTellsNoSecret(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(tokensGiven.body)) })
	var told strings.Builder
	c.Transport = Debug(http.DefaultTransport, &told)
	if _, err := c.Refresh(t.Context(), "presented-secret", "https://api.example.test"); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"presented-secret", "print ", "=a ", "=r "} {
		if strings.Contains(told.String(), secret) {
			t.Errorf("%q is told: %s", secret, told.String())
		}
	}
	if !strings.Contains(told.String(), "resource=https://api.example.test") {
		t.Errorf("told too little: %s", told.String())
	}
}

func TestClocksAreCompared(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		_, _ = w.Write([]byte(tokensGiven.body))
	})
	if _, known := c.Skew(); known {
		t.Error("a difference is known before any answer came")
	}
	if _, err := c.Refresh(t.Context(), "old", ""); err != nil {
		t.Fatal(err)
	}
	if ahead, known := c.Skew(); !known || (ahead-time.Hour).Abs() > 5*time.Second {
		t.Errorf("%s ahead, known %t", ahead, known)
	}
}

func TestATokenThatATerminalWouldObeyIsRefused(t *testing.T) {
	for _, token := range []string{"", "a\u001b]0;you\u0007", "a\r\nX-Admin: 1", "a\u009b2J", "a b", "\u202ea"} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "refresh_token": "r", "token_type": "bearer", "expires_in": 900})
		})
		if tokens, err := c.Refresh(t.Context(), "old", ""); err == nil {
			t.Errorf("%q was taken", tokens.Access)
		}
	}
}

func TestAServersNumbersNeverOverflow(t *testing.T) {
	for _, n := range []int{-1, 0, 5, 9_223_372_037, 2_000_000_000, math.MaxInt} {
		if d := seconds(n, time.Hour); d < 0 || d > time.Hour || n == 5 && d != 5*time.Second {
			t.Errorf("%d seconds are %s", n, d)
		}
		p := pace{interval: seconds(n, time.Hour)}
		if p.ordinary() < 0 {
			t.Errorf("an interval of %d is a pause of %s", n, p.ordinary())
		}
	}
}

func TestNothingOfAnAccountIsObeyedByATerminal(t *testing.T) {
	const evil = `"a\u009b2J\u202eb"`
	session := `{"id":` + evil + `,"client_id":` + evil + `,"client_name":` + evil + `,"scope":` + evil + `,"address":` + evil +
		`,"device":{"id":` + evil + `,"name":` + evil + `,"platform":` + evil + `}}`
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("/v1/me", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"id":` + evil + `,"email":` + evil + `,"name":` + evil + `,"session":` + session + `}`))
	})
	mux.HandleFunc("/v1/devices", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"devices":[{"id":` + evil + `,"name":` + evil + `,"platform":` + evil + `,"sessions":[` + session + `]}]}`))
	})
	c := &Client{Issuer: server.URL}
	me, errMe := c.Me(t.Context(), "access")
	devices, errDevices := c.Devices(t.Context(), "access")
	told, err := json.Marshal([]any{me, devices})
	if err := errors.Join(errMe, errDevices, err); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(string(told), "\u009b\u202e") || !strings.Contains(string(told), `"a2Jb"`) {
		t.Errorf("%q", told)
	}
}
