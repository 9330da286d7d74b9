package pages_test

import (
	"net/http/httptest"
	"testing"

	"github.com/handclasp/handclasp/server/pages"
)

func site(t *testing.T) *pages.Pages {
	t.Helper()
	p, err := pages.New(pages.Site{Name: "Example", Host: "login.example.test"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryPageIsDrawn(t *testing.T) {
	p := site(t)
	for _, s := range samples() {
		w := httptest.NewRecorder()
		if err := p.Write(w, s.status, s.view); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	}
}
