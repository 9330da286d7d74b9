package store

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// Letters are what people are given to type: no vowels, so that no code is a word, and no look-alikes (RFC 8628 §6.1).
const Letters = "BCDFGHJKLMNPQRSTVWXZ"

// RandomLetters returns n of Letters, each as likely as any other: bytes that would favour some are thrown away.
func RandomLetters(n int) string {
	const fair = 256 - 256%len(Letters)
	code := make([]byte, 0, n)
	var b [16]byte
	for len(code) < n {
		rand.Read(b[:])
		for _, c := range b {
			if int(c) < fair && len(code) < n {
				code = append(code, Letters[int(c)%len(Letters)])
			}
		}
	}
	return string(code)
}

// RandomText returns n random bytes in base64url without padding: 16 bytes are 22 characters, 32 are 43.
func RandomText(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails since Go 1.24: the program ends instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// Digest is the form in which secrets are kept and names are counted: SHA-256 in 43 characters of base64url, under a fixed
// prefix, so that a hash kept for one purpose is worth nothing for another. It never rotates.
func Digest(purpose, value string) string {
	sum := sha256.Sum256([]byte("handclasp/" + purpose + "/v1:" + value))
	var text [43]byte
	base64.RawURLEncoding.Encode(text[:], sum[:])
	return string(text[:])
}
