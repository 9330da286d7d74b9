package person

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

var linkForm = regexp.MustCompile(`https?://\S+/signin/link\?t=[A-Za-z0-9_.\-]+`)

// waitForLink reads the mailbox until a mail to this person, not older than since, holds a sign-in link.
func (p *Person) waitForLink(ctx context.Context, since time.Time) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		link, err := p.newestLink(since)
		if err != nil || link != "" {
			return link, err
		}
		select {
		case <-ctx.Done():
			return "", ErrNoMail
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// newestLink looks at the newest mails first; names in the outbox sort by time.
func (p *Person) newestLink(since time.Time) (string, error) {
	paths, err := filepath.Glob(filepath.Join(p.Mailbox, "*.eml"))
	if err != nil {
		return "", err
	}
	for i := len(paths) - 1; i >= 0; i-- {
		info, err := os.Stat(paths[i])
		if err != nil || info.ModTime().Before(since) {
			continue
		}
		to, text, err := readMail(paths[i])
		if err != nil {
			return "", fmt.Errorf("read %s: %w", filepath.Base(paths[i]), err)
		}
		if link := linkForm.FindString(text); link != "" && to == p.Email {
			return link, nil
		}
	}
	return "", nil
}

// readMail returns the recipient and the plain text of a mail.
func readMail(path string) (to, text string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", "", err
	}
	defer file.Close() //nolint:errcheck // only read
	m, err := mail.ReadMessage(file)
	if err != nil {
		return "", "", err
	}
	recipient, err := mail.ParseAddress(m.Header.Get("To"))
	if err != nil {
		return "", "", err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return "", "", err
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			return "", "", fmt.Errorf("find the text part: %w", err)
		}
		if kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind != "text/plain" {
			continue
		}
		body, err := io.ReadAll(decoded(part, part.Header.Get("Content-Transfer-Encoding")))
		return recipient.Address, string(body), err
	}
}

func decoded(r io.Reader, encoding string) io.Reader {
	switch encoding {
	case "quoted-printable":
		return quotedprintable.NewReader(r)
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, r)
	default:
		return r
	}
}
