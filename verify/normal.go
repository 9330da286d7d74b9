package verify

import (
	"net/url"
	"strings"
)

// normal writes a URL without query and fragment in the one form that all equivalent ones have (RFC 3986 §6.2.2 and
// §6.2.3, which RFC 9449 §4.3 asks for). It is empty for what is no address of an HTTP server.
func normal(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname())
	if scheme != "http" && scheme != "https" || host == "" || strings.Contains(host, "%") || u.User != nil { // no name holds a %
		return ""
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port := u.Port(); port != "" && port != map[string]string{"http": "80", "https": "443"}[scheme] {
		host += ":" + port
	}
	return scheme + "://" + host + withoutDots(plainEscapes(u.EscapedPath()))
}

// plainEscapes decodes the escapes that nobody needs and writes the others in capitals.
func plainEscapes(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			b.WriteByte(path[i])
			continue
		}
		code := path[i : i+3]
		i += 2
		// Only what url.Parse took for an escape comes here, so this cannot fail.
		letter, err := url.PathUnescape(code)
		if err == nil && unreserved(letter[0]) {
			b.WriteString(letter)
			continue
		}
		b.WriteString(strings.ToUpper(code))
	}
	return b.String()
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// withoutDots removes the segments . and .. (RFC 3986 §5.2.4).
func withoutDots(path string) string {
	kept := []string{}
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch segment {
		case ".", "..":
			if segment == ".." && len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, segment)
		}
	}
	return "/" + strings.Join(kept, "/")
}
