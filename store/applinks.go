package store

// AppTry is what an app presents of the magic link that it asked for: its own half, and beside it the half that was mailed
// or the six letters. None of them is hashed yet.
type AppTry struct {
	ClientID   string
	DeviceHalf string // as it was answered to the request
	MailHalf   string // the parameter link of the mailed URL; empty if letters were typed
	Letters    string
	Bound      string // must be what the request was bound to: the fingerprint and the code challenge
}
