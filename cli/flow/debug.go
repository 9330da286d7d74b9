package flow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// shown are the members whose values are no secret, of requests and of answers. All
// others are hidden: a list of secrets would miss the next one.
var shown = map[string]bool{
	"grant_type": true, "client_id": true, "scope": true, "resource": true, "device_name": true,
	"device_platform": true, "access_token_type": true, "token_type_hint": true, "token_type": true, "expires_in": true, "interval": true,
	"error": true, "error_description": true, "reason": true, "issuer": true, "verification_uri": true,
}

// Debug tells on w what passes through a transport, one line a request and one an
// answer, without the value of any token, code or fingerprint.
func Debug(next http.RoundTripper, w io.Writer) http.RoundTripper {
	return &debug{next: next, w: w}
}

type debug struct {
	next http.RoundTripper
	w    io.Writer
}

// RoundTrip carries the request and tells about it.
func (d *debug) RoundTrip(req *http.Request) (*http.Response, error) {
	d.line("> %s %s %s", req.Method, bare(req.URL), d.form(req))
	started := time.Now()
	res, err := d.next.RoundTrip(req)
	took := time.Since(started).Round(time.Millisecond)
	if err != nil {
		d.line("< failed after %s: %s", took, err)
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, answerLimit+1))
	_ = res.Body.Close() // its bytes are already here
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	d.line("< %d after %s %s %s", res.StatusCode, took, applied(res.Header), members(body))
	return res, nil
}

func (d *debug) line(format string, args ...any) {
	text := Clean(strings.TrimSpace(fmt.Sprintf(format, args...)))
	_, _ = fmt.Fprintln(d.w, "debug:", text) // nothing can be done about a closed stderr
}

// form reads the form of a request through its copy.
func (d *debug) form(req *http.Request) string {
	if req.GetBody == nil {
		return ""
	}
	body, err := req.GetBody()
	if err != nil {
		return ""
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return ""
	}
	values, err := url.ParseQuery(string(raw))
	if err != nil {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		parts = append(parts, name+"="+visible(name, values.Get(name)))
	}
	return strings.Join(parts, " ")
}

func members(body []byte) string {
	var object map[string]any
	if json.Unmarshal(body, &object) != nil {
		return fmt.Sprintf("(%d bytes)", len(body))
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(object)) {
		parts = append(parts, name+"="+visible(name, fmt.Sprint(object[name])))
	}
	return strings.Join(parts, " ")
}

func visible(name, value string) string {
	if shown[name] {
		return value
	}
	return "[hidden]"
}

func applied(header http.Header) string {
	if value := header.Get("Preference-Applied"); value != "" {
		return "preference-applied=" + value
	}
	return ""
}

// bare is an address without its query, where codes stand.
func bare(u *url.URL) string {
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}
