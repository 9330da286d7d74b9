package store

import (
	"errors"
	"time"
)

// ErrScopeTaken means that a scope's name is another resource's already.
var ErrScopeTaken = errors.New("scope belongs to another resource")

// Resource is a registered API that tokens are for (RFC 8707). A scope's name belongs to one resource: approvals, consents and
// tokens know a scope by its name alone, so what was allowed for one API must never mean something at another.
type Resource struct {
	ID        string // the absolute URI that requests name and that tokens have as their audience
	Name      string // what operators call it
	Scopes    []Scope
	DPoP      bool // it wants access tokens that are bound to a key (RFC 9449)
	CreatedAt time.Time
	UpdatedAt time.Time
}

// StatusListSize is how many indexes a status list has. An index names its list and its place in it: index / StatusListSize and
// index % StatusListSize. Index 0 is nobody's.
const StatusListSize = 1 << 17
