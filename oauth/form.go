package oauth

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds of a form. The server bounds the body itself.
const (
	mostParameters    = 100
	mostParameterSize = 4 << 10
	mostTokenSize     = 8 << 10
)

// checkForm parses the body of an OAuth request and refuses what Fosite would let through: another content type,
// parameters in the query, given twice (RFC 6749 §3.2), too many, too long or not UTF-8.
func checkForm(r *http.Request) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return refuse(CodeInvalidRequest, "the body must be application/x-www-form-urlencoded")
	}
	if r.URL.RawQuery != "" {
		return refuse(CodeInvalidRequest, "parameters belong in the body, not in the query")
	}
	if r.Header.Get("Content-Encoding") != "" {
		return refuse(CodeInvalidRequest, "a compressed body is not accepted")
	}
	if err := r.ParseForm(); err != nil {
		return &Error{Code: CodeInvalidRequest, Hint: "the form cannot be read, or is too large", Cause: err}
	}
	if len(r.PostForm) > mostParameters {
		return refuse(CodeInvalidRequest, "too many parameters")
	}
	for name, values := range r.PostForm {
		if err := checkParameter(name, values); err != nil {
			return err
		}
	}
	return nil
}

func checkParameter(name string, values []string) error {
	most := mostParameterSize
	switch name {
	case "token", "refresh_token", "client_assertion", "id_token_hint":
		most = mostTokenSize
	case "resource":
		if len(values) > 1 { // RFC 8707 §2 allows several; one token has one audience here
			return refuse(CodeInvalidTarget, "name one resource at a time")
		}
	}
	if len(values) > 1 {
		return refuse(CodeInvalidRequest, "a parameter was given twice")
	}
	if len(name) > mostParameterSize || len(values[0]) > most {
		return refuse(CodeInvalidRequest, "a parameter is too long")
	}
	if !plain(name) || !plain(values[0]) {
		return refuse(CodeInvalidRequest, "a parameter holds control characters or is not UTF-8")
	}
	return nil
}

func plain(text string) bool { return utf8.ValidString(text) && !strings.ContainsFunc(text, isControl) }

func isControl(c rune) bool { return c < 0x20 || c == 0x7f }

// preferWait reads the longest wait that the client asks for (RFC 7240 §4.3), at most most; zero if it asks for none or
// in a way that cannot be read, since a preference may always be ignored.
func preferWait(h http.Header, most time.Duration) time.Duration {
	for _, line := range h.Values("Prefer") {
		if len(line) > 200 {
			continue
		}
		for preference := range strings.SplitSeq(line, ",") {
			name, value, ok := strings.Cut(strings.TrimSpace(preference), "=")
			if !ok || !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 16)
			if err != nil {
				return 0
			}
			return min(time.Duration(seconds)*time.Second, most)
		}
	}
	return 0
}
