package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/server/servertest"
)

// pagePosts are the forms that change something, with what they carry beside the token.
func pagePosts(s *servertest.Server) map[string]url.Values {
	sid := "ses_" + strings.Repeat("0", 26)
	return map[string]url.Values{
		"/device":             {"user_code": {"BBBB-BBBB"}},
		"/device/" + sid:      {"decision": {"approve"}},
		"/signin":             {"email": {"new@example.test"}},
		"/signin/code":        {"code": {"BCDFGH"}},
		"/signin/link":        {"t": {"x"}},
		"/signout":            {},
		"/account/end":        {"session": {sid}},
		"/account/end-others": {},
		"/devices/end":        {"t": {"x"}},
	}
}

func TestFormsAreTakenOnlyFromOurOwnPages(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 100})
	b, elsewhere, other := s.Browser(t), s.Browser(t), s.Browser(t)
	before := csrfOf(t, b)
	b.SignIn(mara)
	elsewhere.SignIn(mara)
	other.SignIn(omar)
	good := csrfOf(t, b)
	if before == good {
		t.Fatal("the token outlives the sign-in")
	}
	session := b.Cookie("hc_session")
	mails := mailsTo(t, s, "new@example.test")
	tokens := map[string][]string{
		"none": nil, "empty": {""}, "garbage": {"garbage"}, "two": {good, good}, "altered": {good[:len(good)-2] + "xx"},
		"of before the sign-in": {before}, "of another visitor": {csrfOf(t, other)}, "of her other browser": {csrfOf(t, elsewhere)},
	}
	for path, fields := range pagePosts(s) {
		for what, token := range tokens {
			page := b.Post(path, withToken(fields, token...))
			refused := page.Status == http.StatusForbidden || page.Status == http.StatusBadRequest
			if path == "/signin" && what == "of before the sign-in" { // another tab, which leads on and asks for nothing
				refused = page.URL.Path == "/account"
			}
			if !refused {
				t.Errorf("%s with the token %s: %d %s", path, what, page.Status, page.Text())
			}
		}
		for what, headers := range map[string][]string{
			"another site": {"Origin", "https://evil.example.test", "Sec-Fetch-Site", "cross-site"},
			"a sibling":    {"Origin", "http://sibling.127.0.0.1", "Sec-Fetch-Site", "same-site"},
			"a sandbox":    {"Origin", "null", "Sec-Fetch-Site", "cross-site"},
			"an old one":   {"Origin", "https://evil.example.test"},
			"another port": {"Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site"},
			"no origin":    {"Sec-Fetch-Site", "cross-site"},
		} {
			r := b.Request(http.MethodPost, path, withToken(fields, good))
			for i := 0; i < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			if page := b.Do(r); page.Status != http.StatusForbidden {
				t.Errorf("%s from %s: %d %s", path, what, page.Status, page.Text())
			}
		}
	}
	if b.Cookie("hc_session") != session {
		t.Error("the session changed")
	}
	wantPage(t, b.Open("/account"), http.StatusOK, "Signed in as "+mara)
	if n := mailsTo(t, s, "new@example.test"); n != mails {
		t.Errorf("%d mails went out", n-mails)
	}
	wantEvent(t, s, "session.end", "ok", 0)
}

func withToken(fields url.Values, token ...string) url.Values {
	form := url.Values{}
	for name, values := range fields {
		form[name] = values
	}
	if token != nil {
		form["csrf"] = token
	}
	return form
}

func TestFormsAreReadStrictly(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 100})
	b := s.Browser(t)
	b.SignIn(mara)
	csrf := csrfOf(t, b)
	many := url.Values{"csrf": {csrf}}
	for i := range 30 {
		many[strings.Repeat("f", i+1)] = []string{"x"}
	}
	for what, form := range map[string]url.Values{
		"doubled":       {"csrf": {csrf}, "user_code": {"BBBB-BBBB", "CCCC-CCCC"}},
		"not UTF-8":     {"csrf": {csrf}, "user_code": {"\xff\xfe"}},
		"a NUL":         {"csrf": {csrf}, "user_code": {"BBBB\x00BBBB"}},
		"a line break":  {"csrf": {csrf}, "user_code": {"BBBB\r\nBBBB"}},
		"5 kB":          {"csrf": {csrf}, "user_code": {strings.Repeat("B", 5000)}},
		"thirty fields": many,
		"a megabyte":    {"csrf": {csrf}, "user_code": {strings.Repeat("B", 1<<20)}},
	} {
		if page := b.Post("/device", form); page.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", what, page.Status, page.Text())
		}
	}
	for kind, body := range map[string]string{
		"application/json":         `{"csrf":"` + csrf + `","user_code":"BBBB-BBBB"}`,
		"text/plain":               "csrf=" + csrf + "&user_code=BBBB-BBBB",
		"multipart/form-data":      "csrf=" + csrf,
		"application/octet-stream": "csrf=" + csrf,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Issuer+"/device", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Origin", s.Issuer)
		if page := b.Do(r); page.Status != http.StatusForbidden && page.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", kind, page.Status, page.Text())
		}
	}
	r := b.Request(http.MethodPost, "/device?csrf="+csrf+"&user_code=BBBB-BBBB", url.Values{})
	if page := b.Do(r); page.Status != http.StatusForbidden {
		t.Errorf("fields in the address: %d %s", page.Status, page.Text())
	}
}
