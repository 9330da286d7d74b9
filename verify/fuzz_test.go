package verify

import (
	"crypto"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4/json"
)

func FuzzToken(f *testing.F) {
	const header = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6IngifQ" // {"alg":"RS256","typ":"at+jwt","kid":"x"}
	for _, text := range []string{"", "..", rfc7515JWS, header + ".e30.AA", header + ".e30.AB", header + ".e30.", header + "\n.e30.AA", header + ".e30.AA."} {
		f.Add(text)
	}
	id, key := parseKey([]byte(rfc7515Key))
	if id == "" {
		f.Fatal("the key is not read")
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, err := parseToken(text)
		if err != nil {
			if found.signed != nil {
				t.Fatalf("%q is refused and still gives something", text)
			}
			return
		}
		if found.header.Algorithm != "RS256" || found.header.KeyID == "" || found.header.Critical != nil {
			t.Fatalf("%q has the header %+v", text, found.header)
		}
		if again := rewrite(t, text); again != text {
			t.Fatalf("%q is also written %q", text, again)
		}
		if found.open(key, &claims{}) == nil {
			t.Fatalf("%q is signed by a key that nobody here has", text)
		}
	})
}

// rewrite decodes what passed and encodes it anew.
func rewrite(t *testing.T, text string) string {
	t.Helper()
	parts := strings.Split(text, ".")
	for i, part := range parts {
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = base64.RawURLEncoding.EncodeToString(decoded)
	}
	return strings.Join(parts, ".")
}

func FuzzClaims(f *testing.F) {
	for _, text := range []string{`{}`, `{"aud":"x"}`, `{"aud":["x"],"cnf":{"jkt":"y"}}`, `{"exp":1e9}`, `{"cnf":null}`, `[]`, `{"aud":["x"],"aud":"y"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		id, key := parseKey(text)
		if (id == "") != (key == nil) {
			t.Fatalf("%q is half a key", text)
		}
		if keys, err := parseKeys(text); err != nil && keys != nil {
			t.Fatalf("%q is refused and still gives keys", text)
		}
		var c claims
		if json.Unmarshal(text, &c) != nil || len(c.Audience) == 0 {
			return
		}
		if token, err := c.token(); err == nil && (c.Bound != nil) != (token.Confirmation != "") {
			t.Fatalf("%q loses its binding", text)
		}
	})
}

func FuzzProof(f *testing.F) {
	for _, text := range []string{rfc9449Proof, rfc9449Resource, rfc7515JWS, rfc9449Head + "..", rfc9449Head + ".e30.AA"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		shown, err := parseProof(text)
		if err != nil {
			if shown != (Proof{}) {
				t.Fatalf("%q is refused and still gives %+v", text, shown)
			}
			return
		}
		if len(shown.Thumbprint) != 43 {
			t.Fatalf("%q has the thumbprint %q", text, shown.Thumbprint)
		}
		// ES256 has a way of its own, which lets nothing pass that the other one would not.
		found, err := parse(text, mostTokenSize, proofAlgorithms...)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		var also Proof
		key, err := proofKey(found.header)
		if err != nil || found.open(key.Key, &also) != nil {
			t.Fatalf("%q passes where go-jose refuses it: %v", text, err)
		}
		print, err := key.Thumbprint(crypto.SHA256)
		if also.Thumbprint = base64.RawURLEncoding.EncodeToString(print); err != nil || also != shown {
			t.Fatalf("%q is %+v, and to go-jose %+v (%v)", text, shown, also, err)
		}
	})
}

func FuzzStatusList(f *testing.F) {
	for _, text := range []string{"eNrbuRgAAhcBXQ", "eNo76fITAAPfAgc", "", "eNo", "eJwDAAAAAAE"} {
		for _, bits := range []uint64{0, 1, 2, 4, 8, 16} {
			f.Add(bits, text, uint64(7))
		}
	}
	f.Fuzz(func(t *testing.T, bits uint64, text string, index uint64) {
		c := listClaims{Expires: 1}
		c.List.Bits, c.List.Text = bits, text
		list, err := c.list()
		if err != nil {
			if list.has(index) {
				t.Fatalf("%q is refused and still has a status", text)
			}
			return
		}
		if len(list.bytes) > mostList {
			t.Fatalf("%q becomes %d bytes", text, len(list.bytes))
		}
		if most := uint64(len(list.bytes)) * 8 / list.bits; list.has(index) != (index < most) || list.has(most) {
			t.Fatalf("a list of %d statuses is said to have number %d, or %d", most, index, most)
		}
		if list.has(index) && list.at(index)>>list.bits != 0 && list.bits < 8 {
			t.Fatalf("status %d has more than %d bits", list.at(index), list.bits)
		}
	})
}

func FuzzURL(f *testing.F) {
	for _, text := range []string{"https://h.test/a/../%2e%7E%2f", "http://[::1]:80", "https://h.test:443/%", "HTTP://H.test/a?b#c", "//x", "https://h.test/%2E%2E/%252e"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.Parse(text)
		if err != nil {
			return
		}
		once := normal(u)
		if once == "" {
			return
		}
		again, err := url.Parse(once)
		if err != nil {
			t.Fatalf("%q becomes %q, which is no URL: %v", text, once, err)
		}
		if twice := normal(again); twice != once {
			t.Fatalf("%q becomes %q and then %q", text, once, twice)
		}
		if strings.ContainsAny(once, "?#") {
			t.Fatalf("%q becomes %q", text, once)
		}
	})
}
