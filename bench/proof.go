package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"time"
)

// goalProof bounds what a proof adds to the refresh that it comes with.
var goalProof = goal{more: 0.1}

// wallet makes DPoP proofs (RFC 9449) for one server. Their nonce is asked for before each round.
type wallet struct {
	key    *ecdsa.PrivateKey
	header string
	nonce  string
}

func newWallet() (*wallet, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	encode := base64.RawURLEncoding.EncodeToString
	return &wallet{key: key, header: encode([]byte(`{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"` +
		encode(point[1:33]) + `","y":"` + encode(point[33:]) + `"}}`))}, nil
}

// proof is the header line for a request to the token endpoint.
func (w *wallet) proof(issuer string) (string, error) {
	claims, err := json.Marshal(map[string]any{
		"jti": rand.Text(), "htm": http.MethodPost, "htu": issuer + tokenPath, "iat": time.Now().Unix(), "nonce": w.nonce,
	})
	if err != nil {
		return "", err
	}
	input := w.header + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, w.key, sum[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return "DPoP: " + input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// verify checks signatures as the server checks those of proofs, on all cores at once.
func (w *wallet) verify(n int) error {
	sum := sha256.Sum256([]byte(w.header))
	signature, err := ecdsa.SignASN1(rand.Reader, w.key, sum[:])
	if err != nil {
		return err
	}
	return parallel(runtime.GOMAXPROCS(0), n, func(int, int) error {
		if !ecdsa.VerifyASN1(&w.key.PublicKey, sum[:], signature) {
			return errors.New("the signature is wrong")
		}
		return nil
	})
}

// proven compares a refresh that shows a proof with one that shows none.
func (s *station) proven(n int, refresh *kind) *kind {
	k := s.kind("refresh with a proof", n, s.refreshProven, refresh, goalProof)
	k.ready = func() { s.wallet.nonce = s.askForNonce() }
	return k
}

// refreshProven rotates the session whose turn it is, and shows a key.
func (s *station) refreshProven(c *conn, _ int) error {
	proof, err := s.wallet.proof(s.issuer)
	if err != nil {
		return err
	}
	one := <-s.sessions
	one.token, err = one.refresh(c, one.token, proof)
	s.sessions <- one
	return err
}

// askForNonce sends a proof without one. Without an answer the round fails at its first request.
func (s *station) askForNonce() string {
	s.wallet.nonce = ""
	c, err := dial(s.address)
	if err != nil {
		return ""
	}
	defer c.Close() //nolint:errcheck // it is read to the end
	proof, err := s.wallet.proof(s.issuer)
	if err != nil {
		return ""
	}
	if _, _, err := c.post(tokenPath, terminalAt(s.server, 0).pollForm("hcd_none"), proof); err != nil {
		return ""
	}
	return c.nonce
}
