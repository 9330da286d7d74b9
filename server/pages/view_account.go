package pages

import "time"

// Account lists where the person is signed in. Each ending is asked once, in place and without script.
//
//	POST /account/end         session, or device where a row has no SessionID
//	POST /account/end-others
//	POST /signout
type Account struct {
	Base               // Account is whose list it is
	Email    string    // shown as the heading's account; empty for Base.Account
	Devices  []Device  // terminals, the latest seen first
	Browsers []Browser // browsers on our own pages, this one first
	Apps     []App     // what the person has allowed to apps
	Flash    string    // what the last action did, one sentence: "The session on dev-box has ended."
}

// Device is a terminal on the list.
type Device struct {
	ID        string
	SessionID string
	Name      string // what it calls itself; may be empty
	In        string // the browser, of an app that has its pages there: Name is the app's
	Platform  string // such as "linux/amd64"; may be empty
	App       string // the client's name
	Address   string // the network address that asked for the session
	FirstSeen time.Time
	LastSeen  time.Time
	Current   bool // the one that the person is using; its row says so
}

// Browser is a browser on the list.
type Browser struct {
	SessionID string
	Name      string // such as "Firefox on Linux"; may be empty
	Address   string
	FirstSeen time.Time
	LastSeen  time.Time
	Current   bool // this one: it has no End, it signs out
}

// App is an app that the person has let in, and may shut out.
//
//	POST /account/forget  client
type App struct {
	ClientID string
	Name     string
	Scopes   []string // in words
	Since    time.Time
}

// EndDevice is the page behind the link in the mail about a new device or app. It needs no sign-in: the token is the right to end
// what is signed in there and nothing else. Drawing it changes nothing.
//
//	POST /devices/end  t
type EndDevice struct {
	Base
	Token  string // not drawn when Done
	Device Device // Name, Platform, App, Address and FirstSeen are shown
	Done   bool   // the session has ended, now or before
}

func (Account) file() string   { return "account" }
func (EndDevice) file() string { return "end_device" }
