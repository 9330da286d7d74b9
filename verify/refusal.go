package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// The codes of refusals (RFC 6750 §3.1, RFC 9449 §12.2, RFC 9470 §3).
const (
	CodeInvalidRequest             = "invalid_request"
	CodeInvalidToken               = "invalid_token"
	CodeInvalidProof               = "invalid_dpop_proof"
	CodeInsufficientScope          = "insufficient_scope"
	CodeInsufficientAuthentication = "insufficient_user_authentication"
	CodeUnavailable                = "temporarily_unavailable"
)

// Refusal is why a request is not let in.
type Refusal struct {
	Status      int
	Code        string // one of the codes above
	Description string // a sentence for the client's developer
	Challenges  []string
	Cause       error // for the log, may be nil; never holds a token
}

// Error says what was refused, and why as far as it is known.
func (r *Refusal) Error() string {
	if r.Cause != nil {
		return fmt.Sprintf("%s: %v", r.Code, r.Cause)
	}
	return r.Code + ": " + r.Description
}

// Unwrap gives the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// refusal is what a Refusal is made of.
type refusal struct {
	status int
	code   string
	words  string
	scheme string // with which the token came; empty if there was none
	params []param
	cause  error
}

// param is a parameter of a challenge (RFC 9110 §11.2).
type param struct{ name, value string }

func (p param) String() string {
	return p.name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", "").Replace(p.value) + `"`
}

// refuse writes the challenges. The scheme that was used hears what was wrong; at 401 the other one is offered beside
// it (RFC 9449 §7.2).
func (v *Verifier) refuse(f refusal) *Refusal {
	r := &Refusal{Status: f.status, Code: f.code, Description: f.words, Cause: f.cause}
	for _, scheme := range v.schemes() {
		var said []param
		switch {
		case scheme == f.scheme:
			said = append([]param{{"error", f.code}, {"error_description", f.words}}, f.params...)
		case f.status != http.StatusUnauthorized:
			continue
		}
		if scheme == schemeDPoP {
			said = append(said, param{"algs", ProofAlgorithms})
		}
		r.Challenges = append(r.Challenges, challenge(scheme, said))
	}
	return r
}

func (v *Verifier) schemes() []string {
	if v.url == nil {
		return []string{schemeBearer}
	}
	return []string{schemeBearer, schemeDPoP}
}

func challenge(scheme string, params []param) string {
	texts := make([]string, len(params))
	for i, p := range params {
		texts[i] = p.String()
	}
	return strings.TrimSuffix(scheme+" "+strings.Join(texts, ", "), " ")
}

// missing has no error in its challenges: nothing was wrong, nothing was there (RFC 6750 §3.1).
func (v *Verifier) missing() *Refusal {
	return v.refuse(refusal{status: http.StatusUnauthorized, code: CodeInvalidToken, words: "an access token is missing"})
}

func (v *Verifier) badToken(scheme string, cause error) *Refusal {
	return v.refuse(refusal{
		status: http.StatusUnauthorized, code: CodeInvalidToken, scheme: scheme, cause: cause,
		words: "the access token is not good here, or has expired",
	})
}

func (v *Verifier) unavailable(cause error) *Refusal {
	return v.refuse(refusal{
		status: http.StatusServiceUnavailable, code: CodeUnavailable, cause: cause,
		words: "the token cannot be judged at the moment",
	})
}

// Answer writes a refusal: status, challenges and a JSON body that is not to be stored. Any other error is 500 and says
// nothing.
func Answer(w http.ResponseWriter, err error) {
	var refused *Refusal
	if !errors.As(err, &refused) {
		refused = &Refusal{Status: http.StatusInternalServerError, Code: "server_error", Description: "something went wrong here"}
	}
	h := w.Header()
	for _, c := range refused.Challenges {
		h.Add("WWW-Authenticate", c)
	}
	if refused.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "10")
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	w.WriteHeader(refused.Status)
	// The client may be gone; there is nobody else to tell.
	_ = json.NewEncoder(w).Encode(struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{refused.Code, refused.Description})
}
