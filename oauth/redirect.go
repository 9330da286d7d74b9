package oauth

import (
	"slices"
	"strconv"
	"strings"

	"github.com/handclasp/handclasp/store"
)

// isRegistered reports whether a client has registered this redirect URI: to the letter (RFC 9700 §2.1), but for the port of a
// loopback address, which a program takes as it finds it (RFC 8252 §7.3). A looser reading would take what a browser reads otherwise.
func isRegistered(redirect string, c store.Client) bool {
	if redirect == "" {
		return false
	}
	whole, free := portless(redirect)
	return slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		if registered == redirect {
			return true
		}
		bare, ok := portless(registered)
		return free && ok && bare == whole
	})
}

// portless is a loopback address without its port; ok is false for every other one.
func portless(address string) (bare string, ok bool) {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, ours := strings.CutPrefix(address, host)
		if !ours {
			continue
		}
		if port, hasPort := strings.CutPrefix(rest, ":"); hasPort {
			end := strings.IndexFunc(port, func(r rune) bool { return r < '0' || r > '9' })
			if end < 0 {
				end = len(port)
			}
			if _, err := strconv.ParseUint(port[:end], 10, 16); err != nil {
				return "", false
			}
			rest = port[end:]
		}
		return host + rest, rest == "" || rest[0] == '/' || rest[0] == '?'
	}
	return "", false
}
