package oauth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// ReadClient tells a client what is kept of it (RFC 7592 §2.1). Nothing changes by it, the registration access token neither.
// The error is an *Error, or store.ErrNotFound while registration is off.
func (p *Provider) ReadClient(ctx context.Context, r *http.Request, id string) (ClientInformation, error) {
	c, kept, token, err := p.managed(ctx, r, id)
	if err != nil {
		return ClientInformation{}, err
	}
	return p.tell(c, kept.AuthMethod, "", token), nil
}

// ReplaceClient replaces all that a client has said of itself (RFC 7592 §2.2): what is left out has its default again. The answer
// holds a new registration access token. The one that was presented stays good for an hour or until the new one has changed
// something: a client that has lost the answer asks again.
func (p *Provider) ReplaceClient(ctx context.Context, r *http.Request, id string) (ClientInformation, error) {
	old, kept, presented, err := p.managed(ctx, r, id)
	if err != nil {
		return ClientInformation{}, err
	}
	s, err := readMetadata(r)
	if err != nil {
		return ClientInformation{}, err
	}
	if err := checkReplacing(s, old); err != nil {
		return ClientInformation{}, err
	}
	c, method, err := p.readClient(ctx, s)
	if err != nil {
		return ClientInformation{}, err
	}
	c.ID, c.CreatedAt = old.ID, old.CreatedAt
	secret, token := keepSecret(&c, old, method), managePrefix+store.RandomText(32)
	kept.AuthMethod, kept.Token = method, hashManage(token)
	err = p.Registrations.RestateClient(ctx, c, kept, hashManage(presented), p.Now().Truncate(time.Millisecond))
	if errors.Is(err, store.ErrNotFound) { // somebody was faster
		return ClientInformation{}, errManage
	}
	if err != nil {
		return ClientInformation{}, unavailable(err)
	}
	p.clients.forget(id)
	p.Journal.Record(ctx, store.Event{Type: "client.update", Actor: c.ID, Target: c.ID, ClientID: c.ID, Result: sessions.OK})
	return p.tell(c, method, secret, token), nil
}

// checkReplacing is RFC 7592 §2.2: who it is about must be said, what only the server says must not be, and a secret must be
// the one that there is.
func checkReplacing(s said, old store.Client) error {
	switch {
	case s.ClientID != old.ID:
		return refuse(CodeInvalidRequest, "client_id must be that of this client")
	case len(s.Token) > 0, len(s.URI) > 0, len(s.SecretExpires) > 0, len(s.IssuedAt) > 0:
		return refuse(CodeInvalidRequest, "leave out what only the server says: registration_access_token, registration_client_uri, "+
			"client_secret_expires_at, client_id_issued_at")
	case s.Secret != nil && !secretFits(old.SecretHashes, *s.Secret):
		return refuse(CodeInvalidRequest, "client_secret is not the client's")
	}
	return nil
}

// keepSecret leaves a client the secrets that it has, and makes one if it needs one and has none.
func keepSecret(c *store.Client, old store.Client, method string) string {
	if !needsSecret(method) {
		return ""
	}
	if len(old.SecretHashes) > 0 {
		c.SecretHashes = old.SecretHashes
		return ""
	}
	secret := store.RandomText(32)
	c.SecretHashes = []string{HashSecret(secret)}
	return secret
}

// LeaveClient deletes a client at its own wish (RFC 7592 §2.3). It can begin nothing from the first write on; then its sessions
// end, and then it is gone. After a failure halfway the same request finishes the work, and if nobody sends it the sweeper does.
func (p *Provider) LeaveClient(ctx context.Context, r *http.Request, id string) error {
	if p.Registration == RegistrationOff {
		return store.ErrNotFound
	}
	token, ok := bearer(r)
	if !ok || !store.ValidID(store.ClientPrefix, id) {
		return errManage
	}
	c, err := p.Registrations.Client(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return unavailable(err)
	}
	if err != nil || len(c.Admin) > 0 {
		return errManage
	}
	err = p.Registrations.LeaveClient(ctx, id, hashManage(token), p.Now())
	if errors.Is(err, store.ErrNotFound) {
		return errManage
	}
	if err != nil {
		return unavailable(err)
	}
	p.clients.forget(id)
	if _, err := p.Sessions.RemoveClient(ctx, id); err != nil {
		return unavailable(err)
	}
	p.Journal.Record(ctx, store.Event{Type: "client.delete", Actor: id, Target: id, ClientID: id, Result: sessions.OK})
	return nil
}
