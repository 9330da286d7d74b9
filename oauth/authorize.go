package oauth

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// GrantCode is the authorization code grant (RFC 6749 §4.1), always with PKCE (RFC 7636).
const GrantCode = "authorization_code"

// The values of prompt (OpenID Connect Core §3.1.2.1).
const (
	PromptNone    = "none"
	PromptLogin   = "login"
	PromptConsent = "consent"
	PromptAccount = "select_account"
)

// The error codes that only the authorization endpoint has (OpenID Connect Core §3.1.2.6 and RFC 6749 §4.1.2.1).
const (
	CodeLoginRequired           = "login_required"
	CodeConsentRequired         = "consent_required"
	CodeUnsupportedResponseType = "unsupported_response_type"
	CodeRequestNotSupported     = "request_not_supported"
	CodeInvalidRequestURI       = "invalid_request_uri"
)

const (
	// authorizationPrefix begins the name under which a request waits for its person.
	authorizationPrefix = "aut_"
	// requestURIPrefix begins the name of a pushed request (RFC 9126 §2.2).
	requestURIPrefix = "urn:ietf:params:oauth:request_uri:"
	// authorizationLife is as long as the longest link in a mail: the person may have to sign in first.
	authorizationLife = time.Hour
	pushedLife        = 10 * time.Minute // a terminal shows the address, and a person opens it
	mostNonce         = 512
)

// Authorization is an authorization request that is in order (RFC 6749 §4.1.1), while it waits for its person.
type Authorization struct {
	ClientID    string    `json:"client"`
	RedirectURI string    `json:"redirect"`
	State       string    `json:"state,omitempty"`
	Nonce       string    `json:"nonce,omitempty"`
	Challenge   string    `json:"challenge"` // S256
	Scope       []string  `json:"scope,omitempty"`
	Audience    []string  `json:"audience"`
	Fingerprint string    `json:"fingerprint,omitempty"` // hash; empty if the client sent none
	Key         string    `json:"key,omitempty"`         // what the flow is bound to, as in store.Request
	DeviceName  string    `json:"name,omitempty"`
	Platform    string    `json:"platform,omitempty"`
	Prompt      []string  `json:"prompt,omitempty"`
	MaxAge      *int64    `json:"max_age,omitempty"` // seconds
	LoginHint   string    `json:"hint,omitempty"`
	Browser     string    `json:"browser,omitempty"` // hash of the name of the browser that brought it; empty while it is pushed
	AskedAt     time.Time `json:"asked"`
}

// ValidAuthorization reports whether id could be that of a waiting authorization request.
func ValidAuthorization(id string) bool { return store.ValidID(authorizationPrefix, id) }

// Wants reports whether the request has this value of prompt.
func (a Authorization) Wants(prompt string) bool { return slices.Contains(a.Prompt, prompt) }

// Fresh reports whether a sign-in of that time is young enough for the request: prompt=login wants one that is younger
// than the request itself, max_age one that is not older than so many seconds.
func (a Authorization) Fresh(signedIn, now time.Time) bool {
	if (a.Wants(PromptLogin) || a.Wants(PromptAccount)) && signedIn.Before(a.AskedAt) {
		return false
	}
	return a.MaxAge == nil || now.Sub(signedIn) <= time.Duration(*a.MaxAge)*time.Second+time.Second
}

// BroughtBy reports whether the browser of this name is the one that brought the request. Nobody answers it in another: the
// app's state and verifier would fit the answer, and it would sign its person in to somebody else's account.
func (a Authorization) BroughtBy(browser string) bool {
	return browser != "" && subtle.ConstantTimeCompare([]byte(a.Browser), []byte(store.Digest("app browser", browser))) == 1
}

// Native reports whether the answer goes to a program on the person's own machine, which cannot prove that it is the one
// that was registered: such a request is never approved without asking (RFC 8252 §8.6).
func (a Authorization) Native() bool {
	scheme, _, _ := strings.Cut(a.RedirectURI, ":")
	return !strings.EqualFold(scheme, "https")
}

// RedirectError is a refusal that the client hears of by way of the browser (RFC 6749 §4.1.2.1). Everything else about an
// authorization request is told to the person alone, because the address to redirect to cannot be believed.
type RedirectError struct {
	ClientID string
	Location string
	Err      *Error
}

func (e *RedirectError) Error() string { return e.Err.Error() }
func (e *RedirectError) Unwrap() error { return e.Err }

// Authorize reads an authorization request from the query or the form of the endpoint, and keeps it under the name that
// it returns until its person decides, in the browser of this name. A request_uri names one that was pushed before (RFC 9126)
// and is used up by it.
// The error is an *Error for the person, or a *RedirectError for the client.
func (p *Provider) Authorize(ctx context.Context, form url.Values, browser string) (id string, err error) {
	var a Authorization
	if form.Has("request_uri") {
		a, err = p.takePushed(ctx, form)
	} else {
		a, err = p.readAuthorization(ctx, form)
	}
	if err != nil {
		return "", err
	}
	a.Browser = store.Digest("app browser", browser)
	id = store.NewID(authorizationPrefix)
	if err := p.keepAuthorization(ctx, id, a, authorizationLife); err != nil {
		return "", err
	}
	return id, nil
}

func (p *Provider) keepAuthorization(ctx context.Context, id string, a Authorization, life time.Duration) error {
	body, err := json.Marshal(a)
	if err != nil {
		return &Error{Code: CodeServerError, Cause: err}
	}
	if err := p.Tickets.PutNote(ctx, id, string(body), life); err != nil {
		return unavailable(err)
	}
	return nil
}

// Waiting returns a request that still waits for its person; store.ErrNotFound if it was decided or is too old.
func (p *Provider) Waiting(ctx context.Context, id string) (Authorization, error) {
	return p.authorization(ctx, id, p.Tickets.Note)
}

// Decide takes a request out: of any number of decisions, one is the decision. store.ErrNotFound for all others.
func (p *Provider) Decide(ctx context.Context, id string) (Authorization, error) {
	return p.authorization(ctx, id, p.Tickets.TakeNote)
}

func (p *Provider) authorization(ctx context.Context, id string, read func(context.Context, string) (string, error)) (a Authorization, err error) {
	if !ValidAuthorization(id) {
		return a, store.ErrNotFound
	}
	body, err := read(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return a, store.ErrNotFound
	}
	if err != nil {
		return a, unavailable(err)
	}
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		return a, &Error{Code: CodeServerError, Cause: err}
	}
	return a, nil
}

// readAuthorization checks the parameters. Until the client and its redirect URI are known to be good, a refusal goes to the person.
func (p *Provider) readAuthorization(ctx context.Context, form url.Values) (Authorization, error) {
	for name, values := range form {
		if err := checkParameter(name, values); err != nil {
			return Authorization{}, err
		}
	}
	if !store.ValidClientID(form.Get("client_id")) {
		return Authorization{}, refuse(CodeInvalidClient, "the client is not registered here")
	}
	c, err := p.clients.find(ctx, form.Get("client_id"))
	if err != nil {
		return Authorization{}, err
	}
	redirect := form.Get("redirect_uri")
	if !isRegistered(redirect, c.Client) {
		return Authorization{}, refuse(CodeInvalidRequest, "redirect_uri is missing, or not one that the client has registered")
	}
	a := Authorization{ClientID: c.ID, RedirectURI: redirect, State: form.Get("state"), AskedAt: p.Now()}
	if err := p.fillAuthorization(&a, c, form); err != nil {
		return a, &RedirectError{ClientID: c.ID, Location: p.RedirectRefused(a, err), Err: err}
	}
	return a, nil
}

// LeadsTo reports whether the answer still goes to an address of the client, as it is registered now.
func (a Authorization) LeadsTo(c store.Client) bool {
	return isRegistered(a.RedirectURI, c)
}

// fillAuthorization reads what may be refused at the client's own address.
func (p *Provider) fillAuthorization(a *Authorization, c *client, form url.Values) *Error {
	switch {
	case form.Has("request"):
		return refuse(CodeRequestNotSupported, "request objects are not accepted here")
	case !c.may(GrantCode):
		return refuse(CodeUnauthorizedClient, "the client is not registered for the authorization code grant")
	case form.Get("response_type") == "":
		return refuse(CodeInvalidRequest, "response_type is missing")
	case form.Get("response_type") != "code":
		return refuse(CodeUnsupportedResponseType, "response_type must be code")
	case form.Has("response_mode") && form.Get("response_mode") != "query":
		return refuse(CodeInvalidRequest, "response_mode must be query")
	case form.Get("code_challenge_method") != "S256" || !validChallenge(form.Get("code_challenge")):
		return refuse(CodeInvalidRequest, "code_challenge with code_challenge_method=S256 is needed (RFC 7636)")
	case len(form.Get("nonce")) > mostNonce:
		return refuse(CodeInvalidRequest, "the nonce is too long")
	}
	a.Challenge, a.Nonce, a.LoginHint = form.Get("code_challenge"), form.Get("nonce"), form.Get("login_hint")
	if err := a.readPrompt(form); err != nil {
		return err
	}
	a.Scope = dedupe(splitScope(form.Get("scope")))
	if err := c.checkScope(a.Scope, form.Get("resource")); err != nil {
		return err
	}
	var refusal *Error
	audience, err := p.audiencesOf(c, form.Get("resource"))
	if errors.As(err, &refusal) {
		return refusal
	}
	a.Audience = audience
	if err := checkThumbprint(form.Get("dpop_jkt")); errors.As(err, &refusal) {
		return refusal
	}
	a.Key = c.keyFor(firstOf(audience), form.Get("dpop_jkt"))
	return a.readDevice(c, form)
}

func (p *Provider) audiencesOf(c *client, resource string) ([]string, error) {
	list, err := audiences(c, resource)
	if err == nil && len(list) == 0 {
		list = []string{p.Issuer}
	}
	return list, err
}

func (a *Authorization) readPrompt(form url.Values) *Error {
	a.Prompt = strings.Fields(form.Get("prompt"))
	for _, prompt := range a.Prompt {
		if !slices.Contains([]string{PromptNone, PromptLogin, PromptConsent, PromptAccount}, prompt) {
			return refuse(CodeInvalidRequest, "the prompt must be of none, login, consent and select_account")
		}
	}
	if a.Wants(PromptNone) && len(a.Prompt) > 1 {
		return refuse(CodeInvalidRequest, "prompt=none stands alone")
	}
	if !form.Has("max_age") {
		return nil
	}
	age, err := strconv.ParseInt(form.Get("max_age"), 10, 32)
	if err != nil || age < 0 {
		return refuse(CodeInvalidRequest, "max_age must be a number of seconds")
	}
	a.MaxAge = &age
	return nil
}

func (a *Authorization) readDevice(c *client, form url.Values) *Error {
	fingerprint := form.Get("device_fingerprint")
	if fingerprint == "" && c.RequireFingerprint {
		return refuse(CodeInvalidRequest, "device_fingerprint is missing; this client must send it")
	}
	if fingerprint != "" && !ValidFingerprint(fingerprint) {
		return refuse(CodeInvalidRequest, "device_fingerprint must be 32 to 128 characters of A-Za-z0-9_-")
	}
	a.Fingerprint = hashFingerprint(fingerprint)
	a.DeviceName, a.Platform = cleanClaim(form.Get("device_name"), 60), cleanClaim(form.Get("device_platform"), 40)
	return nil
}

// validChallenge: 43 characters of base64url, as SHA-256 has (RFC 7636 §4.2).
func validChallenge(challenge string) bool {
	return len(challenge) == 43 && strings.Trim(challenge, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// RedirectRefused is where the browser goes to tell the client of a refusal.
func (p *Provider) RedirectRefused(a Authorization, err *Error) string {
	answer := url.Values{"error": {err.Code}}
	if said := err.Sentence(); said != "" {
		answer.Set("error_description", said)
	}
	if err.Reason != "" {
		answer.Set("reason", err.Reason)
	}
	return p.redirect(a, answer)
}

// redirect adds state and issuer: every answer names its server, against mix-up (RFC 9207).
func (p *Provider) redirect(a Authorization, answer url.Values) string {
	if a.State != "" {
		answer.Set("state", a.State)
	}
	answer.Set("iss", p.Issuer)
	target, query, _ := strings.Cut(a.RedirectURI, "?")
	if query != "" {
		query += "&"
	}
	return target + "?" + query + answer.Encode()
}

// Grant lets the person of this browser session have what was decided: it begins the session as an approved device request
// that can be redeemed once within a minute, and returns where the browser goes with the code. The error is an *Error:
// access_denied if the device belongs to somebody else, or the person may not.
func (p *Provider) Grant(ctx context.Context, a Authorization, by store.Browser, here BrowserDevice) (location string, err error) {
	ctx, cancel := p.finish(ctx)
	defer cancel()
	sid := store.NewID(store.SessionPrefix)
	fingerprint, name, platform, bound := a.Fingerprint, a.DeviceName, a.Platform, true
	if fingerprint == "" { // the device is this browser with this app, for this person
		fingerprint, bound = store.AppFingerprint+store.Digest("browser-device", here.ID+" "+a.ClientID+" "+by.UserID), false
		name, platform = here.Name, ""
	}
	code, secret := p.codes.write(codeClaims{
		SID: sid, Redirect: store.Digest("redirect", a.RedirectURI), Challenge: a.Challenge, Nonce: a.Nonce,
		Fingerprint: fingerprint, Bound: bound,
	})
	now := p.Now()
	request := store.Request{
		SID: sid, Secret: secret, UserCode: store.Digest("no-user-code", sid), ClientID: a.ClientID,
		Scope: a.Scope, Audience: a.Audience, Fingerprint: fingerprint, Key: a.Key, Name: name, Platform: platform,
		Address: sessions.OriginOf(ctx).Address, CreatedAt: now, ExpiresAt: now.Add(codeLife), Interval: p.Interval,
		State: store.StatePending,
	}
	if _, err := p.Tickets.Open(ctx, request); err != nil {
		return "", unavailable(err)
	}
	if request, err = p.Tickets.Bind(ctx, request.UserCode, by.SID, by.UserID); err != nil {
		return "", unavailable(err)
	}
	begin := p.Sessions.Begin
	if !a.Native() && !slices.Contains(a.Scope, ScopeOffline) {
		begin = p.Sessions.BeginWithin
	}
	if err := begin(ctx, request, by); err != nil {
		return "", ofBegin(err)
	}
	return p.redirect(a, url.Values{"code": {code}}), nil
}

// BrowserDevice is the browser that a person approves in, as far as it can be told again.
type BrowserDevice struct {
	ID   string // the same at every login in this browser
	Name string // "Firefox on Linux"
}

// ofBegin maps the refusals of a beginning to the standards' words.
func ofBegin(err error) error {
	switch {
	case errors.Is(err, store.ErrConflict):
		return &Error{Code: CodeAccessDenied, Reason: store.ReasonConflict}
	case errors.Is(err, store.ErrRefused), errors.Is(err, store.ErrDecided), errors.Is(err, store.ErrExpired):
		return errDenied
	case errors.Is(err, store.ErrFull):
		return &Error{Code: CodeAccessDenied, Reason: ReasonFull, Hint: "the account has as many devices signed in as it may have"}
	default:
		return unavailable(err)
	}
}
