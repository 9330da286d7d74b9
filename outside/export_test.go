package outside

import (
	"context"
	"net"
	"net/http"
)

// What tests look at alone.
var (
	Judge = judge
	Read  = read
)

// DialForTest dials as the fetcher does.
func (f *Fetcher) DialForTest(ctx context.Context, network, address string) (net.Conn, error) {
	return f.client.Transport.(*http.Transport).DialContext(ctx, network, address)
}
