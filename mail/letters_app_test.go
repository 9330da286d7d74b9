package mail

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestMailIntoAnAppOpensNothingElse(t *testing.T) {
	l := AppSignIn{Site: aSite, To: "alice@example.test", App: "Pictures", Code: "BCDFGH", Asked: aTime, Life: time.Hour}
	for _, link := range []string{"https://pictures.example.test/signin?link=a.b", "test.example.pictures:/signin?link=a.b", "test.example.pictures://in?a=b"} {
		l.Link = link
		_, text, html := sent(t, written(t, l))
		if !strings.Contains(text, link+"\n") || !strings.Contains(html, `href="`+link+`"`) {
			t.Errorf("%s is not in both parts", link)
		}
	}
	for _, link := range []string{"", "/signin", "javascript:alert(1)", "data:text/html.x", "pictures:/signin", "mailto:a@example.test", "test.example.pictures:/x\r\ny"} {
		l.Link = link
		if _, err := l.Message(); !errors.Is(err, ErrMessage) {
			t.Errorf("link %q: %v", link, err)
		}
	}
}
