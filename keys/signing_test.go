package keys

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// oddBackend is a library that misbehaves.
type oddBackend struct{ sign func() ([]byte, error) }

func (oddBackend) name() string                                 { return "odd" }
func (b oddBackend) digester(*rsa.PrivateKey) (digester, error) { return b, nil }

func (b oddBackend) signDigest(*[sha256.Size]byte) ([]byte, error) { return b.sign() }

func TestSignerThatFailsItsTestIsNotUsed(t *testing.T) {
	k := open(t, Options{Signer: "go"})
	key := k.Current().key
	wrong := oddBackend{func() ([]byte, error) { return make([]byte, 256), nil }}
	s, err := newSigning("kid", key, wrong, slog.New(slog.DiscardHandler))
	if err == nil || s.fast != nil {
		t.Fatalf("a wrong signature passed the test: %v", err)
	}
	if err := agree(goDigester{s}, key); err != nil {
		t.Errorf("Go's own RSA does not take over: %v", err)
	}
}

func TestSignerThatFailsLaterGivesWayToGo(t *testing.T) {
	var log bytes.Buffer
	s := &Signing{
		KID:  "kid",
		key:  open(t, Options{Signer: "go"}).Current().key,
		fast: oddBackend{func() ([]byte, error) { return nil, errors.New("broken") }},
		log:  slog.New(slog.NewTextHandler(&log, nil)),
	}
	for range 3 {
		if err := agree(goDigester{s}, s.key); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "broken"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

// goDigester lets agree look at a whole Signing.
type goDigester struct{ *Signing }

func TestGoIsNamedWhenItSigns(t *testing.T) {
	if name := open(t, Options{Signer: "go"}).Backend(); name != "go" {
		t.Errorf("backend %q", name)
	}
}

func benchmarkSign(b *testing.B, signer string) {
	s := open(b, Options{Signer: signer}).Current()
	message := make([]byte, 500)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Sign(message); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSignGo(b *testing.B) { benchmarkSign(b, "go") }
