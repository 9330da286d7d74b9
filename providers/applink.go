package providers

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/handclasp/handclasp/store"
)

// App is what a link has that leads into an app, and not to our own page. It goes into the names under which the link is
// kept, so that what belongs to another client or another device simply does not fit: the one step that uses up a link
// decides about it too.
type App struct {
	ClientID    string
	Name        string // for the mail
	RedirectURI string // where the link leads; checked by the caller
	State       string // goes along as it is
	Fingerprint string // hash; empty if the app sent none
	Bound       string // must be presented again with the halves, else they do not fit
	Kept        string // comes back when the link is used
}

// ForApp makes an Ask of it. half is the device half that the app has of an older request, if any: the newer one ends it.
func (m *MagicLink) ForApp(ctx context.Context, email, half string, app App) (Ask, error) {
	known, err := m.Admission.knows(ctx, email, app.Fingerprint)
	return Ask{Email: email, Asker: ReadAsker(half), App: &app, Known: known, KnownID: app.Fingerprint}, err
}

// UseApp uses up a link with the half that an app keeps and what came by mail, and returns the person with what was kept.
// Only one caller ever succeeds. store.ErrNotFound: it is wrong, used, expired, replaced, another client's or another
// device's, and nobody learns which. store.ErrRefused: the person may not sign in.
func (m *MagicLink) UseApp(ctx context.Context, t store.AppTry) (store.User, store.Link, error) {
	try, ok := readAppTry(t)
	if !ok {
		return store.User{}, store.Link{}, store.ErrNotFound
	}
	link, err := m.spend(ctx, try)
	if errors.Is(err, ErrLink) {
		return store.User{}, store.Link{}, store.ErrNotFound
	}
	if err != nil {
		return store.User{}, store.Link{}, err
	}
	user, _, err := m.admit(ctx, link)
	if errors.Is(err, ErrNotAllowed) {
		err = store.ErrRefused
	}
	return user, link, err
}

// readAppTry refuses what can fit no link, before a store is asked. Halves of different requests do not count as a try: an
// older mail that is opened by mistake ends nothing.
func readAppTry(t store.AppTry) (store.LinkTry, bool) {
	asker := ReadAsker(t.DeviceHalf)
	if asker.ID == "" {
		return store.LinkTry{}, false
	}
	app := &App{ClientID: t.ClientID, Bound: t.Bound}
	try := store.LinkTry{ID: app.linkID(asker), Device: app.deviceHash(asker)}
	if t.MailHalf != "" {
		id, mailed, ok := readToken(t.MailHalf)
		try.Mail = hash("mail", mailed)
		return try, ok && id == asker.ID
	}
	code, ok := readLetters(t.Letters)
	try.Code = hash("code", try.ID+code)
	return try, ok
}

// linkID keeps apart what different clients ask for, and both from what browsers ask for: another client finds nothing
// there, and can count no tries against it. A nil App is a browser.
func (a *App) linkID(asker Asker) string {
	if a == nil {
		return asker.ID
	}
	return asker.ID + "." + short(a.ClientID)
}

func (a *App) deviceHash(asker Asker) string {
	if a == nil {
		return hash("device", asker.Secret)
	}
	return hash("app-device", asker.Secret+" "+a.Bound)
}

// link is the address that is mailed.
func (a *App) link(issuer, token string) string {
	if a == nil {
		return issuer + "/signin/link?t=" + token
	}
	mark := "?"
	if strings.Contains(a.RedirectURI, "?") {
		mark = "&"
	}
	link := a.RedirectURI + mark + "link=" + token
	if a.State != "" {
		// Not every phone takes a plus for a space.
		link += "&state=" + strings.ReplaceAll(url.QueryEscape(a.State), "+", "%20")
	}
	return link
}

func (a *App) kept() string {
	if a == nil {
		return ""
	}
	return a.Kept
}

func (a *App) name() string {
	if a == nil {
		return ""
	}
	return a.Name
}

// knows reports whether the device with this fingerprint has had a session of the person before. It asks as much for an
// address that nobody has.
func (a *Admission) knows(ctx context.Context, email, fingerprint string) (bool, error) {
	if fingerprint == "" {
		return false, nil
	}
	user, err := a.Records.UserByEmail(ctx, email)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	return a.Records.KnownDevice(ctx, user.ID, fingerprint)
}
