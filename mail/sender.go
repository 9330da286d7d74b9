package mail

import (
	"crypto/rand"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// envelope is a message on its way. Its identity and date stay the same however often it is tried, so that a server
// that took it without our hearing of it can tell that it has it already.
type envelope struct {
	Message
	id   string
	date time.Time
	end  time.Time // no try begins after it
}

// parseSender reads what stands in From: an address with or without a name.
func parseSender(s string) (*netmail.Address, error) {
	if hasControl(s) {
		return nil, errors.New("the sender of mails has characters that cannot be seen")
	}
	from, err := netmail.ParseAddress(s)
	if err != nil {
		return nil, fmt.Errorf("the sender of mails %q is not of the form `Example <login@example.test>`", s)
	}
	if from.Address, err = ParseAddress(from.Address); err != nil {
		return nil, fmt.Errorf("the sender of mails %q: %w", s, err)
	}
	return from, nil
}

// newEnvelope gives a message its identity: random, in the sender's domain, so that it tells nothing of this machine.
func newEnvelope(m Message, from *netmail.Address, now time.Time) envelope {
	_, domain, _ := strings.Cut(from.Address, "@")
	e := envelope{Message: m, id: strings.ToLower(rand.Text()) + "@" + domain, date: now, end: m.Deadline}
	if e.end.IsZero() {
		e.end = now.Add(24 * time.Hour)
	}
	return e
}

// compose writes the headers and the two parts, with the text first, as RFC 2046 §5.1.4 wants the plainest.
func (e envelope) compose(from *netmail.Address) (*gomail.Msg, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(from)
	if err := m.To(e.To); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	m.Subject(e.Subject)
	m.SetDateWithValue(e.date)
	m.SetMessageIDWithValue(e.id)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: nobody's holiday notice answers it
	m.SetGenHeader("X-Auto-Response-Suppress", "All")  // the same for Exchange
	m.SetBodyString(gomail.TypeTextPlain, e.Text)
	m.AddAlternativeString(gomail.TypeTextHTML, e.HTML)
	return m, nil
}
