package sql

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/handclasp/handclasp/store"
)

// A replica may look, sleep, and write late. What it then writes must not step over what happened meanwhile; the races of
// storetest meet this only by chance.

func TestALateRotationStepsNothingBack(t *testing.T) {
	d, now := inside(t), time.Now()
	g := store.Grant{SID: "ses_a", ClientID: "tool", RotatedAt: now, Idle: time.Hour, ExpiresAt: now.Add(time.Hour), JTI: "1", Next: "2"}
	insert := func(ctx context.Context, tx *runner) error { return insertGrant(ctx, tx, g) }
	if err := d.hard.write(t.Context(), insert); err != nil {
		t.Fatal(err)
	}
	late := g
	late.Previous, late.JTI, late.Next = "1", "2", "3"
	r := store.Rotation{SID: "ses_a", ClientID: "tool", JTI: "1", Next: "one", AfterNext: "two"}
	if _, err := d.Rotate(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := d.moveGrant(t.Context(), late, "1"); !errors.Is(err, errFaster) {
		t.Errorf("a late rotation: %v", err)
	}
	if err := d.endGrant(t.Context(), "ses_a", "1"); !errors.Is(err, errFaster) {
		t.Errorf("a late end: %v", err)
	}
	got, err := d.Grant(t.Context(), "ses_a", "")
	if err != nil || got.JTI != "one" {
		t.Errorf("the grant is now %+v (%v)", got, err)
	}
}

func TestALateDecisionIsNotWritten(t *testing.T) {
	d, now := inside(t), time.Now()
	q := store.Request{SID: "ses_a", UserCode: "code", Secret: "secret", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	if _, err := d.Open(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Bind(t.Context(), "code", "browser", "user"); err != nil {
		t.Fatal(err)
	}
	late, _, err := d.look(t.Context(), bySID, "ses_a")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Deny(t.Context(), "ses_a", "browser", store.ReasonUser); err != nil {
		t.Fatal(err)
	}
	late.State = store.StateApproved
	err = d.hard.write(t.Context(), func(ctx context.Context, tx *runner) error {
		return swap(ctx, tx, late, store.StatePending, now)
	})
	if !errors.Is(err, errFaster) {
		t.Errorf("a late approval: %v", err)
	}
	if p, err := d.Pulses(t.Context(), "ses_a"); err != nil || p[0].State != store.StateDenied {
		t.Errorf("after it: %+v (%v)", p, err)
	}
}
