package verify

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// proofAlgorithms may sign a proof; all of them are asymmetric (RFC 9449 §4.3 no. 5).
var proofAlgorithms = []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256, jose.EdDSA}

const proofAlgorithmNames = "ES256 RS256 PS256 EdDSA"

// proof is a DPoP proof whose signature is good (RFC 9449 §4.2).
type proof struct {
	ID         string `json:"jti"`
	Method     string `json:"htm"`
	URL        string `json:"htu"`
	Issued     int64  `json:"iat"`
	AccessHash string `json:"ath"`

	thumbprint string // RFC 7638, SHA-256
}

// prove holds the binding of a token and the way in which it was shown against each other. A bound token without a proof
// is refused, and a free one under the scheme DPoP too: else a thief could strip or a client only imagine the protection
// (RFC 9449 §7.1, §7.2).
func (v *Verifier) prove(ctx context.Context, r *http.Request, scheme, text string, token Token) error {
	if token.Confirmation == "" {
		if scheme == schemeDPoP {
			return v.badToken(scheme, errors.New("the token is not bound to a key and came with the scheme DPoP"))
		}
		return nil
	}
	if scheme != schemeDPoP {
		return v.badToken(scheme, errors.New("the token is bound to a key and came as Bearer"))
	}
	shown, err := v.readProof(r)
	if err != nil {
		return v.badProof(err)
	}
	if shown.AccessHash != hash(text) {
		return v.badProof(errors.New("the proof is for another token"))
	}
	if subtle.ConstantTimeCompare([]byte(shown.thumbprint), []byte(token.Confirmation)) != 1 {
		return v.badToken(scheme, errors.New("the proof is of another key than the token"))
	}
	// Last, so that only good proofs are remembered. A jti is unique to its key only.
	first, err := v.replays.First(ctx, hash(shown.thumbprint+"."+shown.ID), time.Unix(shown.Issued, 0).Add(skew+time.Second))
	if err != nil {
		return v.unavailable(err)
	}
	if !first {
		return v.badProof(errors.New("the proof was used before"))
	}
	return nil
}

// readProof finds the proof of a request and checks it as RFC 9449 §4.3 lists it.
func (v *Verifier) readProof(r *http.Request) (proof, error) {
	values := r.Header.Values("DPoP")
	if len(values) != 1 {
		return proof{}, errors.New("want exactly one DPoP header")
	}
	shown, err := parseProof(values[0])
	if err != nil {
		return proof{}, err
	}
	now, issued := v.now(), time.Unix(shown.Issued, 0)
	switch {
	case shown.ID == "" || shown.Issued <= 0:
		return proof{}, errors.New("the proof lacks jti or iat")
	case shown.Method != r.Method:
		return proof{}, errors.New("the proof is for another method")
	case issued.Before(now.Add(-skew)) || issued.After(now.Add(skew)):
		return proof{}, errors.New("the proof is too old, or from the future")
	}
	told, err := url.Parse(shown.URL)
	if err != nil {
		return proof{}, errors.New("the proof names no URL")
	}
	if normal(told) == "" || normal(told) != normal(v.target(r)) {
		return proof{}, errors.New("the proof is for another URL")
	}
	return shown, nil
}

// parseProof reads a proof and checks that its own key has signed it.
func parseProof(text string) (proof, error) {
	found, err := parse(text, mostTokenSize, proofAlgorithms...)
	if err != nil {
		return proof{}, err
	}
	if !strings.EqualFold(found.header.Type, "dpop+jwt") {
		return proof{}, errors.New("the proof has another type")
	}
	key, err := proofKey(found.header)
	if err != nil {
		return proof{}, err
	}
	var shown proof
	if err := found.open(key.Key, &shown); err != nil {
		return proof{}, err
	}
	print, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return proof{}, errors.New("the proof's key has no thumbprint")
	}
	shown.thumbprint = base64.RawURLEncoding.EncodeToString(print)
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
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		if !strongRSA(public) {
			return jose.JSONWebKey{}, errors.New("the proof's key is too small or too large")
		}
	case *ecdsa.PublicKey:
		if public.Curve != elliptic.P256() {
			return jose.JSONWebKey{}, errors.New("the proof's key is on another curve")
		}
	}
	return key, nil
}

// target is the URL under which the client has made this request.
func (v *Verifier) target(r *http.Request) *url.URL {
	// What a handler before us has stripped from the path is still in the request line.
	asked := r.URL
	if line, err := url.ParseRequestURI(r.RequestURI); err == nil {
		asked = line
	}
	u := *v.url
	u.Path = strings.TrimSuffix(v.url.Path, "/") + asked.Path
	u.RawPath = strings.TrimSuffix(v.url.EscapedPath(), "/") + asked.EscapedPath()
	return &u
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (v *Verifier) badProof(cause error) *Refusal {
	return v.refuse(refusal{
		status: http.StatusUnauthorized, code: CodeInvalidProof, scheme: schemeDPoP, cause: cause,
		words: "the DPoP proof is missing, used, or not for this request",
	})
}
