package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks whose word on a client's address is believed.
type Proxies struct{ networks []netip.Prefix }

// ParseProxies reads addresses and CIDR blocks, separated by commas. Empty believes nobody.
func ParseProxies(text string) (Proxies, error) {
	var p Proxies
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(item)
		if err != nil {
			address, errAddress := netip.ParseAddr(item)
			if errAddress != nil {
				return Proxies{}, fmt.Errorf("trusted proxy %q: want an address or a CIDR block", item)
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		p.networks = append(p.networks, prefix.Masked())
	}
	return p, nil
}

func (p Proxies) trusts(a netip.Addr) bool {
	for _, network := range p.networks {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// Address returns the client's address: the peer's, unless that is a trusted proxy. Then X-Forwarded-For is read from the
// right, as far as trusted proxies vouch for it; whatever cannot be read ends the search at the last one that could.
func (p Proxies) Address(r *http.Request) netip.Addr {
	peer := peerAddress(r.RemoteAddr)
	if len(p.networks) == 0 || !p.trusts(peer) {
		return peer
	}
	said := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	client := peer
	for i := len(said) - 1; i >= 0; i-- {
		address, err := netip.ParseAddr(strings.TrimSpace(said[i]))
		if err != nil {
			return client
		}
		client = address.Unmap().WithZone("")
		if !p.trusts(client) {
			return client
		}
	}
	return client
}

func peerAddress(remote string) netip.Addr {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return netip.IPv6Unspecified()
	}
	return address.Unmap().WithZone("")
}

// network is what limits count: an IPv4 address, or the /64 of an IPv6 one, since a household has that many.
func network(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	prefix, err := a.Prefix(64)
	if err != nil {
		return a.String()
	}
	return prefix.String()
}

// networkOf is network for an address that was kept as text.
func networkOf(text string) string {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return text
	}
	return network(a)
}
