package pages

import "time"

// Error is any refusal or failure that has no page of its own. Its heading follows the status that Write is given.
type Error struct {
	Base
	Sentence  string // what happened and what to do, in plain words; empty for a general one
	RequestID string // for the log; may be empty
	BackURL   string // a path of our own; empty for /account
	BackText  string // empty for "Back to your devices"
}

// NotFound says that nothing is at this address, or nothing that is the reader's.
type NotFound struct{ Base }

// TooMany says that somebody was too fast, and when to try again.
type TooMany struct {
	Base
	Again    time.Time // when it would pass
	BackURL  string    // a path of our own to try again at; empty for no button
	BackText string    // empty for "Back"
}

func (Error) file() string    { return "error" }
func (NotFound) file() string { return "not_found" }
func (TooMany) file() string  { return "too_many" }
