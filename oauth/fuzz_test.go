package oauth

import (
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/handclasp/handclasp/store"
)

func FuzzFingerprint(f *testing.F) {
	for _, text := range []string{"", strings.Repeat("a", 32), strings.Repeat("Z_-9", 32), strings.Repeat("a", 31) + "é"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if ValidFingerprint(text) && (len(text) < 32 || len(text) > 128 || url.QueryEscape(text) != text) {
			t.Fatalf("%q passes for a fingerprint", text)
		}
	})
}

// What passes for a redirect URI leads to https, to the person's own machine or into an app, and is what a browser takes it for.
func FuzzRedirectURI(f *testing.F) {
	for _, text := range []string{
		"https://app.example.test/back", "http://127.0.0.1/back", "http://[::1]", "test.example.app:/back", "javascript:alert(1)",
		"https://ann@app.example.test/", "https://app.example.test/#x", "http://127.0.0.1.example.test/", "https:///x", "a.b:",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if CheckRedirectURI(text) != nil {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.User != nil || u.Fragment != "" || strings.ContainsAny(text, "#* \t\r\n") {
			t.Fatalf("%q is taken", text)
		}
		own := u.Scheme == "http" && (strings.HasPrefix(u.Hostname(), "127.") || strings.Contains(u.Hostname(), ":"))
		if u.Scheme != "https" && !own && !strings.Contains(u.Scheme, ".") {
			t.Fatalf("%q is taken", text)
		}
		c := store.Client{RedirectURIs: []string{text}}
		if !isRegistered(text, c) || isRegistered(text+".evil.example.test", c) {
			t.Fatalf("%q is not itself, or has another behind it", text)
		}
	})
}

// Whatever a client says of itself is read or refused, and a name that passes can be written into a line.
func FuzzWhatAClientSays(f *testing.F) {
	for _, text := range []string{
		`{}`, `[]`, `{"client_name":"Board","redirect_uris":["https://board.example.test/back"]}`, `{"jwks":{"keys":[]}}`,
		`{"client_name":"\u202eboard"}`, `{"grant_types":null,"response_types":["code"]}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, refusal := readSaid([]byte(text))
		if refusal != nil {
			return
		}
		if CheckLabel(s.Name, NameMost) == nil && strings.ContainsFunc(s.Name, unicode.IsControl) {
			t.Fatalf("%q passes for a name", s.Name)
		}
		var c store.Client
		if s.readGrants(&c) == nil && len(c.Grants) == 0 {
			t.Fatalf("%q asks for no grant, and is taken", text)
		}
	})
}
