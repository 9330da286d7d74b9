package oauth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/ory/fosite"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// DeviceAnswer is the answer to a device authorization request (RFC 8628 §3.2), ready to be written as JSON.
type DeviceAnswer struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int64  `json:"expires_in"` // seconds
	Interval                int64  `json:"interval"`   // seconds
}

// codeTries is how often another user code is made if one is taken. With 2^34 codes even the second try is rare.
const codeTries = 4

// Device answers a device authorization request (RFC 8628 §3.1). The error is an *Error.
func (p *Provider) Device(ctx context.Context, r *http.Request) (DeviceAnswer, error) {
	if err := checkForm(r); err != nil {
		return DeviceAnswer{}, translate(r, err)
	}
	c, err := p.mayAskForDevice(ctx, r)
	if err != nil {
		return DeviceAnswer{}, translate(r, err)
	}
	if err := c.checkAllowed(splitScope(r.PostForm.Get("scope"))); err != nil { // before Fosite, which does not say which in our words
		return DeviceAnswer{}, err
	}
	ctx = withProven(ctx, c)
	r.PostForm.Set("client_id", c.ID) // Fosite wants it there even if the client has proven itself in the header
	key, err := p.firstKey(ctx, r, r.PostForm)
	if err != nil {
		return DeviceAnswer{}, translate(r, err)
	}
	r.PostForm.Set("dpop_jkt", key) // from here on it does not matter how the client has named it
	asked, err := p.frame.NewDeviceRequest(ctx, r)
	if err != nil {
		return DeviceAnswer{}, translate(r, err)
	}
	made, err := p.frame.NewDeviceResponse(ctx, asked, &exchange{})
	if err != nil {
		return DeviceAnswer{}, translate(r, err)
	}
	return DeviceAnswer{
		DeviceCode:              made.GetDeviceCode(),
		UserCode:                made.GetUserCode(),
		VerificationURI:         made.GetVerificationURI(),
		VerificationURIComplete: made.GetVerificationURIComplete(),
		ExpiresIn:               made.GetExpiresIn(),
		Interval:                int64(made.GetInterval()),
	}, nil
}

// mayAskForDevice answers before Fosite would with invalid_grant, where RFC 8628 §3.1 means unauthorized_client. It
// returns the client.
func (p *Provider) mayAskForDevice(ctx context.Context, r *http.Request) (*client, error) {
	proven, err := p.authenticate(ctx, r, r.PostForm)
	if err != nil {
		return nil, err
	}
	c := proven.(*client)
	if !c.may(GrantDevice) {
		return nil, refuse(CodeUnauthorizedClient, "the client is not registered for the device grant")
	}
	return c, nil
}

// deviceEndpoint is the part of the endpoint that is ours: what is kept, and under which codes.
type deviceEndpoint struct{ p *Provider }

// HandleDeviceEndpointRequest keeps the request in one ticket step and fills in the answer.
func (d deviceEndpoint) HandleDeviceEndpointRequest(ctx context.Context, asked fosite.DeviceRequester, answer fosite.DeviceResponder) error {
	request, err := d.request(ctx, asked)
	if err != nil {
		return err
	}
	code, sid, secret := newDeviceCode()
	request.SID, request.Secret = sid, secret
	for range codeTries {
		userCode := store.RandomLetters(userLetters)
		request.UserCode = HashUserCode(userCode)
		verdict, err := d.p.Tickets.Open(ctx, request, d.p.limits(ctx, request.ClientID)...)
		if errors.Is(err, store.ErrExists) {
			continue
		}
		if err != nil {
			return unavailable(err)
		}
		if !verdict.Allowed {
			d.p.Journal.Record(ctx, store.Event{Type: "limit.device", ClientID: request.ClientID, Result: sessions.Refused, Detail: verdict.Limit})
			return &Error{Code: CodeTooManyRequests, RetryAfter: verdict.RetryAfter}
		}
		d.fill(answer, code, ShowUserCode(userCode))
		return nil
	}
	return &Error{Code: CodeServerError, Cause: errors.New("no free user code found")}
}

func (d deviceEndpoint) fill(answer fosite.DeviceResponder, code, userCode string) {
	answer.SetDeviceCode(code)
	answer.SetUserCode(userCode)
	answer.SetVerificationURI(d.p.Issuer + "/device")
	answer.SetVerificationURIComplete(d.p.Issuer + "/device?user_code=" + userCode)
	answer.SetExpiresIn(int64(d.p.CodeLife / time.Second))
	answer.SetInterval(int(d.p.Interval / time.Second))
}

// request reads what is ours in the form: fingerprint, the device's claims of itself, the resource.
func (d deviceEndpoint) request(ctx context.Context, asked fosite.DeviceRequester) (store.Request, error) {
	c, form := clientOf(asked), asked.GetRequestForm()
	fingerprint := form.Get("device_fingerprint")
	if fingerprint == "" && c.RequireFingerprint {
		return store.Request{}, refuse(CodeInvalidRequest, "device_fingerprint is missing; this client must send it")
	}
	if fingerprint != "" && !ValidFingerprint(fingerprint) {
		return store.Request{}, refuse(CodeInvalidRequest, "device_fingerprint must be 32 to 128 characters of A-Za-z0-9_-")
	}
	audience, err := audiences(c, form.Get("resource"))
	if err != nil {
		return store.Request{}, err
	}
	if err := c.checkOwners(asked.GetRequestedScopes(), form.Get("resource")); err != nil {
		return store.Request{}, err
	}
	now := d.p.Now()
	return store.Request{
		ClientID:    c.ID,
		Scope:       dedupe(asked.GetRequestedScopes()),
		Audience:    audience,
		Fingerprint: hashFingerprint(fingerprint),
		Key:         c.keyFor(firstOf(audience), form.Get("dpop_jkt")),
		Name:        cleanClaim(form.Get("device_name"), 60),
		Platform:    cleanClaim(form.Get("device_platform"), 40),
		Address:     sessions.OriginOf(ctx).Address,
		CreatedAt:   now,
		ExpiresAt:   now.Add(d.p.CodeLife),
		Interval:    d.p.Interval,
		State:       store.StatePending,
	}, nil
}

// audiences are the client's own, with the one that was asked for in front: it is then the default of every token.
func audiences(c *client, resource string) ([]string, error) {
	if resource == "" {
		return c.Audiences, nil
	}
	i := slices.Index(c.Audiences, resource)
	if i < 0 {
		return nil, refuse(CodeInvalidTarget, "the client is not registered for the resource "+quoted(resource))
	}
	rest := slices.Delete(slices.Clone(c.Audiences), i, i+1)
	return append([]string{resource}, rest...), nil
}

// limits are charged in the same step that keeps the request. A thousand live codes of one address would make the
// guessing of codes cheap; so would one careless client. In the ten minutes of a code's life no more than 100 of one network
// pass, and no more than 10,000 of one client.
func (p *Provider) limits(ctx context.Context, clientID string) []store.Limit {
	return []store.Limit{
		store.Limit{Key: "device.network:" + sessions.OriginOf(ctx).Network, Burst: 50, Every: 12 * time.Second}.Times(p.LimitScale),
		store.Limit{Key: "device.client:" + store.Digest("limit", clientID)[:22], Burst: 5000, Every: 120 * time.Millisecond}.Times(p.LimitScale),
	}
}

func dedupe(scope []string) []string {
	kept := make([]string, 0, len(scope))
	for _, s := range scope {
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}
