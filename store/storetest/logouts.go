package storetest

import (
	"time"

	"github.com/handclasp/handclasp/store"
)

// browser is a session of a browser.
func (b *book) browser(u store.User, at time.Time) store.Session {
	b.t.Helper()
	_, s := b.beginsAs(store.Beginning{Session: store.Session{
		ID: store.NewID(store.SessionPrefix), Kind: store.KindBrowser, UserID: u.ID, CreatedAt: at, SeenAt: at, ConfirmedAt: at,
		CheckAt: after(120), ExpiresAt: after(120),
	}})
	return s
}

// openedBy is a session of an app that hangs on a browser session.
func (b *book) openedBy(u store.User, browser store.Session) store.Beginning {
	start := beginning(u, "browser-device")
	start.Session.Opener, start.Session.Scope = browser.ID, []string{"openid", "plans:read"}
	return start
}

// opened is a live one.
func (b *book) opened(u store.User, browser store.Session, at time.Time) store.Session {
	b.t.Helper()
	_, s := b.beginsAs(b.openedBy(u, browser))
	c, err := b.ConfirmSession(b.ctx, s.ID, at)
	b.ok(err)
	return c.Session
}

// listening makes the client of live sessions hear of their ends.
func (b *book) listening(id string) {
	c, err := b.Client(b.ctx, id)
	b.ok(err)
	c.LogoutURI, c.LogoutRedirectURIs = "https://app.example.test/logout", []string{"https://app.example.test/bye"}
	b.ok(b.UpdateClient(b.ctx, c))
}

// untold lists whose ends are due to be told.
func (b *book) untold(minute int) (sids []string) {
	due, err := b.DueLogouts(b.ctx, after(minute), 10)
	b.ok(err)
	for _, l := range due {
		sids = append(sids, l.SID)
	}
	return sids
}

var logoutStories = []story[*book]{
	{"what hangs on a browser session ends with it, and is told", func(b *book) {
		ana := b.user("ana")
		browser, own := b.browser(ana, after(1)), b.live(ana, "fp", after(1))
		hangs := b.opened(ana, browser, after(2))
		b.listening(hangs.ClientID)
		_, err := b.EndSession(b.ctx, browser.ID, "logout", after(3))
		b.ok(err)
		got, err := b.Session(b.ctx, hangs.ID)
		b.ok(err)
		b.same(got.EndReason, "logout")
		b.same(got.EndedAt, after(3))
		b.same(b.owner(hangs.DeviceID), "")
		b.same(b.untold(3), []string{hangs.ID})
		got, err = b.Session(b.ctx, own.ID)
		b.ok(err)
		b.same(got.Live(), true)
		_, err = b.BeginSession(b.ctx, b.openedBy(ana, browser))
		b.fails(err, store.ErrRefused)
	}},
	{"a silent end takes nothing along and is told to nobody", func(b *book) {
		ana := b.user("ana")
		browser := b.browser(ana, after(1))
		hangs := b.opened(ana, browser, after(2))
		b.listening(hangs.ClientID)
		_, err := b.EndSession(b.ctx, browser.ID, store.ReasonExpired, after(3))
		b.ok(err)
		got, err := b.Session(b.ctx, hangs.ID)
		b.ok(err)
		b.same(got.Live(), true)
		_, err = b.EndSession(b.ctx, hangs.ID, store.ReasonReplaced, after(4))
		b.ok(err)
		b.same(b.untold(5), []string(nil))
	}},
	{"what hangs on a browser session that has run out ends when somebody decides so", func(b *book) {
		ana := b.user("ana")
		browser := b.browser(ana, after(1))
		hangs := b.opened(ana, browser, after(2))
		b.listening(hangs.ClientID)
		expired, err := b.EndSession(b.ctx, browser.ID, store.ReasonExpired, after(3))
		b.ok(err)
		b.ok(b.GrantGone(b.ctx, browser.ID, after(3)))
		for i, reason := range []string{"", store.ReasonReplaced, "logout"} {
			got, err := b.EndSession(b.ctx, browser.ID, reason, after(4+i))
			b.ok(err)
			b.same(got.EndReason, expired.EndReason)
			b.same(got.EndedAt, expired.EndedAt)
			row, err := b.Session(b.ctx, hangs.ID)
			b.ok(err)
			b.same(row.Live(), reason != "logout")
			b.same(len(got.Took) == 1 && got.Took[0].ID == row.ID, reason == "logout")
		}
		again, err := b.EndSession(b.ctx, browser.ID, "logout", after(7))
		b.ok(err)
		b.same(len(again.Took), 0)
		b.same(b.owner(hangs.DeviceID), "")
		b.same(b.untold(6), []string{hangs.ID})
	}},
	{"what hung on one browser session can hang on the next", func(b *book) {
		ana := b.user("ana")
		first, second := b.browser(ana, after(1)), b.browser(ana, after(1))
		hangs := b.opened(ana, first, after(2))
		b.ok(b.MoveOpened(b.ctx, first.ID, second.ID))
		_, err := b.EndSession(b.ctx, first.ID, "logout", after(3))
		b.ok(err)
		got, err := b.Session(b.ctx, hangs.ID)
		b.ok(err)
		b.same(got.Live(), true)
		b.same(got.Opener, second.ID)
	}},
	{"of 32 who claim a logout one does", func(b *book) {
		ana := b.user("ana")
		browser := b.browser(ana, after(1))
		hangs := b.opened(ana, browser, after(1))
		b.listening(hangs.ClientID)
		_, err := b.EndSession(b.ctx, browser.ID, "logout", after(2))
		b.ok(err)
		due, err := b.DueLogouts(b.ctx, after(2), 10)
		b.ok(err)
		b.same(due, []store.Logout{{SID: hangs.ID, ClientID: hangs.ClientID, UserID: ana.ID, EndedAt: after(2), DueAt: after(2)}})
		claimed := 0
		for _, err := range race(32, func(int) error { return b.ClaimLogout(b.ctx, due[0], after(5)) }) {
			if err == nil {
				claimed++
				continue
			}
			b.fails(err, store.ErrNotFound)
		}
		b.same(claimed, 1)
		b.same(b.untold(4), []string(nil))
		b.same(b.untold(5), []string{hangs.ID})
		b.ok(b.DropLogout(b.ctx, hangs.ID))
		b.ok(b.DropLogout(b.ctx, hangs.ID))
		b.same(b.untold(5), []string(nil))
	}},
}
