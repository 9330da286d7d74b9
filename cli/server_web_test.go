package cli_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// offerWeb announces the code flow when the knob "web" is on.
func (s *loginServer) offerWeb(said map[string]any) {
	if s.fault["web"] == 0 {
		return
	}
	said["authorization_endpoint"] = s.issuer + "/oauth/authorize"
	said["pushed_authorization_request_endpoint"] = s.issuer + "/oauth/par"
	said["code_challenge_methods_supported"] = []string{"S256"}
	said["grant_types_supported"] = []string{"authorization_code", "refresh_token"}
}

// push keeps an authorization request (RFC 9126).
func (s *loginServer) push(w http.ResponseWriter, r *http.Request) {
	s.counts["pushes"]++
	form := posted(r)
	if !s.proven(w, r, form) {
		return
	}
	if form["code_challenge_method"] != "S256" || form["state"] == "" || form["device_fingerprint"] == "" || form["client_id"] != "handclasp" {
		refuse(w, 400, "invalid_request", "")
		return
	}
	name := "urn:ietf:params:oauth:request_uri:" + rand.Text()
	s.pushed[name] = form
	answerJSON(w, 201, map[string]any{"request_uri": name, "expires_in": 600})
}

// comeBack is the person who decides at once, and the way back.
func (s *loginServer) comeBack(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("request_uri")
	asked := s.pushed[name]
	if asked == nil || len(r.URL.Query()) != 2 {
		http.NotFound(w, r)
		return
	}
	delete(s.pushed, name)
	back := url.Values{"state": {asked["state"]}, "iss": {s.issuer}}
	switch s.person {
	case "denies":
		back.Set("error", "access_denied")
		back.Set("reason", "denied_by_user")
	case "is-somebody-else":
		back.Set("error", "access_denied")
		back.Set("reason", "device_conflict")
	default:
		code := "hcc_" + rand.Text()
		s.pushed[code] = asked
		back.Set("code", code)
	}
	if s.faulty("mixes-up") {
		back.Set("iss", "https://other.example.test")
	}
	http.Redirect(w, r, asked["redirect_uri"]+"?"+back.Encode(), http.StatusSeeOther)
}

func (s *loginServer) redeemCode(w http.ResponseWriter, form map[string]string) {
	s.counts["codes"]++
	asked := s.pushed[form["code"]]
	delete(s.pushed, form["code"])
	proof := sha256.Sum256([]byte(form["code_verifier"]))
	if s.faulty("refuses-code") || asked == nil || asked["redirect_uri"] != form["redirect_uri"] ||
		asked["device_fingerprint"] != form["device_fingerprint"] ||
		asked["code_challenge"] != base64.RawURLEncoding.EncodeToString(proof[:]) {
		refuse(w, 400, "invalid_grant", "")
		return
	}
	session := &loginSession{id: "ses_" + rand.Text(), key: form["proven"], fingerprint: asked["device_fingerprint"], device: asked["device_name"], refresh: "hcr_" + rand.Text(), successor: "hcr_" + rand.Text()}
	s.sessions[session.id] = session
	s.issue(w, session, form["resource"])
}

// come-back runs a login, opens in a browser the address that it prints, and checks its exit code. What it says becomes
// stdout and stderr; the last page lies in page.html.
func comeBack(ts *testscript.TestScript, _ bool, args []string) {
	command, err := exec.LookPath("handclasp")
	ts.Check(err)
	cmd := exec.Command(command, args[1:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), scriptEnv(ts)
	var out, talk watched
	cmd.Stdout, cmd.Stderr = &out, &talk
	ts.Check(cmd.Start())
	page, visited := ts.MkAbs("page.html"), make(chan struct{})
	go func() {
		defer close(visited)
		var at string
		if within(patience, func() bool {
			at = address.FindString(out.String() + talk.String())
			return at != ""
		}) {
			_ = visit(strings.ReplaceAll(at, `\u0026`, "&"), page)
			return
		}
		_ = cmd.Process.Kill() // nobody will come back
	}()
	_ = cmd.Wait() // its exit code is what is looked at
	<-visited
	_, _ = ts.Stdout().Write([]byte(out.String()))
	_, _ = ts.Stderr().Write([]byte(talk.String()))
	if code := cmd.ProcessState.ExitCode(); strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s: %s", code, args[0], talk.String())
	}
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+/oauth/authorize[^\s"]+`)

// watched is output that is read while it is written.
type watched struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// browse is a browser: it goes where the address leads and writes the last page into the file named first.
func browse() {
	if err := visit(os.Args[2], os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func visit(address, file string) error {
	client := http.Client{Timeout: patience}
	res, err := client.Get(address)
	if err != nil {
		return err
	}
	page, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		return err
	}
	return os.WriteFile(file, page, 0o600)
}
