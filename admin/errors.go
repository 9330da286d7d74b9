package admin

import "errors"

// Invalid is everything that is wrong with what was asked, one mistake a line.
type Invalid struct{ error }

func (e Invalid) Unwrap() error { return e.error }

// invalid is nil if all the mistakes are.
func invalid(mistakes ...error) error {
	if err := errors.Join(mistakes...); err != nil {
		return Invalid{err}
	}
	return nil
}

// The reasons of a Refusal.
const (
	ReasonExists     = "exists"      // what is to be made is there
	ReasonDisabled   = "disabled"    // the user By is kept out
	ReasonScopeTaken = "scope_taken" // a scope is another resource's
	ReasonInUse      = "in_use"      // the resource is an audience of the client By
	ReasonBuiltIn    = "built_in"    // our own client stays
	ReasonPublic     = "public"      // a public client has no secret
	ReasonChanged    = "changed"     // it is not any more what the asker has looked at
	ReasonOnlyAtData = "only_at_data"
	ReasonTooEarly   = "too_early" // for this key; now would do it all the same
	ReasonFixed      = "fixed"     // the settings give the key
)

// Refusal is a request that is in order and cannot be done as things stand.
type Refusal struct {
	Reason string
	Text   string // for people
	By     string // the id of what stands in the way, if the reason has one
}

func (r *Refusal) Error() string { return r.Text }

func refuse(reason, text string) error { return &Refusal{Reason: reason, Text: text} }

// Refused returns the reason of an error that is a Refusal, else nothing.
func Refused(err error) string {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Reason
	}
	return ""
}

// Unfinished is what has begun and is not done. The same request again goes on where this one ended.
type Unfinished struct {
	Text  string
	Cause error
}

func (u *Unfinished) Error() string {
	if u.Cause == nil {
		return u.Text
	}
	return u.Text + ": " + u.Cause.Error()
}

func (u *Unfinished) Unwrap() error { return u.Cause }

// NewInvalid is for mistakes that are found before the desk is asked.
func NewInvalid(mistakes ...error) error { return invalid(mistakes...) }
