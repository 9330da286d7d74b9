package server

import "net/http"

// introspect is RFC 7662.
func (s *Server) introspect(w http.ResponseWriter, r *http.Request) error {
	answer, err := s.OAuth.Introspect(r.Context(), r)
	if err != nil {
		return err
	}
	return writeJSON(w, answer)
}
