package pages

import "time"

// Consent asks whether an app may have the person, on the way of the authorization code. Nothing on it is preselected.
//
//	POST /authorize/{RequestID}  decision=approve|deny
//	POST /signout                return_to=/authorize/{RequestID}   ("Not you?")
type Consent struct {
	Base                 // Account is who would be signed in
	RequestID   string   // the path segment that the decision is sent to
	App         string   // the client's registered name
	Scopes      []string // in words, never names
	AskedAt     time.Time
	Native      bool   // the answer goes to a program on this machine
	Target      string // the host that the browser goes on to; empty for a program
	Terminal    bool   // it is a terminal with a device of its own, and what follows is what it says of itself
	DeviceName  string
	Platform    string
	KnownDevice bool
	Unvetted    Unvetted
}

// Unvetted says of a client that no operator has registered it, so that its name is its own claim.
type Unvetted struct {
	Is   bool
	Home string // the host that speaks for it; empty if it has registered itself
}

// RequestOver says that a request was decided before, or has waited too long.
type RequestOver struct{ Base }

func (Consent) file() string     { return "consent" }
func (RequestOver) file() string { return "request_over" }

// GoOn asks whether the browser shall go on to an app that nobody here knows.
type GoOn struct {
	Base
	App      string // the client's registered name
	Target   string // the host of Link
	Link     string // https
	Failed   bool   // the app has asked for what it cannot have
	Unvetted Unvetted
}

func (GoOn) file() string { return "go_on" }

// SignOut asks whether the person wants what an app asks for: that they sign out.
//
//	POST /signout/app  Fields
type SignOut struct {
	Base                     // Account is who would be signed out; empty if only the apps are left
	App    string            // the client's registered name; empty if the request names none
	Fields map[string]string // what the app has sent
}

func (SignOut) file() string { return "sign_out" }
