package keys

import (
	"context"
	"crypto/rsa"
	"testing"
)

func open(tb testing.TB, o Options) *Keys {
	tb.Helper()
	if o.Dir == "" {
		o.Dir = tb.TempDir()
	}
	k, err := Open(context.Background(), o)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

var _ *rsa.PublicKey

func benchmarkSign(b *testing.B, signer string) {
	s := open(b, Options{Signer: signer}).Current()
	message := make([]byte, 500)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Sign(message); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSign(b *testing.B) {
	for _, signer := range []string{"go", "openssl"} {
		b.Run(signer, func(b *testing.B) { benchmarkSign(b, signer) })
	}
}
