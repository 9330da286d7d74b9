package pages_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/server/pages"
)

type answer struct {
	status int
	header http.Header
	body   string
}

func get(h http.Handler, method, path string) answer {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	body, _ := io.ReadAll(w.Result().Body)
	return answer{w.Result().StatusCode, w.Result().Header, string(body)}
}

func TestAssetsMayBeKeptForGood(t *testing.T) {
	p := site(t)
	_, body := sent(t, p, sample{"code", 200, pages.EnterCode{Base: ana}})
	kinds := []string{"image/svg+xml", "text/css; charset=utf-8", "text/javascript; charset=utf-8"}
	for i, path := range read(t, body).assets() {
		got := get(p.Assets(), http.MethodGet, path)
		if got.status != 200 || got.body == "" || got.header.Get("Content-Type") != kinds[i] {
			t.Errorf("%s: %d, %v", path, got.status, got.header)
		}
		if !strings.Contains(got.header.Get("Cache-Control"), "immutable") || got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, got.header)
		}
		if got := get(p.Assets(), http.MethodPost, path); got.status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, got.status)
		}
	}
	for _, path := range []string{"/assets/", "/assets/style.css", "/assets/../templates/approve.html"} {
		if got := get(p.Assets(), http.MethodGet, path); got.status != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, got.status)
		}
	}
}

func TestAnotherAccentIsAnotherStylesheet(t *testing.T) {
	style := func(accent string) (string, string) {
		p, err := pages.New(pages.Site{Host: "login.example.test", Accent: accent})
		if err != nil {
			t.Fatal(err)
		}
		_, body := sent(t, p, sample{"code", 200, pages.EnterCode{Base: ana}})
		path := read(t, body).assets()[1]
		return path, get(p.Assets(), http.MethodGet, path).body
	}
	green, css := style("#0a6b3d")
	if ours, _ := style(""); ours == green {
		t.Error("two accents under one name: a browser would keep the wrong one")
	}
	if !strings.Contains(css, "--accent: #0a6b3d") {
		t.Error("the operator's accent is readable and was changed all the same")
	}
}

func TestMistakesOfSiteAreReportedTogether(t *testing.T) {
	_, err := pages.New(pages.Site{
		Name: "Two\nlines", Host: "https://login.example.test/path", Accent: "red;}", Logo: "https://cdn.example.test/logo.svg",
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, what := range []string{"name of the site", "host of the pages", "accent colour", "logo"} {
		if !strings.Contains(err.Error(), what) {
			t.Errorf("%q does not speak of the %s", err, what)
		}
	}
}

func TestLogoIsOursOrInline(t *testing.T) {
	for logo, good := range map[string]bool{
		"":                                  true,
		"/logo.svg":                         true,
		"data:image/png;base64,iVBORw0KGgo": true,
		"//cdn.example.test/logo.svg":       false,
		`/\cdn.example.test`:                false,
		"data:text/html;base64,PGI+":        false,
		"javascript:alert(1)":               false,
		"data:image/png;base64," + strings.Repeat("A", 9<<10): false,
	} {
		p, err := pages.New(pages.Site{Host: "login.example.test", Logo: logo})
		if (err == nil) != good {
			t.Errorf("logo %.40q: %v", logo, err)
			continue
		}
		if good && logo != "" {
			_, body := sent(t, p, sample{"code", 200, pages.EnterCode{Base: ana}})
			if !strings.Contains(body, `src="`+logo+`"`) {
				t.Errorf("logo %q is not drawn", logo)
			}
		}
	}
}

func TestHostOfAnyIssuerIsShown(t *testing.T) {
	for _, host := range []string{"login.example.test", "127.0.0.1:8080", "[::1]:8080", "localhost"} {
		p, err := pages.New(pages.Site{Host: host})
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		if _, body := sent(t, p, sample{"404", 404, pages.NotFound{}}); !strings.Contains(body, host) {
			t.Errorf("%s is not shown", host)
		}
	}
}
