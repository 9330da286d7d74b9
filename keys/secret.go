package keys

import "sync/atomic"

// Secret is the key of one purpose, derived from each root. Two purposes tell nothing of each other.
type Secret struct {
	purpose string
	state   atomic.Pointer[derived]
	look    func()
}

// derived is never changed, only replaced.
type derived struct {
	id   string
	key  []byte
	keys map[string][]byte
}

// Secret returns the key of this purpose, which stays current when roots rotate: keep it. The name of a purpose is part
// of what was made under it and never changes.
func (k *Keys) Secret(purpose string) *Secret {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, ok := k.secrets[purpose]
	if !ok {
		s = &Secret{purpose: purpose, look: k.look}
		s.derive(k.ring.Load().roots)
		k.secrets[purpose] = s
	}
	return s
}

// Current returns the 32 bytes to make things under now, and the name of the root that they derive from, eight letters
// and digits. Do not change the bytes.
func (s *Secret) Current() (id string, key []byte) {
	d := s.state.Load()
	return d.id, d.key
}

// Key returns the 32 bytes under the root of this name, also an older one. A name that is not known makes it look at the
// folder again, at most once a second. Do not change the bytes.
func (s *Secret) Key(id string) ([]byte, bool) {
	if key, ok := s.state.Load().keys[id]; ok {
		return key, true
	}
	s.look()
	key, ok := s.state.Load().keys[id]
	return key, ok
}

func (s *Secret) derive(roots []root) {
	former := s.state.Load()
	d := &derived{id: roots[0].id, keys: make(map[string][]byte, len(roots))}
	for _, r := range roots {
		if former != nil && former.keys[r.id] != nil {
			d.keys[r.id] = former.keys[r.id]
			continue
		}
		d.keys[r.id] = derive(r.secret, "secret/"+s.purpose, rootBytes)
	}
	d.key = d.keys[d.id]
	s.state.Store(d)
}
