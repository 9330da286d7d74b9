package server

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// signedIntrospection is the type of an answer that is a JWT (RFC 9701 §4).
const signedIntrospection = "application/token-introspection+jwt"

// introspect is RFC 7662, and RFC 9701 for those who ask for a signature.
func (s *Server) introspect(w http.ResponseWriter, r *http.Request) error {
	told, err := s.OAuth.Introspect(r.Context(), r)
	if err != nil {
		return err
	}
	if !accepts(r.Header, signedIntrospection) {
		return writeJSON(w, told)
	}
	text, err := s.OAuth.SignIntrospection(told)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", signedIntrospection)
	_, _ = w.Write([]byte(text)) //nolint:gosec // G705: base64url and dots, of a type that no browser draws
	return nil
}

// accepts reports whether a media type is named among those that the client takes. Wildcards name nothing: they are what
// libraries send by themselves.
func accepts(h http.Header, kind string) bool {
	for _, line := range h.Values("Accept") {
		if len(line) > 1000 {
			continue
		}
		for entry := range strings.SplitSeq(line, ",") {
			named, params, err := mime.ParseMediaType(entry)
			if err != nil || named != kind {
				continue
			}
			weight, err := strconv.ParseFloat(params["q"], 64)
			return params["q"] == "" || err != nil || weight > 0
		}
	}
	return false
}
