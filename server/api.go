package server

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// The JSON of /v1, as openapi.yaml has it.
type (
	apiDeviceName struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Platform string `json:"platform"`
	}
	apiSession struct {
		ID         string         `json:"id"`
		Kind       store.Kind     `json:"kind"`
		ClientID   string         `json:"client_id"`
		ClientName string         `json:"client_name"`
		Device     *apiDeviceName `json:"device"`
		Name       string         `json:"name"`
		Scope      string         `json:"scope"` // as in a token answer: names with spaces between
		Address    string         `json:"address"`
		CreatedAt  time.Time      `json:"created_at"`
		LastSeenAt time.Time      `json:"last_seen_at"`
		ExpiresAt  time.Time      `json:"expires_at"`
		Current    bool           `json:"current"`
	}
	apiDevice struct {
		apiDeviceName
		Current   bool         `json:"current"`
		FirstSeen time.Time    `json:"first_seen"`
		LastSeen  time.Time    `json:"last_seen"`
		Sessions  []apiSession `json:"sessions"`
	}
	apiMe struct {
		ID      string     `json:"id"`
		Email   string     `json:"email"`
		Name    string     `json:"name"`
		Session apiSession `json:"session"`
	}
)

// me says who the token's owner is, and in which session.
func (s *Server) me(w http.ResponseWriter, r *http.Request) error {
	access, err := s.OAuth.Verify(r.Context(), r, oauth.ScopeAccountRead)
	if err != nil {
		return err
	}
	user, err := s.Records.User(r.Context(), access.Subject)
	if err != nil {
		return gone(err)
	}
	row, err := s.Records.Session(r.Context(), access.Session)
	if err != nil {
		return gone(err)
	}
	l := listed{Session: row, seen: access.Grant.RotatedAt, expires: access.Grant.Ends()}
	if err := s.describe(r.Context(), &l, map[string]string{}); err != nil {
		return err
	}
	return writeJSON(w, apiMe{ID: user.ID, Email: user.Email, Name: user.Name, Session: sessionJSON(l, access.Session)})
}

// gone: a token whose user or session is not in the records is no token.
func gone(err error) error {
	if err := unavailable(err); classify(err).status != http.StatusNotFound {
		return err
	}
	return &oauth.Error{Code: oauth.CodeInvalidToken, Cause: err}
}

func (s *Server) listSessions(w http.ResponseWriter, r *http.Request) error {
	access, err := s.OAuth.Verify(r.Context(), r, oauth.ScopeAccountRead)
	if err != nil {
		return err
	}
	list, err := s.listSessionsOf(r.Context(), access.Subject)
	if err != nil {
		return err
	}
	out := make([]apiSession, 0, len(list))
	for _, l := range list {
		out = append(out, sessionJSON(l, access.Session))
	}
	return writeJSON(w, map[string][]apiSession{"sessions": out})
}

// listDevices groups the sessions of terminals by device.
func (s *Server) listDevices(w http.ResponseWriter, r *http.Request) error {
	access, err := s.OAuth.Verify(r.Context(), r, oauth.ScopeAccountRead)
	if err != nil {
		return err
	}
	list, err := s.listSessionsOf(r.Context(), access.Subject)
	if err != nil {
		return err
	}
	devices, at := []*apiDevice{}, map[string]*apiDevice{}
	for _, l := range list {
		if l.DeviceID == "" {
			continue
		}
		d, ok := at[l.DeviceID]
		if !ok {
			d = &apiDevice{
				apiDeviceName: apiDeviceName{ID: l.DeviceID, Name: l.Name, Platform: l.Platform},
				FirstSeen:     l.device.FirstSeen.UTC(), LastSeen: l.seen.UTC(),
			}
			at[l.DeviceID] = d
			devices = append(devices, d)
		}
		d.Current = d.Current || l.ID == access.Session
		d.Sessions = append(d.Sessions, sessionJSON(l, access.Session))
	}
	return writeJSON(w, map[string][]*apiDevice{"devices": devices})
}

// endDevice ends every session of the caller on one device.
func (s *Server) endDevice(w http.ResponseWriter, r *http.Request) error {
	return s.endOne(w, r, store.DevicePrefix, s.Sessions.EndDevice)
}

// endSession ends one session of the caller; another's is 404, as one that never was.
func (s *Server) endSession(w http.ResponseWriter, r *http.Request) error {
	return s.endOne(w, r, store.SessionPrefix, s.Sessions.EndMine)
}

// endOne ends what the {id} of the path names, if the token may and it is the caller's.
func (s *Server) endOne(w http.ResponseWriter, r *http.Request, prefix string, end func(ctx context.Context, userID, id string) error) error {
	access, err := s.OAuth.Verify(r.Context(), r, oauth.ScopeAccountDevices)
	if err != nil {
		return err
	}
	id := pathID(r)
	if !store.ValidID(prefix, id) {
		return store.ErrNotFound
	}
	if err := end(r.Context(), access.Subject, id); err != nil {
		return unavailable(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// endOtherSessions ends every session of the caller but the one that asks.
func (s *Server) endOtherSessions(w http.ResponseWriter, r *http.Request) error {
	access, err := s.OAuth.Verify(r.Context(), r, oauth.ScopeAccountDevices)
	if err != nil {
		return err
	}
	n, err := s.Sessions.EndOthers(r.Context(), access.Subject, access.Session, sessions.EndUser)
	if err != nil {
		return unavailable(err)
	}
	return writeJSON(w, map[string]int{"ended": n})
}

func sessionJSON(l listed, current string) apiSession {
	out := apiSession{
		ID: l.ID, Kind: l.Kind, ClientID: l.ClientID, ClientName: l.clientName, Name: l.Name,
		Scope: strings.Join(l.Scope, " "), Address: l.Address, CreatedAt: l.CreatedAt.UTC(),
		LastSeenAt: l.seen.UTC(), ExpiresAt: l.expires.UTC(), Current: l.ID == current,
	}
	if l.DeviceID != "" {
		out.Device = &apiDeviceName{ID: l.DeviceID, Name: l.Name, Platform: l.Platform}
	}
	return out
}
