package pages_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

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

// sent is what a browser gets.
func sent(t *testing.T, p *pages.Pages, s sample) (http.Header, string) {
	t.Helper()
	w := httptest.NewRecorder()
	if err := p.Write(w, s.status, s.view); err != nil {
		t.Fatal(err)
	}
	if w.Result().StatusCode != s.status {
		t.Errorf("status %d, want %d", w.Result().StatusCode, s.status)
	}
	return w.Result().Header, w.Body.String()
}

func TestEveryPageHoldsToTheRules(t *testing.T) {
	p := site(t)
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			_, body := sent(t, p, s)
			d := read(t, body)
			d.hasOneHeading()
			d.saysWhoseItIs()
			d.runsNothingInline()
			d.staysAtHome()
			d.labelsEveryField()
			d.protectsEveryForm()
			d.referencesExist()
			d.speaksPlainly()
		})
	}
}

func TestPageAndStylesheetFitOneRoundTrip(t *testing.T) {
	const budget = 30 << 10
	p := site(t)
	for _, s := range samples() {
		_, body := sent(t, p, s)
		size := len(body)
		for _, path := range read(t, body).assets() {
			size += len(get(p.Assets(), http.MethodGet, path).body)
		}
		if size > budget {
			t.Errorf("%s: %d bytes with stylesheet, script and icon, the most is %d", s.name, size, budget)
		}
	}
}

func TestAnswerIsWholeAndKeptNowhere(t *testing.T) {
	h, body := sent(t, site(t), sample{"approve", 200, approval("dev-box")})
	if got := h.Get("Content-Length"); got != strconv.Itoa(len(body)) {
		t.Errorf("Content-Length %s for %d bytes", got, len(body))
	}
	if h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("headers %v", h)
	}
}

func TestPageThatCannotBeDrawnSendsNothing(t *testing.T) {
	w := httptest.NewRecorder()
	if err := new(pages.Pages).Write(w, 200, pages.NotFound{}); err == nil {
		t.Error("drawn without a template")
	}
	if w.Body.Len() > 0 || len(w.Result().Header) > 0 {
		t.Errorf("sent %q with %v", w.Body, w.Result().Header)
	}
}

func TestApproveAndDenyAreEqual(t *testing.T) {
	for _, device := range []string{"dev-box", longName, arabicName, htmlName, ""} {
		_, body := sent(t, site(t), sample{"approve", 200, approval(device)})
		var answers []*html.Node
		for _, b := range read(t, body).all("button") {
			if attr(b, "name") == "decision" {
				answers = append(answers, b)
			}
		}
		if len(answers) != 2 || attr(answers[0], "value") != "approve" || attr(answers[1], "value") != "deny" {
			t.Fatalf("%q: answers %v", device, answers)
		}
		for _, b := range answers {
			if len(b.Attr) != 2 {
				t.Errorf("%q: %s stands out by %v", device, text(b), b.Attr)
			}
		}
		if strings.Contains(body, "autofocus") {
			t.Errorf("%q: something has the focus already", device)
		}
	}
}

func TestHostileNamesStayNames(t *testing.T) {
	for given, want := range map[string]string{
		htmlName:                 htmlName,
		arabicName:               arabicName,
		turnedName:               "devgpj.exe box",
		"a\r\nb":                 "a b",
		"\xff\xfebox":            "box",
		"می\u200cخواهم":          "می\u200cخواهم", // Persian is not spelt without it
		strings.Repeat("x", 200): strings.Repeat("x", 63) + "…",
		"\u202e":                 "a device without a name",
	} {
		_, body := sent(t, site(t), sample{"approve", 200, approval(given)})
		d := read(t, body)
		name := d.all("h1")[0].LastChild.PrevSibling // <b> of the device
		if got := text(name); got != want {
			t.Errorf("%q is drawn as %q, want %q", given, got, want)
		}
		if inner := name.FirstChild; inner.Type == html.ElementNode && inner.Data != "bdi" {
			t.Errorf("%q is not isolated", given)
		}
		if len(d.all("img")) > 0 {
			t.Errorf("%q became an element", given)
		}
	}
}

func TestOtherBrowserSeesNoToken(t *testing.T) {
	_, body := sent(t, site(t), sample{"link", 200, pages.LinkPage{Base: nobody, Email: "ana@example.test", Token: "mailed-half", OtherBrowser: true}})
	if strings.Contains(body, "mailed-half") || strings.Contains(body, "<form") {
		t.Error("the link's page lets another browser go on")
	}
}

// Whoever tries this out has no mailbox, and reads on no page that a mail has come.
func TestAServerWithoutMailPromisesNone(t *testing.T) {
	for _, s := range samples() {
		if !strings.HasSuffix(s.name, "-console") {
			continue
		}
		_, body := sent(t, site(t), s)
		text := strings.NewReplacer("sends no mail", "", "Your mail address", "").Replace(body)
		if regexp.MustCompile(`(?i)\bmails?\b`).MatchString(text) {
			t.Errorf("%s speaks of mail: %s", s.name, body)
		}
	}
}

func TestReturnPathIsNeverAScript(t *testing.T) {
	_, body := sent(t, site(t), sample{"done", 200, pages.CheckMail{Base: ana, SignedIn: true, ReturnTo: "javascript:alert(1)"}})
	if strings.Contains(body, "javascript:") {
		t.Error("a script became a link")
	}
}
