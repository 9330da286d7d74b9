package flow

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// webServer offers the code flow and counts what is redeemed.
func webServer(t *testing.T) (client *Client, codes *atomic.Int32) {
	t.Helper()
	codes = &atomic.Int32{}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	say := func(status int, body any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(body)
		}
	}
	at := server.URL
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", say(200, map[string]any{
		"issuer": at, "device_authorization_endpoint": at + "/d", "token_endpoint": at + "/t", "revocation_endpoint": at + "/r",
		"authorization_endpoint": at + "/a", "pushed_authorization_request_endpoint": at + "/p",
		"code_challenge_methods_supported": []string{"S256"}, "grant_types_supported": []string{"authorization_code"},
	}))
	mux.HandleFunc("POST /p", say(201, map[string]any{"request_uri": "urn:one", "expires_in": 600}))
	mux.HandleFunc("POST /t", func(w http.ResponseWriter, r *http.Request) {
		codes.Add(1)
		say(200, map[string]any{"access_token": "at", "token_type": "Bearer", "refresh_token": "rt", "expires_in": 60})(w, r)
	})
	return &Client{Issuer: at, ID: "handclasp", Fingerprint: strings.Repeat("f", 43)}, codes
}

func begin(t *testing.T, c *Client) *Web {
	t.Helper()
	web, err := c.BeginWeb(t.Context(), Request{})
	if err != nil {
		t.Fatal(err)
	}
	return web
}

// knock sends a request to the listener and gives its status.
func knock(t *testing.T, method, address, host string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		r.Host = host
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func (w *Web) back(more ...string) string {
	query := url.Values{"state": {w.door.state}, "iss": {w.client.Issuer}, "code": {"hcc"}}
	for i := 0; i+1 < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	return w.redirect + "?" + query.Encode()
}

func TestStrangersFindNothingAndTheBrowserStillComesBack(t *testing.T) {
	client, codes := webServer(t)
	web := begin(t, client)
	done := make(chan error, 1)
	go func() {
		_, err := web.Wait(t.Context(), time.Minute)
		done <- err
	}()
	for name, knocked := range map[string][3]string{
		"another state":      {http.MethodGet, web.back("state", "guess"), ""},
		"no state":           {http.MethodGet, web.redirect + "?code=hcc", ""},
		"another method":     {http.MethodPost, web.back(), ""},
		"a look ahead":       {http.MethodHead, web.back(), ""},
		"another name":       {http.MethodGet, web.back(), "evil.example.test"},
		"another path":       {http.MethodGet, strings.Replace(web.back(), "/callback", "/", 1), ""},
		"a code twice":       {http.MethodGet, web.back() + "&code=other", ""},
		"a code and a no":    {http.MethodGet, web.back("error", "access_denied"), ""},
		"neither of the two": {http.MethodGet, web.redirect + "?state=" + web.door.state, ""},
	} {
		if got := knock(t, knocked[0], knocked[1], knocked[2]); got != http.StatusNotFound {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got := knock(t, http.MethodGet, web.back(), ""); got != http.StatusOK {
		t.Errorf("the browser: %d", got)
	}
	if err := <-done; err != nil || codes.Load() != 1 {
		t.Errorf("%v after %d codes", err, codes.Load())
	}
	if _, err := http.Get(web.back()); err == nil {
		t.Error("the listener is still there")
	}
}

func TestManyCallbacksRedeemOneCode(t *testing.T) {
	client, codes := webServer(t)
	web := begin(t, client)
	statuses := make(chan int, 8)
	for range cap(statuses) {
		go func() {
			res, err := http.Get(web.back())
			if err != nil {
				statuses <- 0 // the door was closed already
				return
			}
			_ = res.Body.Close()
			statuses <- res.StatusCode
		}()
	}
	if _, err := web.Wait(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	won := 0
	for range cap(statuses) {
		if <-statuses == http.StatusOK {
			won++
		}
	}
	if won != 1 || codes.Load() != 1 {
		t.Errorf("%d callbacks won, %d codes were redeemed", won, codes.Load())
	}
}

func TestABrowserThatCameBackBeatsGivingUp(t *testing.T) {
	client, _ := webServer(t)
	web := begin(t, client)
	go func() { _, _ = http.Get(web.back()) }()
	for !web.door.taken.Load() {
		time.Sleep(time.Millisecond)
	}
	web.GiveUp()
	if tokens, err := web.Wait(t.Context(), time.Minute); err != nil || tokens.Refresh != "rt" {
		t.Errorf("%+v, %v", tokens, err)
	}
}

func TestGivingUpAndPatienceEndTheWait(t *testing.T) {
	client, codes := webServer(t)
	given, slow := begin(t, client), begin(t, client)
	given.GiveUp()
	given.GiveUp()
	if _, err := given.Wait(t.Context(), time.Minute); !errors.Is(err, ErrNoCallback) {
		t.Errorf("given up: %v", err)
	}
	if _, err := slow.Wait(t.Context(), time.Millisecond); !errors.Is(err, ErrNoCallback) {
		t.Errorf("too slow: %v", err)
	}
	if _, err := http.Get(given.back()); err == nil || codes.Load() != 0 {
		t.Error("somebody was let in afterwards")
	}
}

// A machine without IPv4 is played by an address that is nobody's here.
func TestTheBrowserComesBackOverIPv6WhereThereIsNoIPv4(t *testing.T) {
	before := loopbacks
	loopbacks = []string{"192.0.2.1:0", before[1]}
	t.Cleanup(func() { loopbacks = before })
	client, codes := webServer(t)
	web := begin(t, client)
	if !strings.HasPrefix(web.redirect, "http://[::1]:") || !strings.HasSuffix(web.redirect, callbackPath) {
		t.Fatalf("the browser is to come back to %s", web.redirect)
	}
	status := make(chan int, 1)
	go func() { status <- knock(t, http.MethodGet, web.back(), "") }()
	if _, err := web.Wait(t.Context(), time.Minute); err != nil || codes.Load() != 1 || <-status != http.StatusOK {
		t.Errorf("%v, %d codes redeemed", err, codes.Load())
	}
}

func TestServersThatLackAPartOfTheCodeFlowDoNotOfferIt(t *testing.T) {
	whole := Metadata{AuthorizeURL: "a", PushURL: "p", ChallengeMethods: []string{"S256"}, GrantTypes: []string{"authorization_code"}}
	if !whole.web() {
		t.Error("the whole is not enough")
	}
	for name, take := range map[string]func(*Metadata){
		"authorization_endpoint":                func(m *Metadata) { m.AuthorizeURL = "" },
		"pushed_authorization_request_endpoint": func(m *Metadata) { m.PushURL = "" },
		"S256":                                  func(m *Metadata) { m.ChallengeMethods = []string{"plain"} },
		"authorization_code":                    func(m *Metadata) { m.GrantTypes = nil },
	} {
		less := whole
		if take(&less); less.web() {
			t.Errorf("offered without %s", name)
		}
	}
}

func TestEndpointsOfTheCodeFlowBelongToTheServer(t *testing.T) {
	at := "https://login.example.test"
	c := &Client{Issuer: at}
	m := Metadata{Issuer: at, DeviceURL: at + "/d", TokenURL: at + "/t", RevokeURL: at + "/r", AuthorizeURL: at + "/a", PushURL: "https://evil.example.test/p"}
	if err := c.check(m); !errors.Is(err, ErrInsecure) {
		t.Errorf("pushed elsewhere: %v", err)
	}
	m.PushURL, m.AuthorizeURL = "", "https://evil.example.test/a"
	if err := c.check(m); !errors.Is(err, ErrInsecure) {
		t.Errorf("sent elsewhere: %v", err)
	}
}
