package keys

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"
)

func TestEachPurposeHasItsOwnKey(t *testing.T) {
	k := open(t, Options{})
	id, refresh := k.Secret("refresh").Current()
	_, csrf := k.Secret("csrf").Current()
	if len(refresh) != 32 || bytes.Equal(refresh, csrf) || len(id) != 8 {
		t.Errorf("root %q, keys of %d bytes", id, len(refresh))
	}
	if found, ok := k.Secret("refresh").Key(id); !ok || !bytes.Equal(found, refresh) {
		t.Error("the key is not found by its root")
	}
	s := k.Secret("refresh")
	if n := testing.AllocsPerRun(100, func() { s.Current(); s.Key(id) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDerivationNeverChanges(t *testing.T) {
	k := open(t, Options{RootSecret: someRoot})
	id, key := k.Secret("refresh").Current()
	if id != "2hajs61j" || hex.EncodeToString(key[:4]) != "176c2a98" {
		t.Errorf("root %s, key %x: every refresh token out there would be refused", id, key[:4])
	}
}

func TestOldRootStaysWhenRootsRotate(t *testing.T) {
	c := newClock()
	k := open(t, Options{Now: c.now})
	s := k.Secret("refresh")
	former, key := s.Current()
	c.pass(time.Hour)
	if err := k.Rotate(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	next := one(t, k, "root", Next)
	if id, _ := s.Current(); id != former {
		t.Error("the new root is used before every replica can know it")
	}
	if _, ok := s.Key(next); !ok {
		t.Error("the next root is not known")
	}
	c.pass(rootDelay)
	k.follow(t.Context())
	if id, _ := s.Current(); id != next {
		t.Error("the new root is not used")
	}
	if found, ok := s.Key(former); !ok || !bytes.Equal(found, key) {
		t.Error("what was made under the old root is refused")
	}
	if one(t, k, "root", Retired) != former {
		t.Error("the old root is not listed as retired")
	}
}

func TestOldRootGoesOnlyWhenToldOrAfterItsLife(t *testing.T) {
	c := newClock()
	k := open(t, Options{Now: c.now})
	s := k.Secret("refresh")
	former, _ := s.Current()
	if err := k.Rotate(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if err := k.Retire(t.Context(), former, false); !errors.Is(err, ErrTooEarly) {
		t.Fatalf("want ErrTooEarly, got %v", err)
	}
	c.pass(91*24*time.Hour + time.Second)
	if err := k.Retire(t.Context(), former, false); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Key(former); ok {
		t.Error("the root is still there")
	}
}

func TestRootInUseIsRemovedInAnEmergency(t *testing.T) {
	k := open(t, Options{})
	s := k.Secret("refresh")
	first, _ := s.Current()
	if err := k.Rotate(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	second, _ := s.Current()
	if err := k.Retire(t.Context(), second, true); err != nil {
		t.Fatal(err)
	}
	third, _ := s.Current()
	if third == first || third == second {
		t.Error("an old root came back into use")
	}
	if _, ok := s.Key(second); ok {
		t.Error("the root is still there")
	}
	if _, ok := s.Key(first); !ok {
		t.Error("another root went with it")
	}
}

func TestNextRootTakesOverInAnEmergency(t *testing.T) {
	c := newClock()
	k := open(t, Options{Now: c.now})
	c.pass(time.Hour)
	if err := k.Rotate(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	next := one(t, k, "root", Next)
	if err := k.Retire(t.Context(), one(t, k, "root", Active), true); err != nil {
		t.Fatal(err)
	}
	if one(t, k, "root", Active) != next {
		t.Error("the next root does not take over")
	}
}

func TestRetiringTheRootInUseKeepsIt(t *testing.T) {
	c := newClock()
	k := open(t, Options{Now: c.now})
	former := one(t, k, "root", Active)
	if err := k.Retire(t.Context(), former, false); err != nil {
		t.Fatal(err)
	}
	c.pass(rootDelay)
	k.follow(t.Context())
	if one(t, k, "root", Retired) != former || one(t, k, "root", Active) == former {
		t.Errorf("%+v", k.List())
	}
}
