package flow

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// cable is a connection that somebody may cut without either end hearing of it.
type cable struct {
	net.Conn
	cut *atomic.Bool
}

func (c cable) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for c.cut.Load() && err == nil { // what comes is lost
		n, err = c.Conn.Read(p)
	}
	return n, err
}

func TestAServerThatFellSilentIsToldFromOneThatHoldsItsAnswer(t *testing.T) {
	t.Parallel()
	release, asked := make(chan struct{}), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	var cut atomic.Bool
	// lay makes a way to the server whose pings have so long to be answered.
	lay := func(answer time.Duration) *http.Transport {
		transport, err := NewTransport(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(transport.CloseIdleConnections)
		transport.HTTP2.SendPingTimeout, transport.HTTP2.PingTimeout = 100*time.Millisecond, answer
		dial := transport.DialContext
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return cable{conn, &cut}, err
		}
		return transport
	}
	ask := func(transport *http.Transport) chan error {
		done := make(chan error, 1)
		go func() {
			got, err := (&Client{Transport: transport}).post(t.Context(), server.URL, nil, nil, time.Minute)
			if err == nil && got.status != http.StatusOK {
				err = io.ErrUnexpectedEOF
			}
			done <- err
		}()
		<-asked
		return done
	}

	held := ask(lay(time.Minute)) // a busy machine may be slow to answer
	select {
	case err := <-held:
		t.Fatalf("a held answer was given up: %v", err)
	case <-time.After(500 * time.Millisecond): // a few pings
	}
	release <- struct{}{}
	if err := <-held; err != nil {
		t.Fatal(err)
	}

	waiting := ask(lay(3 * time.Second))
	cut.Store(true)
	select {
	case err := <-waiting:
		if _, lost := errors.AsType[*UnreachableError](err); !lost {
			t.Errorf("a silent server: %v", err)
		}
	case <-time.After(40 * time.Second):
		t.Error("a silent server is waited for as if it held its answer")
	}
}
