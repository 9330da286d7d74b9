package mail

import (
	"fmt"
	"time"
)

// SignIn carries the mailed half of a link and the six letters, to somebody who asked for them, or did not.
type SignIn struct {
	Site  Site
	To    string
	Link  string
	Code  string // six letters
	For   string // what the sign-in is for, "to confirm handclasp on dev-box"; may be empty
	From  string // network address of who asked
	Asked time.Time
	Life  time.Duration // how long the link is good
}

// Message writes the mail.
func (s SignIn) Message() (Message, error) {
	if err := checkURL("the link", s.Link); err != nil {
		return Message{}, err
	}
	lead := fmt.Sprintf("With this link you sign in to %s.", s.Site.Name)
	if s.For != "" {
		lead = fmt.Sprintf("With this link you sign in, %s.", clean(s.For))
	}
	m, err := letter{
		Site: s.Site, Kind: "sign-in", To: s.To,
		Subject:   "Sign in to " + s.Site.Name,
		Preheader: fmt.Sprintf("Your link is good for %s and works once.", span(s.Life)),
		Heading:   "Sign in to " + s.Site.Name,
		Lead:      []string{lead},
		Button:    "Sign in", Link: s.Link, ShowLink: true,
		Code: s.Code, CodeHint: "Reading this on another device? Type these letters in the window that asked:",
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

// NewDevice tells a person that a device which was not known before is signed in.
type NewDevice struct {
	Site     Site
	To       string
	Name     string // what the device calls itself
	Platform string // the same
	App      string
	From     string // network address
	At       time.Time
	End      string // URL of the page that ends it
	Account  string // URL of the list of devices
}

// Message writes the mail.
func (n NewDevice) Message() (Message, error) {
	if err := checkEnd(n.End, n.Account); err != nil {
		return Message{}, err
	}
	return letter{
		Site: n.Site, Kind: "new-device", To: n.To,
		Subject:    "New device signed in to " + n.Site.Name,
		Preheader:  "If this was you, there is nothing to do.",
		Heading:    "A new device is signed in",
		Lead:       []string{fmt.Sprintf("A device that was not known before can now use %s as you. If this was you, there is nothing to do.", n.Site.Name)},
		FactsFirst: true,
		Facts:      deviceFacts(n.Name, n.Platform, n.App, n.From, "Signed in", n.At),
		Button:     "This was not me", Link: n.End, ShowLink: true, Warning: true,
		Notes: []string{
			"The link opens a page that ends this device’s session. The name and platform are what the device says of itself.",
		},
		Account: n.Account,
	}.message()
}

// checkEnd accepts where a mail about a sign-in leads.
func checkEnd(end, account string) error {
	if err := checkURL("the page that ends the session", end); err != nil {
		return err
	}
	return checkURL("the account page", account)
}

func deviceFacts(name, platform, app, from, what string, at time.Time) []fact {
	return facts(
		fact{Label: "Device", Value: clean(name), Claim: true},
		fact{Label: "Platform", Value: clean(platform)},
		fact{Label: "App", Value: clean(app)},
		fact{Label: "Network", Value: from},
		fact{Label: what, Value: exactly(at)},
	)
}

// Reason says why a session was ended for somebody.
type Reason string

// The reasons that a person hears of.
const (
	Reused     Reason = "reused"      // a spent refresh token was presented: there are two copies
	ByOperator Reason = "operator"    // whoever runs the server ended it
	Recovered  Reason = "first-proof" // the address was proven for the first time, which ends what was begun before
)

// SessionEnded tells a person that a session was ended by somebody else than them.
type SessionEnded struct {
	Site     Site
	To       string
	Why      Reason
	Name     string // what the device calls itself
	Platform string
	App      string
	From     string // network address of the last use
	At       time.Time
	Account  string // URL of the list of devices
}

// Message writes the mail.
func (e SessionEnded) Message() (Message, error) {
	if err := checkURL("the account page", e.Account); err != nil {
		return Message{}, err
	}
	lead, notes, err := e.words()
	if err != nil {
		return Message{}, err
	}
	return letter{
		Site: e.Site, Kind: "session-ended", To: e.To,
		Subject:    "A session was ended on " + e.Site.Name,
		Preheader:  "One of your devices is signed out.",
		Heading:    "One of your devices is signed out",
		Lead:       []string{lead},
		FactsFirst: true,
		Facts:      deviceFacts(e.Name, e.Platform, e.App, e.From, "Ended", e.At),
		Button:     "See your devices", Link: e.Account, ShowLink: true,
		Notes: notes,
	}.message()
}

func (e SessionEnded) words() (lead string, notes []string, err error) {
	again := "To use the device again, sign in on it again."
	switch e.Why {
	case Reused:
		return "A sign-in of this device was used twice. That happens when its credentials were copied, so the session was ended and neither copy works any more.",
			[]string{again + " If you did not restore or copy that device, find out who else can read its files."}, nil
	case ByOperator:
		return fmt.Sprintf("Whoever runs %s ended the session of this device.", e.Site.Name), []string{again}, nil
	case Recovered:
		return "You proved that this address is yours. A session that somebody began with it before was ended.", []string{again}, nil
	default:
		return "", nil, fmt.Errorf("%w: there are no words for the reason %q", ErrMessage, e.Why)
	}
}

// Invite asks somebody to join.
type Invite struct {
	Site Site
	To   string
	By   string // who invites; may be empty
	Link string
	At   time.Time
	Life time.Duration // how long the invitation is good; no end if zero
}

// Message writes the mail.
func (i Invite) Message() (Message, error) {
	if err := checkURL("the link", i.Link); err != nil {
		return Message{}, err
	}
	lead := fmt.Sprintf("You can sign in to %s with this address.", i.Site.Name)
	if i.By != "" {
		lead = fmt.Sprintf("%s invites you to %s. You can sign in with this address.", clean(i.By), i.Site.Name)
	}
	until := ""
	if i.Life > 0 {
		until = exactly(i.At.Add(i.Life))
	}
	m, err := letter{
		Site: i.Site, Kind: "invite", To: i.To,
		Subject:   "You are invited to " + i.Site.Name,
		Preheader: "Sign in with this address; there is no password to choose.",
		Heading:   "You are invited to " + i.Site.Name,
		Lead:      []string{lead + " There is no password to choose: each time you sign in, a mail with a link comes here."},
		Button:    "Sign in", Link: i.Link, ShowLink: true,
		Facts: facts(fact{Label: "Invited", Value: exactly(i.At)}, fact{Label: "Good until", Value: until}),
		Notes: []string{"If you did not expect this, ignore it: nothing happens."},
	}.message()
	if i.Life > 0 {
		m.Deadline = i.At.Add(i.Life)
	}
	return m, err
}
