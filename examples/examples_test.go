// Package examples_test starts each example as somebody who has copied it would, beside a whole server, and shows it the
// tokens of a real sign-in. What it needs, .ci/needs installs.
package examples_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// patience is for what happens at once, unless the machine is busy.
const patience = time.Minute

const (
	audience = "https://api.example.test"
	another  = "https://files.example.test"
	secret   = "a secret of the tests"
)

// shown are the tokens that all examples are shown.
type shown struct{ person, service, reader, elsewhere, expired, refresh string }

func TestExamplesJudgeTokensOfARealServer(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	tokens := signIn(t, s)
	for name, command := range commands(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := start(t, s.Issuer, command)
			for _, story := range []struct {
				name, method, path, token string
				status                    int
				challenge                 string // how it begins, in whatever order the rest comes
			}{
				{"a person signed in", "GET", "/me", tokens.person, 200, ""},
				{"a person may deploy", "POST", "/deploy", tokens.person, 200, ""},
				{"a service may deploy", "POST", "/deploy", tokens.service, 200, ""},
				{"whoever may not deploy is still somebody", "GET", "/me", tokens.reader, 200, ""},
				{"no token", "GET", "/me", "", 401, `Bearer`},
				{"no token to deploy", "POST", "/deploy", "", 401, `Bearer`},
				{"another audience", "GET", "/me", tokens.elsewhere, 401, `Bearer error="invalid_token"`},
				{"expired", "GET", "/me", tokens.expired, 401, `Bearer error="invalid_token"`},
				{"a refresh token", "GET", "/me", tokens.refresh, 401, `Bearer error="invalid_token"`},
				{"altered", "GET", "/me", altered(tokens.person), 401, `Bearer error="invalid_token"`},
				{"no signature", "GET", "/me", unsigned(tokens.person), 401, `Bearer error="invalid_token"`},
				{"a scope is missing", "POST", "/deploy", tokens.reader, 403, `Bearer error="insufficient_scope"`},
			} {
				t.Run(story.name, func(t *testing.T) {
					answer := ask(t, story.method, api+story.path, story.token)
					if answer.status != story.status || !strings.HasPrefix(answer.challenge, story.challenge) || (story.challenge == "") != (answer.challenge == "") {
						t.Errorf("%d %q %v, want %d %q", answer.status, answer.challenge, answer.body, story.status, story.challenge)
					}
					if story.challenge == "Bearer" && answer.challenge != "Bearer" {
						t.Errorf("nothing was shown, and still the challenge is %q", answer.challenge)
					}
					if story.status == 403 && !strings.Contains(answer.challenge, `scope="deploy:write"`) {
						t.Errorf("the challenge %q names no scope", answer.challenge)
					}
				})
			}
			if got := ask(t, "GET", api+"/me", tokens.person).body; !strings.HasPrefix(got["subject"], "usr_") || got["client"] != "acme" {
				t.Errorf("the person is %v", got)
			}
			if got := ask(t, "GET", api+"/me", tokens.service).body; got["subject"] != "robot" || got["client"] != "robot" {
				t.Errorf("the service is %v", got)
			}
		})
	}
}

// A token that is bound to a key is good with a proof of that key: for this request and this token, and once.
func TestExamplesAskForTheKeyOfABoundToken(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	free := signIn(t, s)
	terminal, wallet, thief := s.Terminal(t), s.Wallet(t), s.Wallet(t)
	terminal.ClientID, terminal.Scope, terminal.Resource, terminal.Wallet = "acme", "deploy:write", audience, wallet
	mara := s.Browser(t)
	mara.SignIn("mara@example.test")
	token := terminal.LogIn(mara).AccessToken
	ath := servertest.AccessHash(token)
	for name, command := range commands(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := start(t, s.Issuer, command)
			proof := func(w *servertest.Wallet, claims ...any) string {
				return w.Proof("GET", audience+"/me", append([]any{"ath", ath, "nonce", ""}, claims...)...)
			}
			once := proof(wallet)
			for _, story := range []struct {
				name, scheme, token string
				proofs              []string
				status              int
				error               string
			}{
				{"with a proof", "DPoP", token, []string{once}, 200, ""},
				{"the same proof again", "DPoP", token, []string{once}, 401, "invalid_dpop_proof"},
				{"the query does not count", "dpop", token, []string{proof(wallet, "htu", audience+"/me?x=1")}, 200, ""},
				{"no proof", "DPoP", token, nil, 401, "invalid_dpop_proof"},
				{"two proofs", "DPoP", token, []string{proof(wallet), proof(wallet)}, 401, "invalid_dpop_proof"},
				{"as a bearer token", "Bearer", token, []string{proof(wallet)}, 401, "invalid_token"},
				{"a free token in its place", "DPoP", free.person, []string{proof(wallet, "ath", servertest.AccessHash(free.person))}, 401, "invalid_token"},
				{"for another method", "DPoP", token, []string{proof(wallet, "htm", "POST")}, 401, "invalid_dpop_proof"},
				{"for another place", "DPoP", token, []string{proof(wallet, "htu", audience+"/deploy")}, 401, "invalid_dpop_proof"},
				{"for another server", "DPoP", token, []string{proof(wallet, "htu", another+"/me")}, 401, "invalid_dpop_proof"},
				{"for another token", "DPoP", token, []string{proof(wallet, "ath", servertest.AccessHash(free.person))}, 401, "invalid_dpop_proof"},
				{"without its hash", "DPoP", token, []string{proof(wallet, "ath", "")}, 401, "invalid_dpop_proof"},
				{"too old", "DPoP", token, []string{proof(wallet, "iat", s.Clock.Now().Add(-3*time.Minute).Unix())}, 401, "invalid_dpop_proof"},
				{"from the future", "DPoP", token, []string{proof(wallet, "iat", s.Clock.Now().Add(3*time.Minute).Unix())}, 401, "invalid_dpop_proof"},
				{"of another key", "DPoP", token, []string{proof(thief)}, 401, ""},
				{"no proof at all", "DPoP", token, []string{token}, 401, "invalid_dpop_proof"},
			} {
				got := askWith(t, "GET", api+"/me", story.scheme+" "+story.token, story.proofs...)
				if got.status != story.status || story.error != "" && got.body["error"] != story.error {
					t.Errorf("%s: %d %q %v, want %d %s", story.name, got.status, got.challenge, got.body, story.status, story.error)
				}
			}
		})
	}
}

// Whoever knows the keys alone refuses an ended session within ten seconds.
func TestExamplesRefuseAnEndedSession(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	tokens := signIn(t, s)
	apis := map[string]string{}
	for name, command := range commands(t) {
		apis[name] = start(t, s.Issuer, command)
		if got := ask(t, "GET", apis[name]+"/me", tokens.person); got.status != 200 {
			t.Fatalf("%s: %d %v", name, got.status, got.body)
		}
	}
	terminal := s.Terminal(t)
	terminal.ClientID = "acme"
	if reply := terminal.Revoke(tokens.refresh); reply.Status != http.StatusOK {
		t.Fatalf("sign out: %d %s", reply.Status, reply.Body)
	}
	ended := time.Now()
	for name, api := range apis {
		for {
			asked := time.Now()
			got := ask(t, "GET", api+"/me", tokens.person)
			if got.status == 401 {
				break
			}
			if later := asked.Sub(ended); later > 10*time.Second {
				t.Errorf("%s: asked %v later %d %v", name, later, got.status, got.body)
				break
			}
			time.Sleep(200 * time.Millisecond)
		}
		if got := ask(t, "GET", api+"/me", tokens.service); got.status != 200 {
			t.Errorf("%s: the service, which has no session: %d %v", name, got.status, got.body)
		}
	}
}

func TestExamplesLetNobodyInWhileTheIssuerIsAway(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	tokens := signIn(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, command := range commands(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := start(t, s.Issuer, command)
			if got := ask(t, "GET", api+"/me", tokens.person); got.status != 503 || got.challenge != "" {
				t.Errorf("%d %q %v, want 503", got.status, got.challenge, got.body)
			}
			if got := ask(t, "GET", api+"/me", ""); got.status != 401 {
				t.Errorf("without a token %d, want 401", got.status)
			}
		})
	}
}

// signIn registers a tool and two services, and signs them in: a person at a terminal, and the services by themselves.
func signIn(t *testing.T, s *servertest.Server) shown {
	t.Helper()
	deploy := store.Scope{Name: "deploy:write", Words: "Deploy to production"}
	logs := store.Scope{Name: "logs:read", Words: "Read logs"}
	for _, c := range []store.Client{
		{ID: "acme", Public: true, Grants: []string{oauth.GrantDevice, oauth.GrantRefresh}, Scopes: []store.Scope{deploy}},
		{ID: "robot", SecretHashes: []string{oauth.HashSecret(secret)}, Grants: []string{oauth.GrantClient}, Scopes: []store.Scope{deploy, logs}},
	} {
		c.Name, c.Audiences, c.CreatedAt, c.UpdatedAt = c.ID, []string{audience, another}, s.Clock.Now(), s.Clock.Now()
		if err := s.Records.CreateClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	terminal := s.Terminal(t)
	terminal.ClientID, terminal.Scope, terminal.Resource = "acme", "deploy:write", audience
	mara := s.Browser(t)
	mara.SignIn("mara@example.test")
	person := terminal.LogIn(mara)

	found := shown{person: person.AccessToken, refresh: person.RefreshToken}
	found.service = service(t, s, "deploy:write", audience)
	found.reader = service(t, s, "logs:read", audience)
	found.elsewhere = service(t, s, "deploy:write", another)
	s.Clock.Advance(-time.Hour) // a token lives for fifteen minutes
	found.expired = service(t, s, "deploy:write", audience)
	s.Clock.Advance(time.Hour)
	return found
}

func service(t *testing.T, s *servertest.Server, scope, resource string) string {
	t.Helper()
	robot := s.Terminal(t)
	robot.ClientID, robot.Secret = "robot", secret
	reply := robot.Post("/oauth/token", url.Values{"grant_type": {oauth.GrantClient}, "scope": {scope}, "resource": {resource}})
	if reply.Status != http.StatusOK {
		t.Fatalf("sign a service in: %d %s", reply.Status, reply.Body)
	}
	return reply.Tokens(t).AccessToken
}

// altered changes a letter in the middle of the claims.
func altered(token string) string {
	at := len(token) / 3
	letter := "A"
	if token[at] == 'A' {
		letter = "B"
	}
	return token[:at] + letter + token[at+1:]
}

// unsigned says of itself that it needs no signature.
func unsigned(token string) string {
	claims := strings.Split(token, ".")[1]
	return "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + claims + "." // {"alg":"none","typ":"at+jwt"}
}

// commands are how the examples are started.
func commands(t *testing.T) map[string][]string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "go-resource-server")
	run(t, "go", "build", "-o", program, "./go-resource-server")
	if _, err := os.Stat("node-resource-server/node_modules/jose"); err != nil {
		t.Fatalf("the modules of node-resource-server are missing: %v\ntype: .ci/needs", err)
	}
	return map[string][]string{
		"Go":     {program},
		"Node":   {"node", "node-resource-server/server.js"},
		"Python": {python(t), "python-resource-server/server.py"},
	}
}

// python is one that has PyJWT: the first in the path, or the system's, for which .ci/needs installs it.
func python(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), program, "-c", "import jwt, cryptography").Run() == nil {
			return program
		}
	}
	t.Fatal("no python3 has PyJWT and cryptography\ntype: .ci/needs")
	return ""
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// start starts an example on a free port and says where it is, once it says so itself.
func start(t *testing.T, issuer string, command []string) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	api := exec.CommandContext(ctx, command[0], command[1:]...)
	api.Env = append(os.Environ(), "ISSUER="+issuer, "AUDIENCE="+audience, "LISTEN=127.0.0.1:0", "PYTHONDONTWRITEBYTECODE=1")
	var trouble strings.Builder
	api.Stderr, api.WaitDelay = &trouble, 5*time.Second
	out, err := api.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := api.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = api.Wait() // it was killed
		if t.Failed() {
			t.Logf("%s said:\n%s", command[0], trouble.String())
		}
	})
	said := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		said <- strings.TrimSpace(line)
	}()
	select {
	case line := <-said:
		address, ok := strings.CutPrefix(line, "listening on ")
		if !ok {
			t.Fatalf("%s said %q instead of where it listens", command[0], line)
		}
		return address
	case <-time.After(patience):
		t.Fatalf("%s does not say where it listens", command[0])
		return ""
	}
}

type answer struct {
	status    int
	challenge string
	body      map[string]string
}

func ask(t *testing.T, method, address, token string) answer {
	t.Helper()
	if token != "" {
		token = "Bearer " + token
	}
	return askWith(t, method, address, token)
}

func askWith(t *testing.T, method, address, authorization string, proofs ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	for _, proof := range proofs {
		r.Header.Add("DPoP", proof)
	}
	client := http.Client{Timeout: patience}
	got, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: got.StatusCode, challenge: got.Header.Get("WWW-Authenticate")}
	if err := json.Unmarshal(text, &a.body); err != nil {
		t.Fatalf("%d %s: %v", got.StatusCode, text, err)
	}
	return a
}
