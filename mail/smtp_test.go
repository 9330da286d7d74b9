package mail

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestServerIsReadFromAnAddress(t *testing.T) {
	for given, want := range map[string]SMTP{
		"smtp://mail.example.test":                   {Host: "mail.example.test", Port: 587, TLS: StartTLS},
		"smtp://relay:p%40ss@mail.example.test:2525": {Host: "mail.example.test", Port: 2525, User: "relay", Password: "p@ss", TLS: StartTLS},
		"smtps://relay:x@mail.example.test/":         {Host: "mail.example.test", Port: 465, User: "relay", Password: "x", TLS: ImplicitTLS},
		"smtp://mail.example.test?tls=implicit":      {Host: "mail.example.test", Port: 465, TLS: ImplicitTLS},
		"smtp://127.0.0.1:1025?tls=none":             {Host: "127.0.0.1", Port: 1025, TLS: NoTLS},
		"smtp://[::1]:25?tls=opportunistic":          {Host: "::1", Port: 25, TLS: Opportunistic},
	} {
		if got, err := ParseSMTP(given); err != nil || got != want {
			t.Errorf("%s is %+v (%v)", given, got, err)
		}
	}
}

func TestBadServerAddressIsRefusedWithoutTellingThePassword(t *testing.T) {
	for _, given := range []string{
		"", "mail.example.test", "mail.example.test:587", "http://mail.example.test", "smtp://", "smtp://:hush@:25",
		"smtp://u:hush/hush@mail.example.test:587", "smtp://u:hush@mail.example.test:99999", "smtp://u:hush@mail.example.test:x",
		"smtp://u:hush@mail.example.test?tls=maybe", "smtp://u:hush@mail.example.test?tls=none&tls=starttls",
		"smtp://u:hush@mail.example.test?ssl=1", "smtp://u:hush@mail.example.test/path", "smtps://u:hush@mail.example.test?tls=none",
		"smtp://u:hush@mail.example.test#x", "smtp://u:hu%zzsh@mail.example.test",
	} {
		_, err := ParseSMTP(given)
		if err == nil {
			t.Errorf("%q was taken", given)
		} else if strings.Contains(err.Error(), "hu") && !strings.Contains(given, "http") {
			t.Errorf("%q: the error tells the password: %v", given, err)
		}
	}
}

func TestSenderIsCheckedAtTheStart(t *testing.T) {
	for _, from := range []string{"", "Example", "a@example.test, b@example.test", "Example <a@example.test>\r\nBcc: b@example.test", "a@[127.0.0.1]"} {
		if _, err := NewQueue(QueueOptions{From: from, Outbox: "outbox"}); err == nil {
			t.Errorf("%q was taken", from)
		}
	}
	if _, err := NewQueue(QueueOptions{From: "a@example.test"}); err == nil {
		t.Error("mails would go nowhere")
	}
}

func TestOutboxFilesAreWholePrivateAndSorted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outbox")
	at := time.Date(2026, 11, 22, 14, 3, 0, 0, time.UTC)
	told := make(chan string, 3)
	q := newQueue(t, QueueOptions{
		Outbox: Outbox(dir), Now: func() time.Time { return at },
		OnOutbox: func(m Message, path string) {
			if m.Link != aLink || m.Code != "BCDFGH" {
				t.Errorf("the console cannot show the link of %+v", m)
			}
			told <- path
		},
	})
	var inOrder []string
	for range 3 {
		at = at.Add(time.Second)
		m := aMail(t)
		m.Deadline = at.Add(time.Hour)
		if err := q.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		inOrder = append(inOrder, <-told)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 {
		t.Fatalf("%v (%v)", files, err)
	}
	for i, path := range inOrder {
		if filepath.Base(path) != files[i].Name() {
			t.Errorf("%s is not in order", path)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v (%v)", path, info.Mode(), err)
		}
	}
	if !slices.IsSorted(inOrder) || !strings.Contains(inOrder[0], "20261122T140301.000000000Z-sign-in-") {
		t.Errorf("%v", inOrder)
	}
}

func TestServersWordsAreScrubbed(t *testing.T) {
	m := Message{To: "alice@example.test", Link: aLink, Code: "BCDFGH"}
	reply := "550 <Alice@Example.TEST> spam: HTTPS://login.example.test/signin/link?token=hush-hush BCDFGH and BCD-FGH\r\nsecond line " + strings.Repeat("x", 1000)
	got := scrub(reply, m)
	for _, secret := range []string{"lice", "hush", "BCD", "\n"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q is left in %q", secret, got)
		}
	}
	if len(got) > 320 || !strings.HasPrefix(got, "550 <A…@Example.TEST> spam") {
		t.Errorf("%q", got)
	}
}
