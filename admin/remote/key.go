package remote

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

const assertionLife = time.Minute

// Key is a client's private key, by which it proves itself (private_key_jwt).
type Key struct{ signer jose.Signer }

// ReadKey reads a private key: RSA, EC P-256 or Ed25519, as a JWK or as PKCS #8 in PEM. The error quotes nothing of it.
func ReadKey(text []byte) (*Key, error) {
	var key jose.JSONWebKey
	if block, _ := pem.Decode(text); block != nil {
		private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("want a private key in PEM, as PKCS #8")
		}
		key.Key = private
	} else if err := json.Unmarshal(text, &key); err != nil {
		return nil, errors.New("want a private key, as a JWK or in PEM")
	}
	algorithm, err := algorithmOf(key.Key)
	if err != nil {
		return nil, err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, nil)
	if err != nil {
		return nil, errors.New("the key cannot sign")
	}
	return &Key{signer}, nil
}

func algorithmOf(private any) (jose.SignatureAlgorithm, error) {
	switch k := private.(type) {
	case *rsa.PrivateKey:
		return jose.RS256, nil
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P256() {
			return jose.ES256, nil
		}
	case ed25519.PrivateKey:
		return jose.EdDSA, nil
	}
	return "", errors.New("want a private key: RSA, EC P-256 or Ed25519")
}

// prove adds an assertion, which is good once and at this server only (RFC 7523 §3).
func (k *Key) prove(form url.Values, clientID, server string) error {
	now := time.Now()
	text, err := jwt.Signed(k.signer).Claims(jwt.Claims{
		Issuer: clientID, Subject: clientID, Audience: jwt.Audience{server}, ID: store.RandomText(16),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(assertionLife)),
	}).Serialize()
	if err != nil {
		return fmt.Errorf("sign the client's assertion: %w", err)
	}
	form.Set("client_assertion_type", oauth.AssertionType)
	form.Set("client_assertion", text)
	return nil
}
