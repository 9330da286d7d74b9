package keys

import (
	"slices"
	"time"
)

// manifest is keyring.json: which keys there are, the newest of each kind first, and since when they are what they are.
// It holds no secret.
type manifest struct {
	Version int     `json:"version"`
	Signing []entry `json:"signing"`
	Roots   []entry `json:"roots"`
}

// entry is one key or root. A signing key is next until ActiveAt is set; a root's ActiveAt may lie ahead.
type entry struct {
	ID        string    `json:"id"`
	MadeAt    time.Time `json:"made_at"`
	ActiveAt  time.Time `json:"active_at,omitzero"`
	RetiredAt time.Time `json:"retired_at,omitzero"`
	Until     time.Time `json:"until,omitzero"` // when a retired signing key goes
}

// State is where a key or a root stands in its life.
type State string

// The states, in the order of a life.
const (
	Next    State = "next"
	Active  State = "active"
	Retired State = "retired"
)

// Info is what a person may know of a key: everything but the key.
type Info struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"` // "signing" or "root"
	State     State     `json:"state"`
	MadeAt    time.Time `json:"made_at,omitzero"`
	ActiveAt  time.Time `json:"active_at,omitzero"`
	RetiredAt time.Time `json:"retired_at,omitzero"`
	Until     time.Time `json:"until,omitzero"` // how long a retired signing key is published, or an old root must be kept
}

func (e entry) info(kind string, s State) Info {
	return Info{ID: e.ID, Kind: kind, State: s, MadeAt: e.MadeAt, ActiveAt: e.ActiveAt, RetiredAt: e.RetiredAt, Until: e.Until}
}

func (e entry) state() State {
	switch {
	case !e.RetiredAt.IsZero():
		return Retired
	case !e.ActiveAt.IsZero():
		return Active
	default:
		return Next
	}
}

// ended reports whether a retired signing key has outlived its last token and every cache.
func (e entry) ended(at time.Time) bool { return !e.RetiredAt.IsZero() && !at.Before(e.Until) }

// signing returns the newest signing key in this state, or nil.
func (m *manifest) signing(s State) *entry {
	for i := range m.Signing {
		if m.Signing[i].state() == s {
			return &m.Signing[i]
		}
	}
	return nil
}

// rootInUse returns the place of the root that things are made under at this time: the newest that is of age. If the clock
// went back behind all of them it is the oldest, since something must be used. It is -1 without roots.
func (m *manifest) rootInUse(at time.Time) int {
	if i := slices.IndexFunc(m.Roots, func(e entry) bool { return !e.ActiveAt.After(at) }); i >= 0 {
		return i
	}
	return len(m.Roots) - 1
}

// rootState says what the root at place i is at this time.
func (m *manifest) rootState(i int, at time.Time) State {
	switch inUse := m.rootInUse(at); {
	case i < inUse:
		return Next
	case i == inUse:
		return Active
	default:
		return Retired
	}
}

// replacedAt says when the root at place i, which is not the newest, gave way to the one after it.
func (m *manifest) replacedAt(i int) time.Time { return m.Roots[i-1].ActiveAt }

// find returns the place of id in the entries, or -1.
func find(entries []entry, id string) int {
	return slices.IndexFunc(entries, func(e entry) bool { return e.ID == id })
}

// holds reports whether a file of this name and kind belongs to the manifest.
func (m *manifest) holds(id, suffix string) bool {
	if suffix == rootSuffix {
		return find(m.Roots, id) >= 0
	}
	return find(m.Signing, id) >= 0
}

func (m *manifest) clone() manifest {
	return manifest{Version: m.Version, Signing: slices.Clone(m.Signing), Roots: slices.Clone(m.Roots)}
}

func (m *manifest) equal(o manifest) bool {
	same := func(a, b entry) bool {
		return a.ID == b.ID && a.MadeAt.Equal(b.MadeAt) && a.ActiveAt.Equal(b.ActiveAt) &&
			a.RetiredAt.Equal(b.RetiredAt) && a.Until.Equal(b.Until)
	}
	return slices.EqualFunc(m.Signing, o.Signing, same) && slices.EqualFunc(m.Roots, o.Roots, same)
}
