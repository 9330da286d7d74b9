package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"

	"github.com/ory/fosite"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// linkGrant is our own: an app brings the half of a magic link that it kept and the one that was mailed, or the letters of
// the mail, and gets the tokens of a session. No token ever stands in a link.
type linkGrant struct{ grant }

// ReasonLink is the one reason for which a link is refused: wrong, used, expired, replaced, another client's, another
// device's. Whoever could tell them apart could guess.
const ReasonLink = "link_not_good"

// ReasonFull tells an app that the person has to end the session of another device first.
const ReasonFull = "too_many_devices"

var errLink = &Error{
	Code: CodeInvalidGrant, Reason: ReasonLink,
	Hint: "the link is unknown, used, too old, belongs to another client or device, or does not fit device_half or code_verifier",
}

// amrMail is how the person has proven who they are.
var amrMail = []string{"mail"}

// HandleTokenEndpointRequest uses up the link, and begins a session for the person whose address it proves. Whatever is
// refused for its form has spent nothing. What is refused for the person or the device has: nobody finds out whose a
// device is without reading mail for each try.
func (g linkGrant) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	c, form, x := clientOf(r), r.GetRequestForm(), exchangeOf(r)
	if !c.may(GrantMagicLink) {
		return refuse(CodeUnauthorizedClient, "the client is not registered for the magic link grant")
	}
	try, err := readTry(c, form, x.key())
	if err != nil {
		return err
	}
	if _, err := audiences(c, form.Get("resource")); err != nil {
		return err
	}
	if err := c.checkBound(form.Get("resource"), x.proof != nil); err != nil {
		return err
	}
	if err := g.p.useProof(ctx, x.proof); err != nil {
		return err
	}
	// From here on the client's going away changes nothing: a link that is spent should give what it was spent for.
	ctx, cancel := g.p.finish(ctx)
	defer cancel()
	user, link, err := g.p.Links.UseApp(ctx, try)
	if err != nil {
		return ofLink(err)
	}
	granted, err := g.begin(ctx, c, x, user, link)
	if err != nil {
		return err
	}
	x.grant, x.scope = granted, granted.Scope
	if err := g.address(ctx, c, x, form.Get("resource")); err != nil {
		return err
	}
	if c.may(GrantRefresh) {
		x.refresh = g.p.Chain.first(granted.SID, granted.JTI)
	}
	return nil
}

// readTry reads what the app presents. A key without one that was named before fits no more than the other way round.
func readTry(c *client, form url.Values, key string) (store.AppTry, error) {
	if form.Get("device_half") == "" {
		return store.AppTry{}, refuse(CodeInvalidRequest, "device_half is missing")
	}
	if (form.Get("mail_half") == "") == (form.Get("code") == "") {
		return store.AppTry{}, refuse(CodeInvalidRequest, "send mail_half, or the letters as code")
	}
	fingerprint := form.Get("device_fingerprint")
	if fingerprint != "" && !ValidFingerprint(fingerprint) {
		return store.AppTry{}, refuse(CodeInvalidRequest, "device_fingerprint must be 32 to 128 characters of A-Za-z0-9_-")
	}
	return store.AppTry{
		ClientID: c.ID, DeviceHalf: form.Get("device_half"), MailHalf: form.Get("mail_half"), Letters: form.Get("code"),
		Bound: bound(hashFingerprint(fingerprint), challengeOf(form.Get("code_verifier")), key),
	}, nil
}

// challengeOf is S256 (RFC 7636 §4.2). A verifier without a challenge before fits no more than the other way round.
func challengeOf(verifier string) string {
	if verifier == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// begin goes the way of every other session.
func (g linkGrant) begin(ctx context.Context, c *client, x *exchange, user store.User, link store.Link) (store.Grant, error) {
	var asked kept
	if err := json.Unmarshal([]byte(link.App), &asked); err != nil {
		return store.Grant{}, &Error{Code: CodeServerError, Cause: err}
	}
	granted, err := g.p.Sessions.BeginNow(ctx, store.Request{
		SID: store.NewID(store.SessionPrefix), ClientID: c.ID, Scope: asked.Scope, Audience: asked.Audience,
		Fingerprint: asked.Fingerprint, Key: x.key(), Name: asked.Name, Platform: asked.Platform, Address: link.Address,
	}, sessions.Person{UserID: user.ID, AMR: amrMail, Bind: x.binds(c)})
	if err != nil {
		return store.Grant{}, ofLink(err)
	}
	return granted, nil
}

// ofLink maps the refusals of a link and of its session.
func ofLink(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return errLink
	}
	return ofBegin(err)
}
