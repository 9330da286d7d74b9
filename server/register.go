package server

import (
	"errors"
	"net/http"

	"github.com/handclasp/handclasp/server/pages"
	"github.com/handclasp/handclasp/store"
)

// register is the client registration endpoint (RFC 7591 §3).
func (s *Server) register(w http.ResponseWriter, r *http.Request) error {
	info, err := s.OAuth.Register(r.Context(), r)
	if err != nil {
		return err
	}
	return writeJSONStatus(w, http.StatusCreated, info)
}

// readClient, replaceClient and leaveClient are the client configuration endpoint (RFC 7592 §2).
func (s *Server) readClient(w http.ResponseWriter, r *http.Request) error {
	info, err := s.OAuth.ReadClient(r.Context(), r, pathID(r))
	if err != nil {
		return err
	}
	return writeJSON(w, info)
}

// unvetted says whether the name of a client is nothing but its own claim, and where it is at home if its id says so.
func (s *Server) unvetted(r *http.Request, clientID string) (pages.Unvetted, error) {
	kept, err := s.Records.Registration(r.Context(), clientID)
	if errors.Is(err, store.ErrNotFound) {
		return pages.Unvetted{}, nil
	}
	if err != nil {
		return pages.Unvetted{}, unavailable(err)
	}
	out := pages.Unvetted{Is: true}
	if kept.Origin == store.OriginDocument {
		out.Home = targetOf(clientID)
	}
	return out, nil
}

func (s *Server) replaceClient(w http.ResponseWriter, r *http.Request) error {
	info, err := s.OAuth.ReplaceClient(r.Context(), r, pathID(r))
	if err != nil {
		return err
	}
	return writeJSON(w, info)
}

func (s *Server) leaveClient(w http.ResponseWriter, r *http.Request) error {
	if err := s.OAuth.LeaveClient(r.Context(), r, pathID(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
