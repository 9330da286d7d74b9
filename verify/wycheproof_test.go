package verify

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/c2sp/wycheproof"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// TestWycheproof shows both parsers signatures that others have fallen for. A group's key goes the way that it would go
// here: RS256 keys through a key set, those of proofs through the header.
func TestWycheproof(t *testing.T) {
	t.Parallel()
	text, err := fs.ReadFile(wycheproof.TestVectors, "json_web_signature_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Groups []struct {
			Comment string          `json:"comment"`
			Public  json.RawMessage `json:"public"`
			Tests   []struct {
				ID      int    `json:"tcId"`
				Comment string `json:"comment"`
				JWS     string `json:"jws"`
				Result  string `json:"result"`
			} `json:"tests"`
		} `json:"testGroups"`
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	judged := map[string]int{}
	for _, group := range vectors.Groups {
		var key struct {
			Algorithm string `json:"alg"`
			Type      string `json:"kty"`
		}
		if len(group.Public) == 0 {
			continue // a shared secret
		}
		if err := json.Unmarshal(group.Public, &key); err != nil {
			t.Fatal(err)
		}
		for _, test := range group.Tests {
			good := opensAsToken(group.Public, test.JWS)
			want := test.Result == "valid" && key.Algorithm == string(jose.RS256)
			if good != want {
				t.Errorf("%s %d %s: as a token %t, want %t", group.Comment, test.ID, test.Comment, good, want)
			}
			if !slices.Contains(proofAlgorithms, jose.SignatureAlgorithm(key.Algorithm)) {
				key.Algorithm = ""
			}
			// The PS256 key of RFC 7520 has signed its figure 20 with PS384, which the vectors call valid.
			want = test.Result == "valid" && key.Algorithm != "" && test.Comment != "Figure20"
			if good := opensAsProof(group.Public, test.JWS); good != want {
				t.Errorf("%s %d %s: as a proof %t, want %t", group.Comment, test.ID, test.Comment, good, want)
			}
			judged[test.Result]++
		}
	}
	if judged["valid"] < 30 || judged["invalid"] < 200 {
		t.Errorf("only %v were judged; the search is broken", judged)
	}
}

// opensAsToken reports whether a signature is taken from an issuer that publishes this key.
func opensAsToken(key json.RawMessage, text string) bool {
	_, public := parseKey(key)
	found, err := parse(text, mostTokenSize, jose.RS256)
	return public != nil && err == nil && opens(found, public)
}

// opensAsProof reports whether a signature is taken from a client that shows this key.
func opensAsProof(key json.RawMessage, text string) bool {
	found, err := split(text, mostTokenSize)
	if err != nil {
		return false
	}
	if found.header.Algorithm == string(jose.ES256) {
		public, _, err := readEC(key)
		return err == nil && found.isSigned(public)
	}
	if found.sign(proofAlgorithms) != nil {
		return false
	}
	public, err := proofKey(header{Algorithm: found.header.Algorithm, Key: key})
	return err == nil && opens(found, public.Key)
}

// opens looks at the signature alone: the vectors sign texts that are no claims.
func opens(e envelope, key any) bool {
	_, err := e.payload(key)
	return err == nil
}
