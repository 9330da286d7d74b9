package flow

import (
	"errors"
	"strings"
	"testing"
)

func TestIssuerHasOneForm(t *testing.T) {
	for typed, want := range map[string]string{
		"https://login.example.test":          "https://login.example.test",
		"\thttps://Login.Example.test/\n":     "https://login.example.test",
		"HTTPS://login.example.test:8443/":    "https://login.example.test:8443",
		"https://login.example.test/realm/":   "https://login.example.test/realm",
		"http://127.0.0.1:8080":               "http://127.0.0.1:8080",
		"http://[::1]:8080/":                  "http://[::1]:8080",
		"http://localhost:8080":               "http://localhost:8080",
		"http://login.example.test":           "",
		"http://127.0.0.1.example.test":       "",
		"login.example.test":                  "",
		"ftp://login.example.test":            "",
		"https://":                            "",
		"https://sam:x@login.example.test":    "",
		"https://login.example.test?tenant=1": "",
		"https://login.example.test#x":        "",
		"":                                    "",
	} {
		got, err := ParseIssuer(typed)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q became %q, %v; want %q", typed, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), ":x@") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
}

func TestAddressesBelongToTheIssuer(t *testing.T) {
	for _, c := range []struct {
		issuer, address string
		good            bool
	}{
		{"https://login.example.test", "https://login.example.test/device", true},
		{"https://login.example.test", "https://LOGIN.example.test:443/device", true},
		{"https://login.example.test", "https://login.example.test:444/device", false},
		{"https://login.example.test", "http://login.example.test/device", false},
		{"https://login.example.test", "https://login.example.test@evil.test/device", false},
		{"https://login.example.test", "https://evil.test/login.example.test", false},
		{"https://login.example.test", "javascript:alert(1)", false},
		{"https://login.example.test", "http://127.0.0.1/device", false},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080/device", true},
		{"http://127.0.0.1:8080", "http://localhost:9090/device", true},
		{"http://127.0.0.1:8080", "http://evil.test:8080/device", false},
	} {
		err := belongs(c.issuer, c.address)
		if (err == nil) != c.good || (err != nil && !errors.Is(err, ErrInsecure)) {
			t.Errorf("%s on %s: %v, want good %t", c.address, c.issuer, err, c.good)
		}
	}
}

func TestMetadataLiesBetweenHostAndPath(t *testing.T) {
	got, err := wellKnown("https://login.example.test/realm")
	if err != nil || got != "https://login.example.test/.well-known/oauth-authorization-server/realm" {
		t.Error(got, err)
	}
}

func TestCleanTextCannotPaint(t *testing.T) {
	if got := Clean("a\x1b[31mb\r\n\u202ec\u200bd\x9be\xff"); got != "a[31mbcde" {
		t.Errorf("%q", got)
	}
	if got := Clean("Zoë 日本 \u05d0"); got != "Zoë 日本 \u05d0" {
		t.Errorf("%q", got)
	}
	if got := Clean(strings.Repeat("ä", 9999)); len([]rune(got)) != cleanLength {
		t.Errorf("%d runes", len([]rune(got)))
	}
}
