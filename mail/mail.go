// Package mail holds the mails that a server writes, and how they leave: over SMTP, or into a folder while somebody
// develops. A mail is written as one of SignIn, AppSignIn, NewDevice, NewApp, SessionEnded and Invite, which make a Message; a Queue sends it.
package mail

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// ErrMessage says that the message cannot be sent as it is, whatever the server says.
var ErrMessage = errors.New("message cannot be sent")

// Message is one mail to one person.
type Message struct {
	Kind      string // what it is, for logs, metrics and file names: "sign-in", "new-device"
	To        string // canonical, as ParseAddress returns it
	Subject   string
	Preheader string // what a list of mails shows beside the subject
	Text      string
	HTML      string
	Link      string    // what the button opens; a server without SMTP shows it on its console
	Code      string    // the six letters, if the mail has any
	Deadline  time.Time // after which it is of no use to send it; a day from now if zero
}

// check refuses what could become a second header or a second recipient, and what was not written.
func (m Message) check() error {
	canonical, err := ParseAddress(m.To)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrMessage, err)
	case canonical != m.To:
		return fmt.Errorf("%w: the recipient is not in canonical form", ErrMessage)
	case m.Subject == "" || hasControl(m.Subject):
		return fmt.Errorf("%w: the subject must be one line", ErrMessage)
	case m.Text == "" || m.HTML == "":
		return fmt.Errorf("%w: it needs both a text and an HTML part", ErrMessage)
	case m.Kind == "" || strings.Trim(m.Kind, "abcdefghijklmnopqrstuvwxyz-") != "":
		return fmt.Errorf("%w: the kind %q is no plain word", ErrMessage, m.Kind)
	}
	return nil
}

// Site is whose server writes.
type Site struct {
	Name   string // what the operator calls it, "Example"
	Host   string // host of the issuer, so that a person can tell, "login.example.test"
	Accent string // colour of the button, "#2952cc" by default; white text must be readable on it
}

func (s Site) check() error {
	switch {
	case s.Name == "" || hasControl(s.Name):
		return fmt.Errorf("%w: the site has no name, or one of several lines", ErrMessage)
	case s.Host == "" || hasControl(s.Host):
		return fmt.Errorf("%w: the site has no host", ErrMessage)
	case s.Accent != "" && !isColour(s.Accent):
		return fmt.Errorf("%w: the accent %q is not of the form #2952cc", ErrMessage, s.Accent)
	}
	return nil
}

func isColour(s string) bool {
	return len(s) == 7 && s[0] == '#' && strings.Trim(s[1:], "0123456789abcdefABCDEF") == ""
}

// checkURL accepts a whole web address and nothing that a mail program would run.
func checkURL(what, s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || hasControl(s) {
		return fmt.Errorf("%w: %s is no web address", ErrMessage, what) // the address itself may hold a token
	}
	return nil
}
