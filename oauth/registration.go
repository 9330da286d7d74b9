package oauth

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// RegistrationMode says who may register a client at the registration endpoint (RFC 7591).
type RegistrationMode string

// The modes. The zero value is off.
const (
	RegistrationOff   RegistrationMode = ""
	RegistrationToken RegistrationMode = "token" // whoever has an initial access token
	RegistrationOpen  RegistrationMode = "open"  // everybody
)

// The prefixes of the tokens of registration, so that whoever finds one knows what it is.
const (
	InvitePrefix = "hci_" // initial access token
	managePrefix = "hcm_" // registration access token
)

// Registrations is what this room needs of the records to let clients register; store.Registrations says what each promises.
type Registrations interface {
	Client(ctx context.Context, id string) (store.Client, error)
	RegisterClient(ctx context.Context, c store.Client, r store.Registration, invite string, most int) error
	RestateClient(ctx context.Context, c store.Client, r store.Registration, presented string, at time.Time) error
	LeaveClient(ctx context.Context, clientID, presented string, at time.Time) error
	PutDocument(ctx context.Context, c store.Client, freshUntil time.Time, most int) error
}

// ClientInformation is the answer of the registration endpoint and of the client configuration endpoint (RFC 7591 §3.2.1),
// ready to be written as JSON. A secret is told when it is made and never again: only its hash is kept.
type ClientInformation struct {
	ID            string          `json:"client_id"`
	Secret        string          `json:"client_secret,omitempty"`
	IssuedAt      int64           `json:"client_id_issued_at"`
	SecretExpires *int64          `json:"client_secret_expires_at,omitempty"` // 0, never; with a secret (RFC 7591 §3.2.1)
	Token         string          `json:"registration_access_token"`
	URI           string          `json:"registration_client_uri"`
	Name          string          `json:"client_name,omitempty"`
	RedirectURIs  []string        `json:"redirect_uris"`
	AfterLogout   []string        `json:"post_logout_redirect_uris,omitempty"`
	Grants        []string        `json:"grant_types"`
	ResponseTypes []string        `json:"response_types"`
	Method        string          `json:"token_endpoint_auth_method"`
	Scope         string          `json:"scope"`
	JWKS          json.RawMessage `json:"jwks,omitempty"`
}

// HashInvite is the form in which an initial access token is kept.
func HashInvite(token string) string { return store.Digest("client-invite", token) }

func hashManage(token string) string { return store.Digest("registration", token) }

// Register answers a registration request (RFC 7591 §3.1). The error is an *Error, or store.ErrNotFound while registration is off.
func (p *Provider) Register(ctx context.Context, r *http.Request) (ClientInformation, error) {
	if p.Registration == RegistrationOff {
		return ClientInformation{}, store.ErrNotFound
	}
	invite, err := p.mayRegister(ctx, r)
	if err != nil {
		return ClientInformation{}, err
	}
	s, err := readMetadata(r)
	if err != nil {
		return ClientInformation{}, err
	}
	c, method, err := p.readClient(ctx, s)
	if err != nil {
		return ClientInformation{}, err
	}
	now := p.Now().Truncate(time.Millisecond) // as it is kept
	c.ID, c.CreatedAt, c.UpdatedAt = store.NewID(store.ClientPrefix), now, now
	secret, token := "", managePrefix+store.RandomText(32)
	if needsSecret(method) {
		secret = store.RandomText(32)
		c.SecretHashes = []string{HashSecret(secret)}
	}
	kept := store.Registration{Origin: store.OriginRegistered, AuthMethod: method, Token: hashManage(token), CreatedAt: now}
	switch err := p.Registrations.RegisterClient(ctx, c, kept, invite, p.SelfMade.Most); {
	case errors.Is(err, store.ErrRefused):
		p.Journal.Record(ctx, store.Event{Type: "client.register", Result: sessions.Refused, Detail: "invite"})
		return ClientInformation{}, refuse(CodeInvalidToken, "the initial access token is unknown, used up, or too old")
	case errors.Is(err, store.ErrFull):
		p.Journal.Record(ctx, store.Event{Type: "client.register", Result: sessions.Refused, Detail: "full"})
		return ClientInformation{}, &Error{Code: CodeUnavailable, Hint: "as many clients have registered as may", RetryAfter: time.Hour}
	case err != nil:
		return ClientInformation{}, unavailable(err)
	}
	p.Journal.Record(ctx, store.Event{Type: "client.register", Target: c.ID, ClientID: c.ID, Result: sessions.OK, Detail: string(p.Registration)})
	return p.tell(c, method, secret, token), nil
}

// mayRegister counts the request, and returns the hash of the initial access token if one is needed.
func (p *Provider) mayRegister(ctx context.Context, r *http.Request) (invite string, err error) {
	limits := []store.Limit{
		store.Limit{Key: "register.network:" + sessions.OriginOf(ctx).Network, Burst: 10, Every: 6 * time.Minute}.Times(p.LimitScale),
	}
	if p.Registration == RegistrationOpen {
		limits = append(limits, store.Limit{Key: "register.all", Burst: 100, Every: 36 * time.Second}.Times(p.LimitScale))
	}
	verdict, err := p.Tickets.Allow(ctx, limits...)
	if err != nil {
		return "", unavailable(err)
	}
	if !verdict.Allowed {
		p.Journal.Record(ctx, store.Event{Type: "limit.register", Result: sessions.Refused, Detail: verdict.Limit})
		return "", &Error{Code: CodeTooManyRequests, RetryAfter: verdict.RetryAfter}
	}
	if p.Registration == RegistrationOpen {
		return "", nil
	}
	token, ok := bearer(r)
	if !ok || !strings.HasPrefix(token, InvitePrefix) {
		return "", refuse(CodeInvalidToken, "an initial access token is needed to register a client here")
	}
	return HashInvite(token), nil
}

func bearer(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != "" && len(token) <= mostParameterSize
}

// readMetadata reads the body of a request that describes a client.
func readMetadata(r *http.Request) (said, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return said{}, refuse(CodeInvalidClientMetadata, "the body must be application/json")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return said{}, &Error{Code: CodeInvalidClientMetadata, Hint: "the body cannot be read, or is too large", Cause: err}
	}
	s, refusal := readSaid(body)
	if refusal != nil {
		return s, refusal
	}
	return s, nil
}

// readClient checks what a client says of itself, and how it is going to prove that it is itself.
func (p *Provider) readClient(ctx context.Context, s said) (c store.Client, method string, err error) {
	method = s.Method
	switch method {
	case "":
		method = MethodBasic // RFC 7591 §2
	case MethodNone, MethodBasic, MethodPost, MethodPrivateKey:
	default:
		return c, "", refuse(CodeInvalidClientMetadata, "token_endpoint_auth_method may be none, client_secret_basic, client_secret_post or private_key_jwt")
	}
	c, refusal := p.selfMade(ctx, s, method)
	if refusal != nil {
		return c, "", refusal
	}
	if c.Name == "" {
		if c.Name, refusal = p.nameless(ctx, c); refusal != nil {
			return c, "", refusal
		}
	}
	return c, method, nil
}

func needsSecret(method string) bool { return method == MethodBasic || method == MethodPost }

// tell writes what is kept of a client.
func (p *Provider) tell(c store.Client, method, secret, token string) ClientInformation {
	info := ClientInformation{
		ID: c.ID, Secret: secret, IssuedAt: c.CreatedAt.Unix(), Token: token, URI: p.registrationEndpoint() + "/" + c.ID,
		Name: c.Name, RedirectURIs: append([]string{}, c.RedirectURIs...), AfterLogout: c.LogoutRedirectURIs, Grants: c.Grants, ResponseTypes: []string{},
		Method: method, Scope: strings.Join(scopeNames(c), " "), JWKS: json.RawMessage(c.JWKS),
	}
	if slices.Contains(c.Grants, GrantCode) {
		info.ResponseTypes = append(info.ResponseTypes, "code")
	}
	if secret != "" {
		info.SecretExpires = new(int64)
	}
	return info
}

func (p *Provider) registrationEndpoint() string { return p.Issuer + "/oauth/register" }

// managed finds the client that a registration access token belongs to. Unknown, deleted and another one's are one answer
// (RFC 7592 §2), so that nobody learns which ids there are.
func (p *Provider) managed(ctx context.Context, r *http.Request, id string) (c store.Client, kept store.Registration, token string, err error) {
	if p.Registration == RegistrationOff {
		return c, kept, "", store.ErrNotFound
	}
	token, ok := bearer(r)
	if !ok || !store.ValidID(store.ClientPrefix, id) {
		return c, kept, "", errManage
	}
	kept, err = p.Clients.Registration(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !p.fits(kept, token) {
		return c, kept, "", errManage
	}
	if err != nil {
		return c, kept, "", unavailable(err)
	}
	c, err = p.Registrations.Client(ctx, id)
	// Whom an operator has given rights of the admin API is the operator's from then on.
	if errors.Is(err, store.ErrNotFound) || err == nil && (!c.DisabledAt.IsZero() || len(c.Admin) > 0) {
		return c, kept, "", errManage
	}
	if err != nil {
		return c, kept, "", unavailable(err)
	}
	return c, kept, token, nil
}

var errManage = &Error{Code: CodeInvalidToken, Hint: "the registration access token is missing, or not that of this client"}

// fits reports whether the token is the client's current one, or the one before while that is good. The keeper says so again
// when it writes.
func (p *Provider) fits(kept store.Registration, token string) bool {
	hash := []byte(hashManage(token))
	current := kept.Token != "" && subtle.ConstantTimeCompare(hash, []byte(kept.Token)) == 1
	before := kept.Before != "" && subtle.ConstantTimeCompare(hash, []byte(kept.Before)) == 1
	return current || before && p.Now().Before(kept.RotatedAt.Add(store.RegistrationGrace))
}
