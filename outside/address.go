package outside

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
)

// reserved is what no public server has, though it looks global (the IANA registries of special-purpose addresses), and
// every form of IPv6 that carries an IPv4 address, which a translator on the way would unwrap. 168.63.129.16 is the inside
// of a cloud that looks like the internet.
var reserved = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
)

// global is where IPv6 has its public addresses: whatever lies elsewhere is local, mapped, translated or not given out.
var global = netip.MustParsePrefix("2000::/3")

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, text := range list {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}

// Public reports whether an address is a server's on the internet.
func Public(a netip.Addr) bool {
	if a.Zone() != "" || a.Is6() && !global.Contains(a) { // mapped IPv4 addresses are not contained
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsValid()
}

func rooted(roots *x509.CertPool) *tls.Config {
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}
