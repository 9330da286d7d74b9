package verify

import (
	"context"
	"net/http"
)

type contextKey struct{}

// FromContext is the token of a request that came through Require or Guard; ok is false for any other.
func FromContext(ctx context.Context) (token Token, ok bool) {
	token, ok = ctx.Value(contextKey{}).(Token)
	return token, ok
}

// Require lets only requests through whose token is good and has all of these scopes.
func (v *Verifier) Require(scopes ...string) func(http.Handler) http.Handler {
	return v.Guard(Scope(scopes...))
}

// Guard lets only requests through whose token is good and meets all requirements.
func (v *Verifier) Guard(required ...Requirement) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, err := v.Check(r.Context(), r, required...)
			if err != nil {
				v.log.DebugContext(r.Context(), "request refused", "error", err)
				Answer(w, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, token)))
		})
	}
}
