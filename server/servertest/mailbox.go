package servertest

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Mail is a mail as its reader sees it.
type Mail struct {
	To      string
	Subject string
	Text    string
	HTML    string
	Link    string // where the button leads
	Code    string // the six letters, if there are any
	Header  netmail.Header
}

var (
	linkLine = regexp.MustCompile(`(?m)^(https?://\S+)\r?$`)
	codeLine = regexp.MustCompile(`(?m)^ {4}([A-Z]{3})[ -]?([A-Z]{3})\r?$`)
)

// ReadMail reads a mail with a text part and an HTML part.
func ReadMail(from io.Reader) (Mail, error) {
	message, err := netmail.ReadMessage(from)
	if err != nil {
		return Mail{}, fmt.Errorf("read the header: %w", err)
	}
	to, err := message.Header.AddressList("To")
	if err != nil || len(to) != 1 {
		return Mail{}, fmt.Errorf("want one recipient, have %d: %w", len(to), err)
	}
	var words mime.WordDecoder
	subject, err := words.DecodeHeader(message.Header.Get("Subject"))
	if err != nil {
		return Mail{}, fmt.Errorf("read the subject: %w", err)
	}
	m := Mail{To: to[0].Address, Subject: subject, Header: message.Header}
	if err := m.readParts(message); err != nil {
		return Mail{}, err
	}
	if found := linkLine.FindStringSubmatch(m.Text); found != nil {
		m.Link = found[1]
	}
	if found := codeLine.FindStringSubmatch(m.Text); found != nil {
		m.Code = found[1] + found[2]
	}
	return m, nil
}

func (m *Mail) readParts(message *netmail.Message) error {
	_, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("read the content type: %w", err)
	}
	parts := multipart.NewReader(message.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the parts: %w", err)
		}
		var body io.Reader = part
		if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			body = quotedprintable.NewReader(part)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			return fmt.Errorf("read a part: %w", err)
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			m.HTML = string(text)
		} else {
			m.Text = string(text)
		}
	}
}

func (s *Server) outbox() string { return filepath.Join(s.options.Dir, "outbox") }

// Mails are all that have arrived, in the order in which they were written.
func (s *Server) Mails(t testing.TB) []Mail {
	t.Helper()
	if s.options.Mailbox != nil {
		return s.options.Mailbox()
	}
	paths, err := filepath.Glob(filepath.Join(s.outbox(), "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths) // their names begin with the time
	mails := make([]Mail, 0, len(paths))
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := ReadMail(file)
		if err = errors.Join(err, file.Close()); err != nil {
			t.Fatalf("mail %s: %v", filepath.Base(path), err)
		}
		mails = append(mails, m)
	}
	return mails
}

// mailPatience is how long a mail may be on its way.
const mailPatience = 30 * time.Second

// WaitForMail returns the newest mail that fits, as soon as there is one.
func (s *Server) WaitForMail(t testing.TB, fits func(Mail) bool) Mail {
	t.Helper()
	for end := time.Now().Add(mailPatience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		for _, m := range slices.Backward(s.Mails(t)) {
			if fits(m) {
				return m
			}
		}
	}
	t.Fatal("the mail did not come")
	return Mail{}
}
