package verify

import (
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// ProofAlgorithms are those that may sign a proof, as the parameter algs of a challenge names them (RFC 9449 §7.1). All of
// them are asymmetric (§4.3 no. 5).
const ProofAlgorithms = "ES256 RS256 PS256 EdDSA"

var proofAlgorithms = []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256, jose.EdDSA}

// Proof is a DPoP proof whose signature is good (RFC 9449 §4.2). Nothing else of it has been judged: not its age, not whether
// it was shown before, and not what it is for.
type Proof struct {
	ID         string `json:"jti"`
	Method     string `json:"htm"`
	URL        string `json:"htu"`
	Issued     int64  `json:"iat"`
	AccessHash string `json:"ath"`
	Nonce      string `json:"nonce"`

	Thumbprint string `json:"-"` // of its key (RFC 7638, SHA-256)
}

// ReadProof finds the one proof of a request and checks that its own key has signed it (RFC 9449 §4.3 no. 1 to 7). What it
// says must still be held against the request (Fits), the clock or a nonce, and the proofs that were shown before.
func ReadProof(h http.Header) (Proof, error) {
	values := h.Values("DPoP")
	if len(values) != 1 {
		return Proof{}, errors.New("want exactly one DPoP header")
	}
	shown, err := parseProof(values[0])
	if err == nil && (shown.ID == "" || shown.Issued <= 0) {
		err = errors.New("the proof lacks jti or iat")
	}
	if err != nil {
		return Proof{}, err
	}
	return shown, nil
}

// Fits refuses a proof that is for another request (RFC 9449 §4.3 no. 8 and 9). target is the URL under which the client has
// made this one; its query and fragment do not count.
func (p Proof) Fits(method string, target *url.URL) error {
	if p.Method != method {
		return errors.New("the proof is for another method")
	}
	told, err := url.Parse(p.URL)
	if err != nil {
		return errors.New("the proof names no URL")
	}
	if normal(told) == "" || normal(told) != normal(target) {
		return errors.New("the proof is for another URL")
	}
	return nil
}

// parseProof reads a proof and checks that its own key has signed it.
func parseProof(text string) (Proof, error) {
	found, err := split(text, mostTokenSize)
	if err != nil {
		return Proof{}, err
	}
	if !strings.EqualFold(found.header.Type, "dpop+jwt") {
		return Proof{}, errors.New("the proof has another type")
	}
	if found.header.Algorithm == string(jose.ES256) {
		return parseES256(found)
	}
	if err := found.sign(proofAlgorithms); err != nil {
		return Proof{}, err
	}
	key, err := proofKey(found.header)
	if err != nil {
		return Proof{}, err
	}
	var shown Proof
	if err := found.open(key.Key, &shown); err != nil {
		return Proof{}, err
	}
	print, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return Proof{}, errors.New("the proof's key has no thumbprint")
	}
	shown.Thumbprint = base64.RawURLEncoding.EncodeToString(print)
	return shown, nil
}

// privateMembers are those of a key that nobody may show (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}

// proofKey reads the key that a proof brings along: a public one, and one that fits the algorithm.
func proofKey(h header) (jose.JSONWebKey, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(h.Key, &members); err != nil {
		return jose.JSONWebKey{}, errors.New("the proof has no key")
	}
	for _, name := range privateMembers {
		if _, ok := members[name]; ok {
			return jose.JSONWebKey{}, errors.New("the proof shows a private key")
		}
	}
	var key jose.JSONWebKey
	if err := json.Unmarshal(h.Key, &key); err != nil {
		return jose.JSONWebKey{}, errors.New("the proof's key cannot be read")
	}
	if !key.Valid() || !key.IsPublic() || !meantFor(key, h.Key, jose.SignatureAlgorithm(h.Algorithm)) {
		return jose.JSONWebKey{}, errors.New("the proof's key is not for its signature")
	}
	if public, ok := key.Key.(*rsa.PublicKey); ok && !strongRSA(public) {
		return jose.JSONWebKey{}, errors.New("the proof's key is too small or too large")
	}
	return key, nil
}
