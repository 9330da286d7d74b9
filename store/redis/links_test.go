package redis

import (
	"testing"
	"time"

	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis/redistest"
)

// A program of before there were apps packed its links without them. They are still read.
func TestLinkThatAnOlderProgramPackedIsRead(t *testing.T) {
	s, err := Open(t.Context(), Options{URL: redistest.Start(t), Prefix: store.NewID("t")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	now := time.Now().UTC().Truncate(time.Microsecond)
	l := store.Link{
		ID: "lnk_older", Device: "device-half", Mail: "mail-half", Code: "letters", Email: "ana@example.test",
		ReturnTo: "/device", Address: "192.0.2.7", CreatedAt: now, ExpiresAt: now.Add(15 * time.Minute),
	}
	p := pack().bytes(0).times(l.ExpiresAt).texts(l.Device, l.Mail, l.Code)
	p.texts(l.Email, l.ReturnTo, l.Address).times(l.CreatedAt)
	if err := s.put(t.Context(), s.keys.link(l.ID), l.ExpiresAt, p.b); err != nil {
		t.Fatal(err)
	}
	got, err := s.TakeLink(t.Context(), store.LinkTry{ID: l.ID, Device: l.Device, Mail: l.Mail})
	if err != nil || got != l {
		t.Errorf("%+v, %v", got, err)
	}
}
