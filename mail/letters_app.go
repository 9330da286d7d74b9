package mail

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"
)

// AppSignIn carries the mailed half of a link that leads into an app, and the six letters, to somebody who asked for them
// in that app, or did not.
type AppSignIn struct {
	Site  Site
	To    string
	App   string // what people call it
	Link  string // into the app: https, or the app's own scheme
	Code  string // six letters
	From  string // network address of who asked
	Asked time.Time
	Life  time.Duration // how long the link is good
}

// Message writes the mail.
func (s AppSignIn) Message() (Message, error) {
	if err := checkAppURL(s.Link); err != nil {
		return Message{}, err
	}
	app := clean(s.App)
	m, err := letter{
		Site: s.Site, Kind: "sign-in-app", To: s.To,
		Subject:   "Sign in to " + app,
		Preheader: fmt.Sprintf("Your link is good for %s and works once.", span(s.Life)),
		Heading:   "Sign in to " + app,
		Lead:      []string{fmt.Sprintf("With this link you sign in to %s, with your account at %s. Open it on the device on which you asked for it.", app, s.Site.Name)},
		Button:    "Open " + app, Link: s.Link, ShowLink: true,
		Code: s.Code, CodeHint: fmt.Sprintf("Does the link not open %s, or are you reading this on another device? Type these letters in the app:", app),
		Facts: facts(
			fact{Label: "Asked from", Value: s.From},
			fact{Label: "Asked at", Value: exactly(s.Asked)},
			fact{Label: "Good for", Value: span(s.Life)},
		),
		Notes: []string{
			"If this was not you, ignore it: nothing happens. Nobody who helps you needs this link or these letters.",
		},
	}.message()
	m.Deadline = s.Asked.Add(s.Life)
	return m, err
}

// checkAppURL accepts what leads into an app: https, or a scheme in reverse-domain form (RFC 8252 §7.1). A scheme with a dot
// in it is none that a mail program or a browser would run.
func checkAppURL(s string) error {
	u, err := url.Parse(s)
	if err == nil && strings.Contains(u.Scheme, ".") && !hasControl(s) {
		return nil
	}
	return checkURL("the link", s)
}

// Href lets an app's own scheme pass, of which the template knows nothing. Every link was checked when the mail was written.
func (l letter) Href() template.URL { return template.URL(l.Link) } //nolint:gosec // G203: see checkURL and checkAppURL
