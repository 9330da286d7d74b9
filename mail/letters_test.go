package mail

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var (
	aSite = Site{Name: "Example", Host: "login.example.test"}
	aTime = time.Date(2026, 11, 22, 14, 3, 0, 0, time.UTC)
)

func everyMail() map[string]interface{ Message() (Message, error) } {
	account := "https://login.example.test/account"
	return map[string]interface{ Message() (Message, error) }{
		"sign-in": SignIn{
			Site: aSite, To: "alice@example.test", Link: aLink, Code: "BCDFGH", For: "to confirm handclasp on dev-box",
			From: "203.0.113.7", Asked: aTime, Life: 15 * time.Minute,
		},
		"sign-in-app": AppSignIn{
			Site: aSite, To: "alice@example.test", App: "Pictures", Link: "test.example.pictures:/signin?link=lnk_a.b&state=c",
			Code: "BCDFGH", From: "203.0.113.7", Asked: aTime, Life: 15 * time.Minute,
		},
		"new-device": NewDevice{
			Site: aSite, To: "alice@example.test", Name: "dev-box", Platform: "linux/amd64", App: "handclasp",
			From: "203.0.113.7", At: aTime, End: aLink, Account: account,
		},
		"new-app": NewApp{
			Site: aSite, To: "alice@example.test", App: "Calendar", Browser: "Firefox on Linux", From: "203.0.113.7", At: aTime,
			End: aLink, Account: account,
		},
		"session-ended": SessionEnded{
			Site: aSite, To: "alice@example.test", Why: Reused, Name: "dev-box", Platform: "linux/amd64",
			App: "handclasp", From: "203.0.113.7", At: aTime, Account: account,
		},
		"invite": Invite{Site: aSite, To: "alice@example.test", By: "Bob", Link: aLink, At: aTime, Life: 72 * time.Hour},
	}
}

func written(t *testing.T, l interface{ Message() (Message, error) }) Message {
	t.Helper()
	m, err := l.Message()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// sent puts a message through the outbox and reads it as a mail program does.
func sent(t *testing.T, m Message) (header netmail.Header, text, html string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "outbox")
	q := newQueue(t, QueueOptions{Outbox: Outbox(dir), Now: func() time.Time { return aTime }})
	if err := errors.Join(q.Send(t.Context(), m), drain(t, q)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v in the outbox (%v)", files, err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s (%v)", kind, err)
	}
	var parts []string
	for r := multipart.NewReader(parsed.Body, params["boundary"]); ; {
		part, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part.Header.Get("Content-Type"), string(body))
	}
	if len(parts) != 4 || !strings.HasPrefix(parts[0], "text/plain") || !strings.HasPrefix(parts[2], "text/html") {
		t.Fatalf("parts %q", parts)
	}
	return parsed.Header, strings.ReplaceAll(parts[1], "\r\n", "\n"), parts[3]
}

func TestHeadersAreWhatMailServersWant(t *testing.T) {
	m := written(t, everyMail()["sign-in"])
	header, _, _ := sent(t, m)
	for name, want := range map[string]string{
		"From": `"Example" <login@example.test>`, "To": "<alice@example.test>", "Subject": "Sign in to Example",
		"Auto-Submitted": "auto-generated", "Mime-Version": "1.0",
	} {
		if got := header[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if id := header.Get("Message-Id"); !regexp.MustCompile(`^<[a-z2-7]{26}@example\.test>$`).MatchString(id) {
		t.Errorf("Message-ID %s", id)
	}
	if at, err := header.Date(); err != nil || !at.Equal(aTime) {
		t.Errorf("date %s (%v)", at, err)
	}
	for _, name := range []string{"Cc", "Bcc", "X-Mailer", "User-Agent"} {
		if header[name] != nil {
			t.Errorf("%s: %q", name, header[name])
		}
	}
}

func TestTextSaysAllThatTheHTMLSays(t *testing.T) {
	tags := regexp.MustCompile(`(?s)<style>.*?</style>|<title>.*?</title>|<div style="display:none.*?</div>|<[^>]*>`)
	for kind, l := range everyMail() {
		m := written(t, l)
		_, text, html := sent(t, m)
		if m.Kind != kind || text != m.Text || !strings.Contains(html, m.Preheader) {
			t.Errorf("%s did not arrive as it was written", kind)
		}
		flat := strings.Join(strings.Fields(text), " ")
		for line := range strings.Lines(tags.ReplaceAllString(html, "\n")) {
			line = strings.TrimSpace(strings.NewReplacer("&nbsp;", " ", "&amp;", "&", "&#39;", "'", "’", "’").Replace(line))
			switch {
			case line == "", strings.HasPrefix(line, "If the button"), strings.HasPrefix(line, "Written by"), strings.HasPrefix(line, "·"):
			case !strings.Contains(flat, line):
				t.Errorf("%s: only the HTML says %q", kind, line)
			}
		}
	}
}

func TestSignInMailHoldsWhatAPersonNeeds(t *testing.T) {
	m := written(t, everyMail()["sign-in"])
	_, text, html := sent(t, m)
	for _, part := range []string{text, html} {
		for _, want := range []string{
			aLink, "BCD-FGH", "203.0.113.7", "22 November 2026, 14:03 UTC", "15 minutes",
			"handclasp on dev-box", "login.example.test", "If this was not you",
		} {
			if !strings.Contains(part, want) {
				t.Errorf("%q is missing", want)
			}
		}
	}
	if m.Link != aLink || m.Code != "BCDFGH" || !m.Deadline.Equal(aTime.Add(15*time.Minute)) {
		t.Errorf("%+v", m)
	}
}

func TestNoMailFetchesOrTellsAnything(t *testing.T) {
	for kind, l := range everyMail() {
		m := written(t, l)
		for _, bad := range []string{"<img", "<script", "url(", "@import", "<link", "ZgotmplZ", "src="} {
			if strings.Contains(m.HTML, bad) {
				t.Errorf("%s holds %s", kind, bad)
			}
		}
		for _, secret := range []string{"hush", "BCD"} {
			if strings.Contains(m.Subject+m.Preheader, secret) {
				t.Errorf("%s shows %q in the list of mails", kind, secret)
			}
		}
		if len(m.HTML) > 20_000 {
			t.Errorf("%s has %d bytes", kind, len(m.HTML))
		}
	}
}

func TestNamesThatStrangersChoseDoNoHarm(t *testing.T) {
	for name, n := range map[string]NewDevice{
		"HTML":     {Name: `<a href="https://evil.example">press</a>`},
		"lines":    {Name: "dev\r\nBcc: bob@example.test\r\n\r\nbox"},
		"reversed": {Name: "dev\u202ebox\u2066", Platform: "li\u0000nux", App: "a\u200bb"},
		"long":     {Name: strings.Repeat("é", 500)},
		"invalid":  {Name: "\xff\xfe"},
		"link":     {Name: "https://evil.example/now", App: "evil.example"},
		"script":   {Name: `"><script>alert(1)</script>`},
	} {
		n.Site, n.To, n.At, n.End, n.Account = aSite, "alice@example.test", aTime, aLink, "https://login.example.test/account"
		m := written(t, n)
		header, text, html := sent(t, m)
		if header["Bcc"] != nil || header.Get("To") != "<alice@example.test>" {
			t.Errorf("%s: headers %v", name, header)
		}
		if strings.Contains(html, "<script") || strings.Contains(html, `href="https://evil`) || strings.ContainsAny(text+html, "\u202e\u2066\u200b\x00") {
			t.Errorf("%s got through", name)
		}
		if strings.Contains(text, "evil.example") || strings.Contains(text, "https://evil") {
			t.Errorf("%s: mail programs would make a link of it", name)
		}
		if strings.Count(text, "é") > 60 {
			t.Errorf("%s: the name was not cut", name)
		}
	}
}

func TestMessageThatCannotBeSentIsRefused(t *testing.T) {
	good := written(t, everyMail()["sign-in"])
	q := newQueue(t, QueueOptions{Outbox: Outbox(t.TempDir())})
	for name, spoil := range map[string]func(*Message){
		"no recipient":       func(m *Message) { m.To = "" },
		"two recipients":     func(m *Message) { m.To = "a@example.test,b@example.test" },
		"header in address":  func(m *Message) { m.To = "a@example.test\r\nBcc: b@example.test" },
		"not canonical":      func(m *Message) { m.To = "Alice@example.test" },
		"header in subject":  func(m *Message) { m.Subject = "Sign in\r\nBcc: b@example.test" },
		"newline in subject": func(m *Message) { m.Subject = "Sign in\nto" },
		"no text":            func(m *Message) { m.Text = "" },
		"no HTML":            func(m *Message) { m.HTML = "" },
		"path as kind":       func(m *Message) { m.Kind = "../x" },
	} {
		m := good
		spoil(&m)
		if err := q.Send(t.Context(), m); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := SignIn{Site: aSite, To: "alice@example.test", Code: "BCDFGH", Asked: aTime, Life: time.Hour}
	for _, link := range []string{"", "/signin", "javascript:alert(1)", "https://x\r\ny", "mailto:a@example.test"} {
		bad.Link = link
		if _, err := bad.Message(); !errors.Is(err, ErrMessage) {
			t.Errorf("link %q: %v", link, err)
		}
	}
	bad.Link = aLink
	for _, site := range []Site{{}, {Name: "Ex\nample", Host: "h"}, {Name: "Example"}, {Name: "Example", Host: "h", Accent: "red;x:y"}} {
		bad.Site = site
		if _, err := bad.Message(); !errors.Is(err, ErrMessage) {
			t.Errorf("site %+v: %v", site, err)
		}
	}
}

func TestSubjectInAnotherAlphabetArrives(t *testing.T) {
	site := Site{Name: "Büro für Ünïcode", Host: "login.example.test"}
	m := written(t, SignIn{Site: site, To: "alice@example.test", Link: aLink, Code: "BCDFGH", Asked: aTime, Life: time.Hour})
	header, _, _ := sent(t, m)
	subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
	if err != nil || subject != "Sign in to Büro für Ünïcode" {
		t.Errorf("%q (%v)", subject, err)
	}
}

func TestSpansReadAsPeopleSayThem(t *testing.T) {
	for d, want := range map[time.Duration]string{
		20 * time.Second: "1 minute", 15 * time.Minute: "15 minutes", time.Hour: "60 minutes", 2 * time.Hour: "2 hours",
		150 * time.Minute: "150 minutes", 72 * time.Hour: "3 days",
	} {
		if got := span(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
