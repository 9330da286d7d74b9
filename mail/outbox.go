package mail

import (
	"crypto/rand"
	"errors"
	"fmt"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
)

// Outbox is a folder into which mails go instead of to a server, one file each, sorted by time. It is for development:
// whoever reads the folder signs in as anybody.
type Outbox string

// keep writes one mail. The file appears whole, so whoever waits for it never reads half a mail.
func (o Outbox) keep(e envelope, from *netmail.Address) (path string, err error) {
	if err := os.MkdirAll(string(o), 0o700); err != nil {
		return "", fmt.Errorf("make the outbox: %w", err)
	}
	m, err := e.compose(from)
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp(string(o), ".new-*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("write into the outbox: %w", err)
	}
	_, err = m.WriteTo(file)
	if err = errors.Join(err, file.Close()); err == nil {
		name := e.date.UTC().Format("20060102T150405.000000000Z") + "-" + e.Kind + "-" + strings.ToLower(rand.Text()[:8]) + ".eml"
		path = filepath.Join(string(o), name)
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return "", fmt.Errorf("write into the outbox: %w", err)
	}
	return path, nil
}
