package outside

import (
	"context"
	"net"
	"net/http"
)

// Judge is judge.
var Judge = judge

// DialForTest dials as the fetcher does.
func (f *Fetcher) DialForTest(ctx context.Context, network, address string) (net.Conn, error) {
	return f.client.Transport.(*http.Transport).DialContext(ctx, network, address)
}
