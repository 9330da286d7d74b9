package verify

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// header is what is read of a JOSE header (RFC 7515 §4.1). What is not here is never used.
type header struct {
	Algorithm string          `json:"alg"`
	Type      string          `json:"typ"`
	KeyID     string          `json:"kid"`
	Critical  json.RawMessage `json:"crit"`
	Unencoded json.RawMessage `json:"b64"`
	Key       json.RawMessage `json:"jwk"`
}

// envelope is a JWS whose signature nobody has checked yet.
type envelope struct {
	header header
	input  string // what was signed
	parts  [3][]byte
	signed *jose.JSONWebSignature
}

// parse reads a JWS that one of these algorithms has signed: the header does not get to choose.
func parse(text string, most int, algorithms ...jose.SignatureAlgorithm) (envelope, error) {
	e, err := split(text, most)
	if err != nil {
		return envelope{}, err
	}
	if err := e.sign(algorithms); err != nil {
		return envelope{}, err
	}
	return e, nil
}

// split takes the compact serialization (RFC 7515 §7.1) apart, in its one strict form, so that no two texts are the same token.
func split(text string, most int) (envelope, error) {
	if len(text) > most {
		return envelope{}, errors.New("the token is too long")
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return envelope{}, errors.New("the token has not three parts")
	}
	var e envelope
	for i, part := range parts {
		var err error
		// The decoder passes over line breaks, which no token has.
		if e.parts[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil || strings.ContainsAny(part, "\r\n") {
			return envelope{}, errors.New("the token is not base64url")
		}
	}
	if err := json.Unmarshal(e.parts[0], &e.header); err != nil {
		return envelope{}, errors.New("the token's header cannot be read")
	}
	// No extension is understood here, so none may be critical (RFC 7515 §4.1.11).
	if e.header.Critical != nil || e.header.Unencoded != nil {
		return envelope{}, errors.New("the token's header has an extension that is not understood")
	}
	e.input = text[:strings.LastIndexByte(text, '.')]
	return e, nil
}

// sign reads the signature, if it is of one of these algorithms.
func (e *envelope) sign(algorithms []jose.SignatureAlgorithm) error {
	text := e.input + "." + base64.RawURLEncoding.EncodeToString(e.parts[2])
	signed, err := jose.ParseSignedCompact(text, algorithms)
	if err != nil {
		return fmt.Errorf("read the token: %w", err)
	}
	e.signed = signed
	return nil
}

// parseOfIssuer reads a JWT that only the issuer may have signed, and only as what it says it is: a type keeps each of the
// issuer's JWTs from being taken for another (RFC 8725 §3.11).
func parseOfIssuer(text string, most int, typ string) (envelope, error) {
	found, err := parse(text, most, jose.RS256)
	if err != nil {
		return envelope{}, err
	}
	if got := strings.ToLower(found.header.Type); got != typ && got != "application/"+typ {
		return envelope{}, fmt.Errorf("the token is no %s", typ)
	}
	if found.header.KeyID == "" {
		return envelope{}, errors.New("the token names no key")
	}
	return found, nil
}

// open checks the signature and only then reads what was signed.
func (e envelope) open(key, into any) error {
	payload, err := e.payload(key)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(payload, into); err != nil {
		return errors.New("the claims cannot be read")
	}
	return nil
}

func (e envelope) payload(key any) ([]byte, error) {
	payload, err := e.signed.Verify(key)
	if err != nil {
		return nil, errors.New("the signature is wrong")
	}
	if e.header.Algorithm != string(jose.PS256) {
		return payload, nil
	}
	// RFC 7518 §3.5 wants a salt as long as the hash; go-jose takes any.
	public, ok := key.(*rsa.PublicKey)
	sum := sha256.Sum256([]byte(e.input))
	if !ok || rsa.VerifyPSS(public, crypto.SHA256, sum[:], e.signed.Signatures[0].Signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) != nil {
		return nil, errors.New("the signature is wrong")
	}
	return payload, nil
}
