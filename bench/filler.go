package main

import (
	"context"
	"fmt"
	"time"

	"github.com/handclasp/handclasp/store"
)

// owners is how many persons the live sessions belong to.
const owners = 1000

// filler begins sessions by the steps of a login, without the pages and the mails.
type filler struct {
	records store.Records
	tickets store.Tickets
	issuer  string
	now     time.Time
	users   []string
}

// invite makes the owners.
func (f *filler) invite(ctx context.Context) error {
	for i := range owners {
		user, _, err := f.records.EnsureUser(ctx, store.User{
			ID: store.NewID(store.UserPrefix), Email: fmt.Sprintf("owner%d@example.test", i), CreatedAt: f.now, VerifiedAt: f.now,
		})
		if err != nil {
			return err
		}
		f.users = append(f.users, user.ID)
	}
	return nil
}

// login takes one session all the way: asked for, opened, begun, approved, redeemed, confirmed.
func (f *filler) login(ctx context.Context, i int) error {
	r := store.Request{
		SID: store.NewID(store.SessionPrefix), Secret: hash("secret", i), UserCode: hash("code", i), ClientID: clientID,
		Scope: []string{"account:read", "account:devices"}, Audience: []string{f.issuer}, Fingerprint: hash("device", i),
		Name: "workbench", Platform: "linux/amd64", Address: "192.0.2.1", CreatedAt: f.now, ExpiresAt: time.Now().Add(10 * time.Minute),
		Interval: 5 * time.Second, State: store.StatePending,
	}
	user, browser := f.users[i%owners], store.NewID(store.SessionPrefix)
	if _, err := f.tickets.Open(ctx, r); err != nil {
		return err
	}
	if _, err := f.tickets.Bind(ctx, r.UserCode, browser, user); err != nil {
		return err
	}
	begun, err := f.begin(ctx, r, user)
	if err != nil {
		return err
	}
	err = f.tickets.Approve(ctx, store.Approval{
		SID: r.SID, Browser: browser, UserID: user, DeviceID: begun.DeviceID, AuthTime: f.now, AMR: []string{"mail"},
		JTI: hash("jti", i)[:22], Next: hash("next", i)[:22], Idle: 720 * time.Hour, Absolute: 2160 * time.Hour,
	})
	if err != nil {
		return err
	}
	polled, err := f.tickets.Poll(ctx, store.Poll{SID: r.SID, Secret: r.Secret, ClientID: clientID, Fingerprint: r.Fingerprint})
	if err != nil {
		return err
	}
	if polled.Answer != store.AnswerGranted {
		return fmt.Errorf("a login was answered %q", polled.Answer)
	}
	_, err = f.records.ConfirmSession(ctx, r.SID, f.now)
	return err
}

func (f *filler) begin(ctx context.Context, r store.Request, user string) (store.Begun, error) {
	return f.records.BeginSession(ctx, store.Beginning{Fingerprint: r.Fingerprint, Session: store.Session{
		ID: r.SID, Kind: store.KindDevice, UserID: user, ClientID: clientID, Scope: r.Scope, Audience: r.Audience,
		AMR: []string{"mail"}, Address: r.Address, Name: r.Name, Platform: r.Platform,
		AuthTime: f.now, CreatedAt: f.now, SeenAt: f.now, CheckAt: f.now.Add(720 * time.Hour), ExpiresAt: f.now.Add(2160 * time.Hour),
	}})
}

// hash is something that is as long as the hashes that are kept.
func hash(purpose string, i int) string { return fmt.Sprintf("%022d-%020s", i, purpose) }
