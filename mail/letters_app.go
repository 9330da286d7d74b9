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

// NewApp tells a person that an app has signed them in for the first time, in a browser in which they were signed in.
type NewApp struct {
	Site    Site
	To      string
	App     string
	Browser string // such as "Firefox on Linux"
	From    string // network address
	At      time.Time
	End     string // URL of the page that ends it
	Account string // URL of the list of devices and of what apps may do
}

// Message writes the mail.
func (n NewApp) Message() (Message, error) {
	if err := checkEnd(n.End, n.Account); err != nil {
		return Message{}, err
	}
	app := clean(n.App)
	return letter{
		Site: n.Site, Kind: "new-app", To: n.To,
		Subject:    "You signed in to " + app,
		Preheader:  "If this was you, there is nothing to do.",
		Heading:    "You signed in to " + app,
		Lead:       []string{fmt.Sprintf("This app has signed you in for the first time, with your account at %s. If this was you, there is nothing to do.", n.Site.Name)},
		FactsFirst: true,
		Facts: facts(
			fact{Label: "App", Value: app},
			fact{Label: "Browser", Value: clean(n.Browser)},
			fact{Label: "Network", Value: n.From},
			fact{Label: "Signed in", Value: exactly(n.At)},
		),
		Button: "This was not me", Link: n.End, ShowLink: true, Warning: true,
		Notes: []string{
			"The link opens a page that ends the app’s session. What the app may do you can see, and take back, beside your devices.",
		},
		Account: n.Account,
	}.message()
}
