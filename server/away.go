package server

import (
	"errors"
	"net/http"

	"github.com/handclasp/handclasp/server/pages"
	"github.com/handclasp/handclasp/store"
)

// sendAway leads a browser to an address of an app's own. To an app that no operator has registered it leads nobody unasked but who
// is seen to have said yes to it: else whoever registers one could send people anywhere in our name (RFC 9700 §4.11.2).
func (s *Server) sendAway(w http.ResponseWriter, r *http.Request, clientID, location string, status int) error {
	target := targetOf(location)
	if target == "" { // a program on this machine, or an app
		http.Redirect(w, r, location, http.StatusSeeOther) //nolint:gosec // G710: registered for the client, letter by letter
		return nil
	}
	unvetted, err := s.unvetted(r, clientID)
	if err != nil {
		return err
	}
	known := !unvetted.Is
	if v := visitorOf(r); !known && v.session != nil {
		_, err := s.Records.Consent(r.Context(), v.user.ID, clientID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return unavailable(err)
		}
		known = err == nil
	}
	if known {
		http.Redirect(w, r, location, http.StatusSeeOther) //nolint:gosec // G710: registered for the client, letter by letter
		return nil
	}
	client, err := s.Records.Client(r.Context(), clientID)
	if err != nil {
		return gone(err)
	}
	return s.Pages.Write(w, status, pages.GoOn{
		Base: s.base(r), App: client.Name, Target: target, Link: location, Failed: status != http.StatusOK, Unvetted: unvetted,
	})
}
