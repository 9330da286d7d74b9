// Package pages draws what people see in a browser: one quiet column, one thing to do a page, complete without script.
// It knows nothing of requests or stores: a handler fills in a view and calls Write.
//
// Every form sends the field "csrf", and every action is a POST. The paths and fields stand in the comment of each view.
package pages

import "time"

// View is one page, ready to be drawn. The views of this package are the only ones.
type View interface {
	file() string // the template, without its suffix
	base() Base
}

// Base is what every page carries.
type Base struct {
	CSRF    string    // goes into the hidden field "csrf" of every form
	Account string    // the signed-in address; empty if nobody is
	Now     time.Time // what "2 minutes ago" is counted from; required on pages with times
	Console bool      // the server sends no mail: the terminal that it runs in shows the links
}

func (b Base) base() Base { return b }
