package pages

// SignIn asks for an address. It never says whether an address is known.
//
//	POST /signin             email, return_to
//	POST {Provider.Action}   return_to
type SignIn struct {
	Base
	Email     string     // as it was typed
	ReturnTo  string     // a checked path of our own; goes along in return_to
	Why       string     // follows the words "Sign in", such as "to confirm handclasp on dev-box"; may be empty
	Notice    string     // what happened before, such as "That link has expired."; one sentence above the form
	Problem   string     // one sentence beside the field
	Providers []Provider // other ways in, drawn as buttons
	Closed    bool       // says, to everybody alike, that no new accounts are made here
}

// Provider is another way to prove who one is.
type Provider struct {
	Name   string // "GitHub"
	Action string // the path of our own that its button is sent to
}

// CheckMail waits for the mail to be read. It may be drawn again at any time: after a reload, in a second tab, by the
// back button. Its script asks GET /signin/state every 2 s while the page is visible, and goes on to "continue" once the
// answer is {"signed_in":true,"continue":"/path"}; any other answer lets it wait.
//
//	POST /signin/code  code
//	POST /signin       email, return_to   ("Send again")
type CheckMail struct {
	Base
	Email              string
	Minutes            int    // how long the link is good
	ReturnTo           string // a checked path of our own
	Problem            string // why it could not be sent again; one sentence beside that button
	CodeProblem        string // one sentence beside the code field
	SignedIn           bool   // this browser is signed in by now: the page offers only "Continue", which leads to ReturnTo
	ResendAfterSeconds int    // what is left of the 30 s before "Send again" wakes up (with script; it is never asleep without)
}

// LinkPage is what the link in the mail opens. Drawing it changes nothing.
//
//	POST /signin/link  t
type LinkPage struct {
	Base
	Email        string
	Token        string // the mailed half, for the field t; not drawn at all with OtherBrowser
	OtherBrowser bool   // this browser did not ask: no button, the six letters of the mail are to be typed in the one that did
	Minutes      int    // how long the link is still good; zero to say nothing
}

// SwitchAccount is drawn in place of a sign-in that would silently replace another account's session.
// Token or Code is what was sent, and is sent again with the answer.
//
//	POST /signin/link  t, switch=yes      if Token is set
//	POST /signin/code  code, switch=yes   if Code is set
//	GET  {StayURL}                        "Keep"
type SwitchAccount struct {
	Base           // Account is who is signed in now
	Email   string // who would be
	Token   string
	Code    string
	StayURL string // empty for /account
}

// SignedOut says that this browser is signed out.
type SignedOut struct{ Base }

func (SignIn) file() string        { return "signin" }
func (CheckMail) file() string     { return "check_mail" }
func (LinkPage) file() string      { return "link" }
func (SwitchAccount) file() string { return "switch_account" }
func (SignedOut) file() string     { return "signed_out" }
