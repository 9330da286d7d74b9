//go:build linux && (amd64 || arm64) && !android && !static

package keys

import (
	"bytes"
	"crypto/sha256"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func TestBothSignersMakeTheSameSignature(t *testing.T) {
	dir := t.TempDir()
	slow, fast := open(t, Options{Dir: dir, Signer: "go"}), open(t, Options{Dir: dir, Signer: "openssl"})
	if !strings.HasPrefix(fast.Backend(), "openssl 3.") {
		t.Fatalf("backend %q", fast.Backend())
	}
	if auto := open(t, Options{Dir: dir}); auto.Backend() != fast.Backend() {
		t.Errorf("auto takes %q", auto.Backend())
	}
	message := []byte("header.claims")
	a, err := slow.Current().Sign(message)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 10 {
				b, err := fast.Current().Sign(message)
				if err != nil || !bytes.Equal(a, b) {
					t.Errorf("another signature, error %v", err)
				}
			}
		})
	}
	wg.Wait()
}

func TestLibraryGetsItsMemoryBack(t *testing.T) {
	key := open(t, Options{Signer: "go"}).Current().key
	b, err := openLibcrypto()
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("message"))
	for i := range 200 {
		d, err := b.digester(key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.signDigest(&digest); err != nil {
			t.Fatal(err)
		}
		if i%50 == 0 {
			runtime.GC() // runs cleanups while others are being made; freeing twice would end the program
		}
	}
	runtime.GC()
}

func TestSignerServesGoJose(t *testing.T) {
	k := open(t, Options{Signer: "openssl"})
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: opaque{k.Current()}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign([]byte(`{"sub":"usr_1"}`))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	public, ok := k.Public(parsed.Signatures[0].Header.KeyID)
	if !ok {
		t.Fatal("the kid of the header is not known")
	}
	if _, err := parsed.Verify(public); err != nil {
		t.Error(err)
	}
}

// opaque is what a caller writes to use the key with go-jose.
type opaque struct{ s *Signing }

func (o opaque) Public() *jose.JSONWebKey {
	return &jose.JSONWebKey{Key: o.s.Signer().Public(), KeyID: o.s.KID, Algorithm: string(jose.RS256)}
}
func (o opaque) Algs() []jose.SignatureAlgorithm { return []jose.SignatureAlgorithm{jose.RS256} }
func (o opaque) SignPayload(payload []byte, _ jose.SignatureAlgorithm) ([]byte, error) {
	return o.s.Sign(payload)
}

func BenchmarkSignOpenSSL(b *testing.B) { benchmarkSign(b, "openssl") }
