package verify

import (
	"crypto/rsa"
	"errors"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// parseKeys reads a key set (RFC 7517 §5) and keeps the keys that sign access tokens. A set with none of them is a good
// one: the issuer has taken all of them back.
func parseKeys(body []byte) (map[string]*rsa.PublicKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || set.Keys == nil {
		return nil, errors.New("it is no key set")
	}
	keys := map[string]*rsa.PublicKey{}
	for _, text := range set.Keys {
		id, key := parseKey(text)
		if key == nil {
			continue // RFC 7517 §5: what is not understood is passed over
		}
		if _, taken := keys[id]; taken {
			return nil, errors.New("two keys have one name")
		}
		keys[id] = key
	}
	return keys, nil
}

// parseKey reads a public RSA key with a name that is meant to check RS256 signatures; nil if it is another.
func parseKey(text []byte) (id string, key *rsa.PublicKey) {
	var found jose.JSONWebKey
	if json.Unmarshal(text, &found) != nil || found.KeyID == "" || !meantFor(found, text, jose.RS256) {
		return "", nil
	}
	public, ok := found.Key.(*rsa.PublicKey)
	if !ok || !strongRSA(public) {
		return "", nil
	}
	return found.KeyID, public
}

// meantFor reports whether a key does not say of itself that it is for something else (RFC 7517 §4.2 to §4.4).
func meantFor(key jose.JSONWebKey, text []byte, algorithm jose.SignatureAlgorithm) bool {
	var meant struct {
		Operations []string `json:"key_ops"`
	}
	return json.Unmarshal(text, &meant) == nil && isMeantFor(key.Use, key.Algorithm, meant.Operations, algorithm)
}

func isMeantFor(use, says string, operations []string, algorithm jose.SignatureAlgorithm) bool {
	return (operations == nil || slices.Contains(operations, "verify")) && (use == "" || use == "sig") &&
		(says == "" || says == string(algorithm))
}

// strongRSA bounds a key from below by RFC 7518 §3.3, and from above so that checking it costs little.
func strongRSA(key *rsa.PublicKey) bool {
	bits := key.N.BitLen()
	return bits >= 2048 && bits <= 8192 && key.E > 2 && key.E%2 == 1
}
