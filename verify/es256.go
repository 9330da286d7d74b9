package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/big"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// ES256 is what nearly every proof is signed with, and every request of a client brings one. So it has a way of its own, on
// which the header is read once and the key once, and little is left of the time but the signature itself.

// ecKey are the members of a key on a curve that count (RFC 7518 §6.2.1, RFC 7517 §4), and those that nobody may show: the
// names of privateMembers, each.
type ecKey struct {
	Type       string   `json:"kty"`
	Curve      string   `json:"crv"`
	X          string   `json:"x"`
	Y          string   `json:"y"`
	Use        string   `json:"use"`
	Operations []string `json:"key_ops"`
	Algorithm  string   `json:"alg"`

	D    json.RawMessage `json:"d"`
	P    json.RawMessage `json:"p"`
	Q    json.RawMessage `json:"q"`
	DP   json.RawMessage `json:"dp"`
	DQ   json.RawMessage `json:"dq"`
	QI   json.RawMessage `json:"qi"`
	Oth  json.RawMessage `json:"oth"`
	K    json.RawMessage `json:"k"`
	Priv json.RawMessage `json:"priv"`
}

// parseES256 checks and reads a proof that says of itself that it is signed with ES256 (RFC 7518 §3.4).
func parseES256(e envelope) (Proof, error) {
	key, print, err := readEC(e.header.Key)
	if err != nil {
		return Proof{}, err
	}
	if !e.isSigned(key) {
		return Proof{}, errors.New("the signature is wrong")
	}
	var shown Proof
	if err := json.Unmarshal(e.parts[1], &shown); err != nil {
		return Proof{}, errors.New("the claims cannot be read")
	}
	shown.Thumbprint = print
	return shown, nil
}

// isSigned takes the two numbers of a signature in 32 bytes each, and in no other form.
func (e envelope) isSigned(key *ecdsa.PublicKey) bool {
	signature, sum := e.parts[2], sha256.Sum256([]byte(e.input))
	return len(signature) == 64 &&
		ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}

// readEC reads a public key of P-256 and its thumbprint (RFC 7638 §3.2).
func readEC(text []byte) (*ecdsa.PublicKey, string, error) {
	var k ecKey
	if err := json.Unmarshal(text, &k); err != nil {
		return nil, "", errors.New("the proof's key cannot be read")
	}
	for _, private := range []json.RawMessage{k.D, k.P, k.Q, k.DP, k.DQ, k.QI, k.Oth, k.K, k.Priv} {
		if private != nil {
			return nil, "", errors.New("the proof shows a private key")
		}
	}
	if k.Type != "EC" || k.Curve != "P-256" || !isMeantFor(k.Use, k.Algorithm, k.Operations, jose.ES256) {
		return nil, "", errors.New("the proof's key is not for its signature")
	}
	x, errX := base64.RawURLEncoding.Strict().DecodeString(k.X)
	y, errY := base64.RawURLEncoding.Strict().DecodeString(k.Y)
	if errX != nil || errY != nil || len(x) != 32 || len(y) != 32 {
		return nil, "", errors.New("the proof's key cannot be read")
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil, "", errors.New("the proof's key is no point of its curve")
	}
	encode := base64.RawURLEncoding.EncodeToString
	return key, hash(`{"crv":"P-256","kty":"EC","x":"` + encode(x) + `","y":"` + encode(y) + `"}`), nil
}
