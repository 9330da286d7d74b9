package redis

import (
	"context"
	"errors"

	"github.com/handclasp/handclasp/store"
)

// PutLink keeps a link in place of any older one with the same id, and with it the count of wrong tries.
func (s *Store) PutLink(ctx context.Context, l store.Link) error {
	if l.ID == "" || l.Device == "" || l.Mail == "" {
		return errors.New("redis: put link: a link needs an id and two halves")
	}
	p := pack().bytes(0).times(l.ExpiresAt).texts(l.Device, l.Mail, l.Code)
	p.texts(l.Email, l.ReturnTo, l.Address).times(l.CreatedAt).texts(l.App)
	if p.err != nil {
		return p.err
	}
	return s.put(ctx, s.keys.link(l.ID), l.ExpiresAt, p.b)
}

func linkOf(of *step, id string, reply answer) (store.Link, error) {
	if err := reply.ok(of); err != nil {
		return store.Link{}, err
	}
	u := &unpacker{s: reply.text(1)}
	u.byte() // wrong tries
	l := store.Link{ID: id, ExpiresAt: u.time(), Device: u.text(), Mail: u.text(), Code: u.text()}
	l.Email, l.ReturnTo, l.Address, l.CreatedAt = u.text(), u.text(), u.text(), u.time()
	if u.s != "" { // a link that was packed before there was room for an app ends here
		l.App = u.text()
	}
	return l, u.err()
}

// Link reads a live link whose mailed half fits.
func (s *Store) Link(ctx context.Context, id, mail string) (store.Link, error) {
	return s.readLink(ctx, id, "", mail)
}

// LinkOf reads a live link whose asker's half fits.
func (s *Store) LinkOf(ctx context.Context, id, device string) (store.Link, error) {
	return s.readLink(ctx, id, device, "")
}

func (s *Store) readLink(ctx context.Context, id, device, mail string) (store.Link, error) {
	reply, err := s.run(ctx, stepLink, []string{s.keys.link(id)}, s.clock(), device, mail)
	if err != nil {
		return store.Link{}, err
	}
	return linkOf(stepLink, id, reply)
}

// TakeLink uses up a link whose halves fit, once ever; see store.Tickets.
func (s *Store) TakeLink(ctx context.Context, t store.LinkTry) (store.Link, error) {
	reply, err := s.run(ctx, stepTake, []string{s.keys.link(t.ID)}, s.clock(), t.Device, t.Mail, t.Code)
	if err != nil {
		return store.Link{}, err
	}
	return linkOf(stepTake, t.ID, reply)
}
