package oauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// The bounds of a client's keys: an assertion without kid is tried with each of them, by anybody.
const (
	mostKeys    = 10
	leastRSABit = 2048
	mostRSABits = 4096
)

// ReadKeys reads a JSON Web Key Set (RFC 7517) of keys that a client will prove itself with, and returns it as it is to be
// kept: public keys alone, and nothing that is not looked at.
func ReadKeys(text []byte) (string, error) {
	var entries struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &entries); err != nil {
		return "", fmt.Errorf("want a JSON Web Key Set: %w", err)
	}
	if len(entries.Keys) == 0 || len(entries.Keys) > mostKeys {
		return "", fmt.Errorf("want a JSON Web Key Set of 1 to %d keys, have %d", mostKeys, len(entries.Keys))
	}
	var set jose.JSONWebKeySet
	names := map[string]bool{}
	for i, entry := range entries.Keys {
		var key jose.JSONWebKey
		if err := json.Unmarshal(entry, &key); err != nil {
			return "", fmt.Errorf("key %d cannot be read", i+1) // the cause may quote it, and it may be a private one
		}
		if err := checkKey(key); err != nil {
			return "", fmt.Errorf("key %d: %w", i+1, err)
		}
		if key.KeyID != "" && names[key.KeyID] {
			return "", fmt.Errorf("key %d: its kid is another one's too", i+1)
		}
		names[key.KeyID] = true
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Key, KeyID: key.KeyID, Algorithm: key.Algorithm, Use: "sig"})
	}
	kept, err := json.Marshal(set)
	return string(kept), err
}

func checkKey(key jose.JSONWebKey) error {
	if !key.IsPublic() {
		return errors.New("is no public key; keep the private half to the client")
	}
	if key.Use != "" && key.Use != "sig" {
		return errors.New("is not for signatures (use)")
	}
	if len(key.KeyID) > 256 || !plain(key.KeyID) {
		return errors.New("its kid is too long, or has characters that cannot be seen")
	}
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < leastRSABit || bits > mostRSABits {
			return fmt.Errorf("has %d bits, want %d to %d", bits, leastRSABit, mostRSABits)
		}
		return checkAlg(key.Algorithm, jose.RS256, jose.PS256)
	case *ecdsa.PublicKey:
		if public.Curve != elliptic.P256() {
			return errors.New("want the curve P-256")
		}
		return checkAlg(key.Algorithm, jose.ES256)
	case ed25519.PublicKey:
		return checkAlg(key.Algorithm, jose.EdDSA)
	default:
		return errors.New("want RSA, EC P-256 or Ed25519")
	}
}

func checkAlg(alg string, fitting ...jose.SignatureAlgorithm) error {
	if alg == "" {
		return nil
	}
	for _, fits := range fitting {
		if alg == string(fits) {
			return nil
		}
	}
	return fmt.Errorf("its alg must be one of %v", fitting)
}

// KeyLines says for people what keys there are: kind, size and name of each.
func KeyLines(jwks string) []string {
	var lines []string
	for _, key := range keysOf(jwks) {
		kind := "Ed25519"
		switch public := key.Key.(type) {
		case *rsa.PublicKey:
			kind = fmt.Sprintf("RSA %d", public.N.BitLen())
		case *ecdsa.PublicKey:
			kind = "EC P-256"
		}
		if key.KeyID != "" {
			kind += "  " + key.KeyID
		}
		lines = append(lines, kind)
	}
	return lines
}

// keysOf reads what ReadKeys has kept. What cannot be read is no key, and proves nobody.
func keysOf(jwks string) []jose.JSONWebKey {
	var set jose.JSONWebKeySet
	if jwks == "" || json.Unmarshal([]byte(jwks), &set) != nil {
		return nil
	}
	return set.Keys
}
