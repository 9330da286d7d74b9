package server

import (
	"net/http"

	"github.com/handclasp/handclasp/oauth"
)

// statusList is draft-ietf-oauth-status-list §8.
func (s *Server) statusList(w http.ResponseWriter, r *http.Request) error {
	d, err := s.OAuth.StatusList(r.Context(), pathID(r))
	if err != nil {
		return err
	}
	serveDocument(w, r, "application/statuslist+jwt", d.Body, d.ETag, oauth.StatusAge)
	return nil
}
