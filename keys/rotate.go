package keys

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// rootDelay is how long a new root only lies there, so that every replica knows it before one of them uses it.
	rootDelay = time.Minute
	// clockSkew is how much longer we publish than the arithmetic says.
	clockSkew = time.Minute
)

// Rotate lets the next signing key sign, retires the one that did, makes a new next one, and makes a new root which is
// used after a minute. Nothing that was made before is refused. It is ErrTooEarly, and changes nothing, if the next key
// has not been published long enough for every cache to know it. With now it does not wait, neither for the key nor
// for the root: a resource server with an older JWKS then refuses tokens until it asks again.
//
// What the settings give does not rotate here; it is ErrFixed if they give both.
func (k *Keys) Rotate(ctx context.Context, now bool) error {
	if !k.usesFolder() {
		return fmt.Errorf("rotate: %w", ErrFixed)
	}
	return k.alter(ctx, "rotate", func(m *manifest) error {
		if !k.fixed.signing {
			if err := k.rotateSigning(m, now); err != nil {
				return err
			}
		}
		if k.fixed.roots {
			return nil
		}
		return k.rotateRoot(m, now)
	})
}

// Retire takes one key or root out of use.
//
// A signing key that is active gives way to the next as by Rotate (and may be ErrTooEarly), and stays published until
// its tokens have ended; a next one is replaced; a retired one needs nothing more. The root in use gives way to a new
// one and is kept; an older root is deleted if RootLife has passed since it was replaced, else it is ErrTooEarly.
//
// With now, for an emergency, the key or root is gone at once, and all that it signed, or that was made under it, is
// refused: access tokens until the next refresh, or every session whose refresh token derives from that root.
func (k *Keys) Retire(ctx context.Context, id string, now bool) error {
	return k.alter(ctx, "retire", func(m *manifest) error {
		switch {
		case find(m.Signing, id) >= 0 && !k.fixed.signing:
			return k.retireSigning(m, id, now)
		case find(m.Roots, id) >= 0 && !k.fixed.roots:
			return k.retireRoot(m, id, now)
		case find(k.ring.Load().material.Signing, id) >= 0, find(k.ring.Load().material.Roots, id) >= 0:
			return fmt.Errorf("%s: %w", id, ErrFixed)
		default:
			return fmt.Errorf("%s: %w", id, ErrUnknown)
		}
	})
}

// alter changes the folder under its lock and uses the result.
func (k *Keys) alter(ctx context.Context, what string, edit func(*manifest) error) error {
	if !k.usesFolder() {
		return edit(&manifest{})
	}
	err := k.folder.change(ctx, func(m *manifest) error {
		if err := edit(m); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		k.dropEnded(m)
		return k.complete(m)
	})
	if err != nil {
		return err
	}
	return k.reload()
}

// lacks reports whether complete would add something.
func (k *Keys) lacks(m manifest) bool {
	signing := k.fixed.signing || m.signing(Active) != nil && m.signing(Next) != nil
	return !signing || !k.fixed.roots && len(m.Roots) == 0
}

// complete adds what is missing for the server to work.
func (k *Keys) complete(m *manifest) error {
	if !k.fixed.signing {
		if err := k.completeSigning(m); err != nil {
			return err
		}
	}
	if k.fixed.roots || len(m.Roots) > 0 {
		return nil
	}
	e, err := k.folder.makeRoot()
	e.ActiveAt = e.MadeAt
	m.Roots = append(m.Roots, e)
	return err
}

func (k *Keys) completeSigning(m *manifest) error {
	if m.signing(Active) == nil {
		if m.signing(Next) == nil {
			if err := k.addNext(m); err != nil {
				return err
			}
		}
		m.signing(Next).ActiveAt = k.o.Now().UTC()
	}
	if m.signing(Next) != nil {
		return nil
	}
	return k.addNext(m)
}

func (k *Keys) addNext(m *manifest) error {
	e, err := k.folder.makeKey()
	m.Signing = slices.Insert(m.Signing, 0, e)
	return err
}

func (k *Keys) rotateSigning(m *manifest, now bool) error {
	at := k.o.Now().UTC()
	if next := m.signing(Next); next != nil && !now {
		if wait := next.MadeAt.Add(k.o.CacheTime).Sub(at); wait > 0 {
			return fmt.Errorf("next key %s is not yet known to every cache, wait %s or rotate with --now: %w",
				next.ID, wait.Round(time.Second), ErrTooEarly)
		}
	}
	if former := m.signing(Active); former != nil {
		former.RetiredAt = at
		former.Until = at.Add(k.o.TokenLife + k.o.CacheTime + clockSkew)
	}
	return k.completeSigning(m)
}

func (k *Keys) retireSigning(m *manifest, id string, now bool) error {
	i := find(m.Signing, id)
	s := m.Signing[i].state()
	switch {
	case now, s == Next:
		m.Signing = slices.Delete(m.Signing, i, i+1)
		return nil // complete lets the next one sign, and makes what is missing
	case s == Active:
		return k.rotateSigning(m, false)
	default:
		return nil
	}
}

// rotateRoot makes a new root. Those before it stay, and may be retired once RootLife has passed.
func (k *Keys) rotateRoot(m *manifest, now bool) error {
	e, err := k.folder.makeRoot()
	if err != nil {
		return err
	}
	e.ActiveAt = e.MadeAt
	if !now {
		e.ActiveAt = e.MadeAt.Add(rootDelay)
	}
	m.Roots = slices.Insert(m.Roots, 0, e)
	return nil
}

func (k *Keys) retireRoot(m *manifest, id string, now bool) error {
	at := k.o.Now()
	i, inUse := find(m.Roots, id), m.rootInUse(at)
	if i == inUse && !now {
		return k.rotateRoot(m, false)
	}
	if i > inUse && !now {
		if until := m.replacedAt(i).Add(k.o.RootLife); at.Before(until) {
			return fmt.Errorf("sessions may still derive from root %s until %s, --now ends them: %w",
				id, until.Format(time.DateOnly), ErrTooEarly)
		}
	}
	m.Roots = slices.Delete(m.Roots, i, i+1)
	switch {
	case i != inUse:
		return nil
	case inUse == 0:
		return k.rotateRoot(m, true) // an older root must not come back into use
	default:
		m.Roots[inUse-1].ActiveAt = at.UTC() // the next one lies ready
		return nil
	}
}

// dropEnded takes out the signing keys that nobody needs any more.
func (k *Keys) dropEnded(m *manifest) {
	at := k.o.Now()
	m.Signing = slices.DeleteFunc(m.Signing, func(e entry) bool { return e.ended(at) })
}

// tidy deletes those keys from the folder too. Of many replicas one finds something to do.
func (k *Keys) tidy(ctx context.Context) error {
	if !k.usesFolder() {
		return nil
	}
	return k.folder.change(ctx, func(m *manifest) error {
		k.dropEnded(m)
		return nil
	})
}
