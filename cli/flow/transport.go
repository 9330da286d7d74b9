package flow

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"
)

// A server that fell silent without a word (its machine gone, a sleep, a change of networks) is told from one that holds its
// answer by pings, which HTTP/2 has.
const (
	silence = 10 * time.Second // of a connection in use until it is asked
	echo    = 5 * time.Second  // for its answer
)

// NewTransport carries requests as everywhere (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE)
// and trusts the authorities in caFile besides the system's own, if one is named.
func NewTransport(caFile string) (*http.Transport, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: silence, PingTimeout: echo}
	if caFile == "" {
		return transport, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("read authorities: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read authorities: no certificate in %s", caFile)
	}
	transport.TLSClientConfig.RootCAs = pool
	return transport, nil
}
