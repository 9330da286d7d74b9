package flow

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestOwnAuthorityIsTrustedOnlyWhenNamed(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	ask := func(caFile string) error {
		transport, err := NewTransport(caFile)
		if err != nil {
			return err
		}
		defer transport.CloseIdleConnections()
		_, err = (&Client{Issuer: server.URL, Transport: transport}).Discover(t.Context())
		return err
	}
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](ask("")); !unknown {
		t.Error("a stranger's certificate was accepted")
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, answered := errors.AsType[*NotServerError](ask(file)); !answered {
		t.Error("the named authority is not trusted")
	}
	if err := os.WriteFile(file, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if ask(file) == nil {
		t.Error("a file without a certificate was accepted")
	}
}
