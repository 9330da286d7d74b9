package pages

import "time"

// EnterCode asks for the code that a terminal shows.
//
//	POST /device  user_code
type EnterCode struct {
	Base
	Code    string // as it was typed; kept when the page comes back
	Problem string // one sentence beside the field, the same for unknown and expired codes
}

// Approve asks the one question that this server is for. Nothing on it is preselected, focused or weightier.
//
//	POST /device/{RequestID}  decision=approve|deny
//	POST /signout             return_to=/device, request   ("Not you?")
type Approve struct {
	Base                  // Account is who would be signed in
	RequestID   string    // the path segment that the decision is sent to
	App         string    // the client's registered name
	DeviceName  string    // what the device calls itself; may be empty
	Platform    string    // the same, such as "linux/amd64"; may be empty
	Code        string    // "XXXX-XXXX", to compare with the terminal
	Scopes      []string  // in words, never names; empty if there is nothing but the sign-in
	Address     string    // the network address that asked
	AskedAt     time.Time // when it asked
	SameNetwork bool      // this browser comes from the same network
	KnownDevice bool      // the person has had a session on this device before
	Unvetted    Unvetted
}

// Approved says that it is done. It is right also when the terminal has gone away meanwhile.
//
//	POST /account/end  session   ("This was not me")
type Approved struct {
	Base
	App        string
	DeviceName string // may be empty
	SessionID  string // what "This was not me" ends
}

// Denied says that the person refused, and what to type if that was a slip.
type Denied struct {
	Base
	App        string // may be empty
	DeviceName string // may be empty
	Command    string // what to type to start again; empty for "start again in your terminal"
}

// Expired says that a code which this browser had opened was not decided in time.
type Expired struct {
	Base
	Command string // as in Denied
}

// Used says that a code which this browser had opened has been decided before.
type Used struct {
	Base
	Command string // as in Denied
}

// Conflict says that the device belongs to another account. It names nobody.
type Conflict struct {
	Base
	DeviceName string // may be empty
	Command    string // what makes a new device of it, such as "handclasp login --new-device"; empty as in Denied
}

// OpenedElsewhere says that another browser session opened this code first, and keeps it.
type OpenedElsewhere struct {
	Base
	Command string // as in Denied
}

func (EnterCode) file() string       { return "enter_code" }
func (Approve) file() string         { return "approve" }
func (Approved) file() string        { return "approved" }
func (Denied) file() string          { return "denied" }
func (Expired) file() string         { return "expired" }
func (Used) file() string            { return "used" }
func (Conflict) file() string        { return "conflict" }
func (OpenedElsewhere) file() string { return "opened_elsewhere" }
