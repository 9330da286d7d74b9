package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/handclasp/handclasp/demo/person"
)

// household is some persons, each signed in with a browser of their own, who approve what terminals ask for.
type household struct {
	server  *server
	persons []*person.Person
	conns   crew
}

// settle signs so many persons in at a server, with links from real mails.
func settle(ctx context.Context, s *server, persons int) (*household, error) {
	h := &household{server: s}
	for i := range persons {
		p, err := person.New(s.issuer, s.outbox(), fmt.Sprintf("person%d@example.test", i))
		if err != nil {
			return nil, err
		}
		if err := p.SignIn(ctx); err != nil {
			return nil, fmt.Errorf("sign in: %w", err)
		}
		h.persons = append(h.persons, p)
	}
	var err error
	h.conns, err = newCrew(s.address)
	return h, err
}

func (h *household) leave() {
	if h != nil {
		h.conns.leave()
	}
}

// login is one whole login of a terminal, through the pages, by the person of this number.
func (h *household) login(ctx context.Context, who int, t terminal) (refresh string, err error) {
	c := h.conns[who]
	got, err := t.ask(c)
	if err != nil {
		return "", err
	}
	question, err := h.persons[who].Open(ctx, got.User)
	if err != nil {
		return "", err
	}
	if err := question.Approve(ctx); err != nil {
		return "", err
	}
	return t.redeem(c, got.Device)
}

// signedIn is a terminal and its newest refresh token.
type signedIn struct {
	terminal
	token string
}

// logins signs n terminals in. Of more terminals than devices, the later ones take the places of the earlier ones.
func (h *household) logins(ctx context.Context, n, devices int) ([]signedIn, error) {
	return h.loginsFor(ctx, 24*time.Hour, n, devices)
}

// loginsFor signs in as many of n terminals as there is time for.
func (h *household) loginsFor(ctx context.Context, most time.Duration, n, devices int) ([]signedIn, error) {
	each, end := make([][]signedIn, len(h.persons)), time.Now().Add(most)
	err := parallel(len(h.persons), len(h.persons), func(_, who int) error {
		for i := who; i < n && time.Now().Before(end); i += len(h.persons) {
			t := terminalAt(h.server, i%devices*len(h.persons)+who) // a device stays with its person
			token, err := h.login(ctx, who, t)
			if err != nil {
				return err
			}
			each[who] = append(each[who], signedIn{t, token})
		}
		return nil
	})
	return slices.Concat(each...), err
}
