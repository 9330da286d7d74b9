package verify

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Requirement is something that a token must have beyond being good. All requirements of a call must be met.
type Requirement struct {
	kind   kind
	values []string
	age    time.Duration
}

type kind int

const (
	needScope kind = iota + 1
	needRole
	needPermission
	needAge
	needACR
)

// Scope requires all of these scopes.
func Scope(names ...string) Requirement { return Requirement{kind: needScope, values: names} }

// Role requires a role of the person.
func Role(name string) Requirement { return Requirement{kind: needRole, values: []string{name}} }

// Permission requires a permission of the person.
func Permission(name string) Requirement {
	return Requirement{kind: needPermission, values: []string{name}}
}

// MaxAge requires that the person proved who they are not longer ago than this, in whole seconds (RFC 9470 §4). A
// service, and a token that does not say when that was, never meets it.
func MaxAge(d time.Duration) Requirement {
	return Requirement{kind: needAge, age: d.Truncate(time.Second)}
}

// ACR requires that the person proved who they are in one of these ways (RFC 9470 §4). Without a value nobody meets it.
func ACR(values ...string) Requirement { return Requirement{kind: needACR, values: values} }

// met reports whether a token meets a requirement. What is not a requirement of this package is met by nobody.
func (q Requirement) met(t Token, now time.Time) bool {
	switch q.kind {
	case needScope:
		return holds(t.Scopes, q.values)
	case needRole:
		return holds(t.Roles, q.values)
	case needPermission:
		return holds(t.Permissions, q.values)
	case needAge:
		return !t.AuthTime.IsZero() && now.Sub(t.AuthTime) <= q.age
	case needACR:
		return t.ACR != "" && slices.Contains(q.values, t.ACR)
	default:
		return false
	}
}

func holds(held, wanted []string) bool {
	for _, name := range wanted {
		if !slices.Contains(held, name) {
			return false
		}
	}
	return true
}

// require refuses what the token lacks. What another sign-in cannot mend comes first: nobody is sent to sign in again to
// hear afterwards that they may not.
func (v *Verifier) require(scheme string, t Token, required []Requirement) error {
	now := v.now()
	missing := map[kind]bool{}
	for _, q := range required {
		if !q.met(t, now) {
			missing[q.kind] = true
		}
	}
	if len(missing) == 0 {
		return nil
	}
	refused := refusal{status: http.StatusForbidden, code: CodeInsufficientScope, scheme: scheme}
	scope := strings.Join(values(required, needScope), " ")
	switch {
	case missing[needScope]:
		refused.words = "the token lacks a scope"
	case missing[needRole]:
		refused.words = "the person lacks a role"
	case missing[needPermission]:
		refused.words = "the person lacks a permission"
	case missing[needAge], missing[needACR]:
		return v.refuse(stepUp(scheme, required))
	default:
		refused.words, refused.cause = "the requirement cannot be met", errors.New("an empty Requirement")
	}
	if scope != "" {
		refused.params = []param{{"scope", scope}} // all that is needed, so that the next token has it (RFC 6750 §3)
	}
	return v.refuse(refused)
}

// stepUp says which sign-in would do (RFC 9470 §3), met requirements included: the next token must meet all of them.
func stepUp(scheme string, required []Requirement) refusal {
	refused := refusal{
		status: http.StatusUnauthorized, code: CodeInsufficientAuthentication, scheme: scheme,
		words: "a newer or stronger sign-in is needed",
	}
	if acr := values(required, needACR); len(acr) > 0 {
		refused.params = append(refused.params, param{"acr_values", strings.Join(acr, " ")})
	}
	youngest := time.Duration(-1)
	for _, q := range required {
		if q.kind == needAge && (youngest < 0 || q.age < youngest) {
			youngest = max(q.age, 0)
		}
	}
	if youngest >= 0 {
		refused.params = append(refused.params, param{"max_age", strconv.FormatInt(int64(youngest/time.Second), 10)})
	}
	return refused
}

// values are those of all requirements of a kind, each once.
func values(required []Requirement, of kind) []string {
	var all []string
	for _, q := range required {
		if q.kind != of {
			continue
		}
		for _, value := range q.values {
			if !slices.Contains(all, value) {
				all = append(all, value)
			}
		}
	}
	return all
}
