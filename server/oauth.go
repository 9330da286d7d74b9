package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/handclasp/handclasp/oauth"
)

// documentAge is how long metadata may be cached. It changes with a restart only.
const documentAge = 5 * time.Minute

// deviceAuthorization is RFC 8628 §3.1.
func (s *Server) deviceAuthorization(w http.ResponseWriter, r *http.Request) error {
	answer, err := s.OAuth.Device(r.Context(), r)
	if err != nil {
		return err
	}
	return writeJSON(w, answer)
}

// token is RFC 6749 §3.2. A poll that prefers to wait may stay for as long as the server allows, so its deadlines move.
func (s *Server) token(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Prefer") != "" {
		r.Body = &readWhole{ReadCloser: r.Body, then: func() {
			control, until := http.NewResponseController(w), time.Now().Add(s.OAuth.WaitMost+10*time.Second)
			// A connection that cannot move its deadline ends the wait early, which every client must bear anyway.
			_ = control.SetReadDeadline(until)
			_ = control.SetWriteDeadline(until)
		}}
	}
	answer, waited, err := s.OAuth.Token(r.Context(), r)
	if waited > 0 {
		w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(time.Duration(waited)/time.Second)))
	}
	if err != nil {
		return err
	}
	return writeJSON(w, answer)
}

// readWhole tells when a body has been read to its end. Until then a preference buys nobody more time to send it.
type readWhole struct {
	io.ReadCloser
	then func()
}

// Read reads on.
func (b *readWhole) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.then()
	}
	return n, err
}

// revoke is RFC 7009.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) error {
	if err := s.OAuth.Revoke(r.Context(), r); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// metadata is RFC 8414.
func (s *Server) metadata(w http.ResponseWriter, r *http.Request) error {
	d := s.OAuth.Metadata()
	serveDocument(w, r, "application/json", d.Body, d.ETag, documentAge)
	return nil
}

// jwks is RFC 7517 §5. It may be cached for less time than a new key is published before its first use.
func (s *Server) jwks(w http.ResponseWriter, r *http.Request) error {
	d := s.Keys.JWKS()
	serveDocument(w, r, "application/jwk-set+json", d.Body, d.ETag, s.Keys.CacheTime())
	return nil
}

func (s *Server) openAPI(w http.ResponseWriter, r *http.Request) error {
	serveDocument(w, r, "application/yaml", s.openapi.Body, s.openapi.ETag, documentAge)
	return nil
}

// serveDocument writes bytes that were made before, or says that the reader has them.
func serveDocument(w http.ResponseWriter, r *http.Request, kind string, body []byte, etag string, age time.Duration) {
	h := w.Header()
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(age/time.Second)))
	h.Set("Access-Control-Allow-Origin", "*") // public documents, for clients in a browser
	if etag != "" {
		h.Set("ETag", etag)
		if match := r.Header.Get("If-None-Match"); match != "" && strings.Contains(match, etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return
	}
	_, _ = w.Write(body)
}

// writeJSON writes a whole answer or none.
func writeJSON(w http.ResponseWriter, value any) error {
	return writeJSONStatus(w, http.StatusOK, value)
}

func writeJSONStatus(w http.ResponseWriter, status int, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return &oauth.Error{Code: oauth.CodeServerError, Cause: err}
	}
	writeBody(w, status, body)
	return nil
}

// writeBody writes JSON and ends the line: whoever asks by hand finds the prompt at the beginning of the next one.
func writeBody(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(slices.Clip(body), '\n')) // bodies may be shared: what is written is a copy
}
