package oauth

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

const formType = "application/x-www-form-urlencoded"

func TestFormIsRefusedForItsShape(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body, kind, query, encoding string
		want                        string // the code; empty if the form is in order
	}{
		"in order":             {body: "grant_type=x&client_id=y", kind: formType},
		"with a charset":       {body: "a=b", kind: formType + "; charset=UTF-8"},
		"empty":                {kind: formType},
		"empty parameter":      {body: "a=", kind: formType},
		"no content type":      {body: "a=b", want: CodeInvalidRequest},
		"JSON":                 {body: "{}", kind: "application/json", want: CodeInvalidRequest},
		"multipart":            {body: "--x--", kind: "multipart/form-data; boundary=x", want: CodeInvalidRequest},
		"plain text":           {body: "a=b", kind: "text/plain", want: CodeInvalidRequest},
		"in the query":         {body: "a=b", kind: formType, query: "c=d", want: CodeInvalidRequest},
		"compressed":           {body: "a=b", kind: formType, encoding: "gzip", want: CodeInvalidRequest},
		"twice":                {body: "a=b&a=b", kind: formType, want: CodeInvalidRequest},
		"resource twice":       {body: "resource=a&resource=b", kind: formType, want: CodeInvalidTarget},
		"bad escape":           {body: "a=%zz", kind: formType, want: CodeInvalidRequest},
		"semicolon":            {body: "a=b;c=d", kind: formType, want: CodeInvalidRequest},
		"not UTF-8":            {body: "a=%ff%fe", kind: formType, want: CodeInvalidRequest},
		"name not UTF-8":       {body: "%ff=b", kind: formType, want: CodeInvalidRequest},
		"NUL":                  {body: "a=b%00", kind: formType, want: CodeInvalidRequest},
		"new line":             {body: "a=b%0d%0ac", kind: formType, want: CodeInvalidRequest},
		"100 parameters":       {body: manyParameters(100), kind: formType},
		"101 parameters":       {body: manyParameters(101), kind: formType, want: CodeInvalidRequest},
		"4 kB":                 {body: "a=" + strings.Repeat("b", 4<<10), kind: formType},
		"more than 4 kB":       {body: "a=" + strings.Repeat("b", 4<<10+1), kind: formType, want: CodeInvalidRequest},
		"long name":            {body: strings.Repeat("b", 4<<10+1) + "=a", kind: formType, want: CodeInvalidRequest},
		"token of 8 kB":        {body: "token=" + strings.Repeat("b", 8<<10), kind: formType},
		"token of over 8 kB":   {body: "refresh_token=" + strings.Repeat("b", 8<<10+1), kind: formType, want: CodeInvalidRequest},
		"content type garbage": {body: "a=b", kind: ";;;", want: CodeInvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth/token?"+c.query, strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.kind)
			if c.encoding != "" {
				r.Header.Set("Content-Encoding", c.encoding)
			}
			got := ""
			if err := checkForm(r); err != nil {
				got = err.(*Error).Code //nolint:errorlint // checkForm promises nothing else
			}
			if got != c.want {
				t.Errorf("checkForm = %q, want %q", got, c.want)
			}
		})
	}
}

func manyParameters(n int) string {
	form := url.Values{}
	for i := range n {
		form.Set("p"+strconv.Itoa(i), "x")
	}
	return form.Encode()
}

func TestPreferenceToWait(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]time.Duration{
		"wait=5": 5 * time.Second, `wait="5"`: 5 * time.Second, "WAIT = 5": 5 * time.Second,
		"respond-async, wait=7": 7 * time.Second, "wait=3600": 30 * time.Second, "wait=0": 0,
		"": 0, "wait": 0, "wait=": 0, "wait=-1": 0, "wait=1.5": 0, "wait=x": 0, "wait=99999999999999999999": 0,
		"waiting=5": 0, "wait=5;foo": 0, strings.Repeat(" ", 300) + "wait=5": 0,
	} {
		if got := preferWait(http.Header{"Prefer": {line}}, 30*time.Second); got != want {
			t.Errorf("Prefer: %q waits %s, want %s", line, got, want)
		}
	}
	if got := preferWait(http.Header{"Prefer": {"respond-async", "wait=4"}}, 30*time.Second); got != 4*time.Second {
		t.Errorf("a second line is not read: %s", got)
	}
}

func FuzzPreferWait(f *testing.F) {
	for _, line := range []string{"wait=5", `wait="30", respond-async`, "wait=-1", "=,=,=", "wait=\x00", strings.Repeat("wait=1,", 40)} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		const most = 30 * time.Second
		if got := preferWait(http.Header{"Prefer": {line}}, most); got < 0 || got > most || got%time.Second != 0 {
			t.Fatalf("Prefer: %q waits %s", line, got)
		}
	})
}
