package server

import (
	"errors"
	"net/http"

	"github.com/handclasp/handclasp/server/pages"
	"github.com/handclasp/handclasp/store"
)

// sendAway leads a browser to an address of an app's own. To a stranger it leads nobody unasked: else whoever registers an app could
// send people anywhere in our name (RFC 9700 §4.11.2).
func (s *Server) sendAway(w http.ResponseWriter, r *http.Request, clientID, location string, status int) error {
	target := targetOf(location)
	stranger, err := s.stranger(r, clientID, target)
	if err != nil {
		return err
	}
	if !stranger.Is {
		http.Redirect(w, r, location, http.StatusSeeOther) //nolint:gosec // G710: registered for the client, letter by letter
		return nil
	}
	client, err := s.Records.Client(r.Context(), clientID)
	if err != nil {
		return gone(err)
	}
	return s.Pages.Write(w, status, pages.GoOn{
		Base: s.base(r), App: client.Name, Target: target, Link: location, Failed: status != http.StatusOK, Unvetted: stranger,
	})
}

// stranger is an app with a host that no operator has registered, and that this person is not seen to have said yes to; the zero
// value for every other one, programs on the person's machine among them.
func (s *Server) stranger(r *http.Request, clientID, target string) (pages.Unvetted, error) {
	if target == "" {
		return pages.Unvetted{}, nil
	}
	unvetted, err := s.unvetted(r, clientID)
	v := visitorOf(r)
	if err != nil || !unvetted.Is || v.session == nil {
		return unvetted, err
	}
	_, err = s.Records.Consent(r.Context(), v.user.ID, clientID)
	if errors.Is(err, store.ErrNotFound) {
		return unvetted, nil
	}
	if err != nil {
		return unvetted, unavailable(err)
	}
	return pages.Unvetted{}, nil
}
