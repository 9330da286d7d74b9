package cli_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// keyed is the one API that takes only tokens that are bound to a key.
const keyed = "https://keyed.example.test"

// offerKeys announces proofs of possession (RFC 9449), unless the knob "knows-no-keys" is on.
func (s *loginServer) offerKeys(said map[string]any) {
	if s.fault["knows-no-keys"] == 0 {
		said["dpop_signing_alg_values_supported"] = []string{"RS256", "ES256"}
	}
}

// proven looks at what a real server would of a proof, but for its signature, and notes its key in the form. A process
// that has not heard the nonce yet is told it.
func (s *loginServer) proven(w http.ResponseWriter, r *http.Request, form map[string]string) bool {
	if s.fault["knows-no-keys"] > 0 {
		return r.Header.Get("DPoP") == "" && form["access_token_type"] == ""
	}
	if r.Header.Get("DPoP") == "" {
		return true // what is bound to a key is refused for that
	}
	var header struct {
		Type string `json:"typ"`
		Key  struct {
			X string `json:"x"`
			D string `json:"d"`
		} `json:"jwk"`
	}
	var claims struct {
		ID     string `json:"jti"`
		Method string `json:"htm"`
		URL    string `json:"htu"`
		Nonce  string `json:"nonce"`
	}
	parts := strings.Split(r.Header.Get("DPoP"), ".")
	if len(parts) != 3 || !decoded(parts[0], &header) || !decoded(parts[1], &claims) || header.Type != "dpop+jwt" || header.Key.X == "" ||
		header.Key.D != "" || claims.Method != r.Method || claims.URL != s.issuer+r.URL.Path || s.proofs[claims.ID] {
		refuse(w, 400, "invalid_dpop_proof", "")
		return false
	}
	s.proofs[claims.ID] = true
	w.Header().Set("DPoP-Nonce", "nonce-of-today")
	if r.URL.Path == "/oauth/token" && claims.Nonce != "nonce-of-today" {
		s.counts["nonces"]++
		refuse(w, 400, "use_dpop_nonce", "")
		return false
	}
	form["proven"] = header.Key.X
	return true
}

func decoded(part string, into any) bool {
	text, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}

// tokenType is what the server gives to a client that asks for bearer tokens.
func tokenType(resource string) string {
	if resource == keyed {
		return "DPoP"
	}
	return "Bearer"
}

// keptIn reads the credentials of the default profile.
func keptIn(ts *testscript.TestScript, path string) (all map[string]map[string]map[string]any, profile map[string]any) {
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(path)), &all))
	return all, all["profiles"]["default"]
}

// same-key compares the keys in two files of credentials.
func sameKey(ts *testscript.TestScript, neg bool, args []string) {
	_, one := keptIn(ts, args[0])
	_, other := keptIn(ts, args[1])
	if same := one["key"] == other["key"] && one["key"] != nil; same == neg {
		ts.Fatalf("the keys are the same: %t", same)
	}
}

// older moves the times of all access tokens in a file of credentials back by so many seconds.
func older(ts *testscript.TestScript, _ bool, args []string) {
	all, profile := keptIn(ts, args[1])
	back, err := time.ParseDuration(args[0] + "s")
	ts.Check(err)
	access, _ := profile["access"].(map[string]any)
	for _, token := range access {
		for _, name := range []string{"obtained_at", "expires_at"} {
			members := token.(map[string]any)
			at, err := time.Parse(time.RFC3339Nano, members[name].(string))
			ts.Check(err)
			members[name] = at.Add(-back)
		}
	}
	text, err := json.Marshal(all)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text, 0o600))
}

// without-key takes the key, and the access tokens, out of a file of credentials.
func withoutKey(ts *testscript.TestScript, _ bool, args []string) {
	all, profile := keptIn(ts, args[0])
	delete(profile, "key")
	delete(profile, "access")
	text, err := json.Marshal(all)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
}
