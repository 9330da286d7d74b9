package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/handclasp/handclasp/mail"
	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/providers"
)

// appLink is the answer to an app, the same for every address.
type appLink struct {
	LinkID     string `json:"link_id"`
	DeviceHalf string `json:"device_half"`
	ExpiresIn  int64  `json:"expires_in"` // seconds
}

// linkMembers are what an app may say. Others are ignored, so that a newer app can ask an older server.
var linkMembers = []string{
	"client_id", "client_secret", "email", "redirect_uri", "scope", "resource", "code_challenge", "code_challenge_method",
	"device_fingerprint", "device_name", "device_platform", "dpop_jkt", "state", "previous",
}

// askForAppLink mails a link that leads into an app. There are no cookies here: the app keeps its half of the link, and
// whoever makes somebody else's browser ask learns nothing and signs nobody in.
func (s *Server) askForAppLink(w http.ResponseWriter, r *http.Request) error {
	form, err := readMembers(r, linkMembers)
	if err != nil {
		return err
	}
	asked, err := s.OAuth.AppLink(r.Context(), r, form)
	if err != nil {
		return err
	}
	email, err := mail.ParseAddress(form.Get("email"))
	if err != nil {
		return unreadable("email must be one mail address, such as name@example.test")
	}
	name := asked.Client.Name
	if name == "" {
		name = asked.Client.ID
	}
	ask, err := s.Links.ForApp(r.Context(), email, form.Get("previous"), providers.App{
		ClientID: asked.Client.ID, Name: name, RedirectURI: asked.RedirectURI, State: asked.State,
		Fingerprint: asked.Fingerprint, Bound: asked.Bound, Kept: asked.Kept,
	})
	if err != nil {
		return unavailable(err)
	}
	asker, err := s.Links.Ask(r.Context(), ask)
	if errors.Is(err, providers.ErrTooMany) {
		return err
	}
	if err != nil {
		return unavailable(err)
	}
	return writeJSONStatus(w, http.StatusAccepted, appLink{
		LinkID: asker.ID, DeviceHalf: asker.String(), ExpiresIn: int64(s.Links.Life / time.Second),
	})
}

func unreadable(hint string) error {
	return &oauth.Error{Code: oauth.CodeInvalidRequest, Hint: hint}
}

// readMembers reads a JSON object whose known members are texts. It refuses what two readers could understand in two ways:
// a member given twice, texts that are not UTF-8, anything behind the object.
func readMembers(r *http.Request, known []string) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil || kind != "application/json":
		return nil, unreadable("the body must be application/json")
	case r.URL.RawQuery != "":
		return nil, unreadable("parameters belong in the body, not in the query")
	case r.Header.Get("Content-Encoding") != "":
		return nil, unreadable("a compressed body is not accepted")
	}
	body, err := io.ReadAll(r.Body) // bounded by the rules around every handler
	if err != nil {
		return nil, &oauth.Error{Code: oauth.CodeInvalidRequest, Hint: "the body cannot be read, or is too large", Cause: err}
	}
	if !utf8.Valid(body) {
		return nil, unreadable("the body is not UTF-8")
	}
	members, ok := readObject(body, known)
	if !ok {
		return nil, unreadable("the body must be one JSON object, each member given once and of texts")
	}
	return members, nil
}

// readObject walks through the object by hand: json.Unmarshal takes the last of two members, and those in other letters.
func readObject(body []byte, known []string) (url.Values, bool) {
	if !json.Valid(body) {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if opens, err := d.Token(); err != nil || opens != json.Delim('{') {
		return nil, false
	}
	members, seen := url.Values{}, map[string]bool{}
	for d.More() {
		token, err := d.Token()
		name, text := token.(string)
		var value json.RawMessage
		if err != nil || !text || seen[name] || d.Decode(&value) != nil {
			return nil, false
		}
		seen[name] = true
		if !slices.Contains(known, name) {
			continue
		}
		var content string
		if value[0] != '"' || json.Unmarshal(value, &content) != nil {
			return nil, false
		}
		members.Set(name, content)
	}
	return members, true
}
