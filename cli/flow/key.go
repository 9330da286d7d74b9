package flow

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Key is what a device proves itself with (DPoP, RFC 9449): a session that was given to it is of no use to whoever has copied
// its refresh token alone. It signs with ES256.
type Key struct {
	private *ecdsa.PrivateKey
	x, y    string
}

var errNoKey = errors.New("this is no key of a device")

// NewKey makes a key.
func NewKey() (*Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the device's key: %w", err)
	}
	return keyOf(private)
}

// ReadKey reads what Encode wrote.
func ReadKey(text string) (*Key, error) {
	der, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, errNoKey
	}
	read, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errNoKey
	}
	private, ok := read.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, errNoKey
	}
	return keyOf(private)
}

func keyOf(private *ecdsa.PrivateKey) (*Key, error) {
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("write the device's key: %w", err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return &Key{private: private, x: encode(point[1:33]), y: encode(point[33:])}, nil
}

// Encode writes the key as one line. It is a secret.
func (k *Key) Encode() (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return "", fmt.Errorf("write the device's key: %w", err)
	}
	return base64.RawStdEncoding.EncodeToString(der), nil
}

// String hides the key.
func (*Key) String() string { return "key of the device, not shown" }

// Proof is the header DPoP for one request (RFC 9449 §4.2). nonce is the one that the receiver gave, if any; token is the access
// token that goes with the request, if any.
func (k *Key) Proof(method, address, nonce, token string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("make a proof: %w", err)
	}
	u.RawQuery, u.Fragment, u.RawFragment = "", "", ""
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": u.String(), "iat": time.Now().Unix()}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("make a proof: %w", err)
	}
	header := `{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"` + k.x + `","y":"` + k.y + `"}}`
	return k.sign([]byte(header), body)
}

// sign writes a JWS (RFC 7515 §7.1); the signature is two numbers of 32 bytes (RFC 7518 §3.4).
func (k *Key) sign(header, body []byte) (string, error) {
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(header) + "." + encode(body)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, k.private, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign a proof: %w", err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + encode(signature), nil
}

// bound tells whether an access token is bound to a key. The client looks into it for nothing else: what it may do is the
// server's to say.
func bound(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Confirmation *struct{} `json:"cnf"`
	}
	return err == nil && json.Unmarshal(body, &claims) == nil && claims.Confirmation != nil
}
