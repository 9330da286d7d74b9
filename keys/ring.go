package keys

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// ring is the keys as they are from one moment to the next. It is never changed, only replaced.
type ring struct {
	material  material
	active    *Signing
	published map[string]*rsa.PublicKey
	roots     []root // the one in use first
	document  Document
	infos     []Info
	changesAt time.Time // when time alone makes it another; zero if it does not
}

// root is one root as Secret needs it.
type root struct {
	id     string
	secret []byte
}

// build decides what signs, what is published and what secrets derive from, as of now.
func (k *Keys) build(m material) (*ring, error) {
	now := k.o.Now()
	r := &ring{material: m, published: map[string]*rsa.PublicKey{}}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, e := range m.Signing {
		if e.ended(now) {
			continue
		}
		public := &m.keys[e.ID].PublicKey
		r.published[e.ID] = public
		r.infos = append(r.infos, e.info("signing", e.state()))
		r.changes(e.Until, now)
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: public, KeyID: e.ID, Use: "sig", Algorithm: string(jose.RS256)})
	}
	if err := r.activate(k); err != nil {
		return nil, err
	}
	if err := r.plant(now, k.o.RootLife); err != nil {
		return nil, err
	}
	body, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("write the JWKS: %w", err)
	}
	body = append(body, '\n')
	sum := sha256.Sum256(body)
	r.document = Document{Body: body, ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
	return r, nil
}

// activate finds the key that signs, and keeps its signer if it is the one that signed before. A signer that fails its
// test with the key gives way to Go's own, unless the settings insist on it and the server only starts.
func (r *ring) activate(k *Keys) error {
	e := r.material.signing(Active)
	if e == nil {
		return errors.New("no signing key is active")
	}
	former := k.ring.Load()
	if former != nil && former.active.KID == e.ID {
		r.active = former.active
		return nil
	}
	var err error
	r.active, err = newSigning(e.ID, r.material.keys[e.ID], k.backend, k.o.Log)
	if err == nil {
		return nil
	}
	if k.o.Signer == "openssl" && former == nil {
		return fmt.Errorf("use signing key %s: %w", e.ID, err)
	}
	k.o.Log.Error("the signer does not work, Go's own RSA signs", "signer", k.backend.name(), "kid", e.ID, "error", err)
	return nil
}

// plant orders the roots, the one in use first.
func (r *ring) plant(now time.Time, life time.Duration) error {
	m := &r.material
	inUse := m.rootInUse(now)
	if inUse < 0 {
		return errors.New("there is no root secret")
	}
	for i, e := range m.Roots {
		kept := root{e.ID, m.roots[e.ID]}
		if i == inUse {
			r.roots = slices.Insert(r.roots, 0, kept)
		} else {
			r.roots = append(r.roots, kept)
		}
		state := m.rootState(i, now)
		if state == Retired {
			e.RetiredAt = m.replacedAt(i)
			e.Until = e.RetiredAt.Add(life)
		}
		r.infos = append(r.infos, e.info("root", state))
		r.changes(e.ActiveAt, now)
	}
	return nil
}

// changes remembers the earliest of the moments that lie ahead.
func (r *ring) changes(at, now time.Time) {
	if at.After(now) && (r.changesAt.IsZero() || at.Before(r.changesAt)) {
		r.changesAt = at
	}
}
