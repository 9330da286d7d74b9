package remote

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

// get reads one thing or one page.
func get[T any](ctx context.Context, d *Desk, path string, query url.Values) (value T, err error) {
	err = d.ask(ctx, request{scope: oauth.ScopeAdminRead, method: http.MethodGet, path: path, query: query}, &value)
	return value, err
}

// change sends a change and reads what has become of it.
func change[T any](ctx context.Context, d *Desk, method, path string, body any, match string) (value T, err error) {
	err = d.ask(ctx, request{scope: oauth.ScopeAdminWrite, method: method, path: path, body: body, match: match}, &value)
	return value, err
}

// end does away with something.
func (d *Desk) end(ctx context.Context, path string) error {
	return d.ask(ctx, request{scope: oauth.ScopeAdminWrite, method: http.MethodDelete, path: path}, nil)
}

// count ends sessions, and says how many.
func (d *Desk) count(ctx context.Context, path string) (int, error) {
	var told struct {
		Ended int `json:"ended"`
	}
	err := d.ask(ctx, request{scope: oauth.ScopeAdminWrite, method: http.MethodDelete, path: path}, &told)
	return told.Ended, err
}

// at is the path of one thing.
func at(room, id string, more ...string) string {
	path := "/" + room + "/" + url.PathEscape(id)
	for _, word := range more {
		path += "/" + word
	}
	return path
}

// asked writes a query; what is empty is not asked.
func asked(p admin.Paging, pairs ...string) url.Values {
	q := url.Values{}
	if p.Limit != 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	for i, pairs := 0, append(pairs, "cursor", p.Cursor); i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// Clients implements admin.Desk.
func (d *Desk) Clients(ctx context.Context, q admin.ClientQuery) (admin.Page[admin.Client], error) {
	return get[admin.Page[admin.Client]](ctx, d, "/clients", asked(q.Paging, "state", string(q.State)))
}

// Client implements admin.Desk.
func (d *Desk) Client(ctx context.Context, id string) (admin.Client, error) {
	return get[admin.Client](ctx, d, at("clients", id), nil)
}

// CreateClient implements admin.Desk.
func (d *Desk) CreateClient(ctx context.Context, f admin.ClientForm) (admin.Client, error) {
	return change[admin.Client](ctx, d, http.MethodPost, "/clients", f, "")
}

// ChangeClient implements admin.Desk.
func (d *Desk) ChangeClient(ctx context.Context, id string, f admin.ClientForm, match string) (admin.Client, error) {
	return change[admin.Client](ctx, d, http.MethodPatch, at("clients", id), f, match)
}

// GiveSecret implements admin.Desk.
func (d *Desk) GiveSecret(ctx context.Context, id string) (admin.Client, error) {
	return change[admin.Client](ctx, d, http.MethodPost, at("clients", id, "secrets"), nil, "")
}

// WithdrawSecrets implements admin.Desk.
func (d *Desk) WithdrawSecrets(ctx context.Context, id string) (admin.Client, error) {
	return change[admin.Client](ctx, d, http.MethodDelete, at("clients", id, "secrets"), nil, "")
}

// DisableClient implements admin.Desk.
func (d *Desk) DisableClient(ctx context.Context, id string) (admin.Client, error) {
	return change[admin.Client](ctx, d, http.MethodPost, at("clients", id, "disable"), nil, "")
}

// EnableClient implements admin.Desk.
func (d *Desk) EnableClient(ctx context.Context, id string) (admin.Client, error) {
	return change[admin.Client](ctx, d, http.MethodPost, at("clients", id, "enable"), nil, "")
}

// DeleteClient implements admin.Desk.
func (d *Desk) DeleteClient(ctx context.Context, id string) (int, error) {
	return d.count(ctx, at("clients", id))
}

// InitialTokens implements admin.Desk.
func (d *Desk) InitialTokens(ctx context.Context, q admin.InitialTokenQuery) (admin.Page[admin.InitialToken], error) {
	return get[admin.Page[admin.InitialToken]](ctx, d, "/initial-access-tokens", asked(q.Paging))
}

// CreateInitialToken implements admin.Desk.
func (d *Desk) CreateInitialToken(ctx context.Context, f admin.InitialTokenForm) (admin.InitialToken, error) {
	return change[admin.InitialToken](ctx, d, http.MethodPost, "/initial-access-tokens", f, "")
}

// DeleteInitialToken implements admin.Desk.
func (d *Desk) DeleteInitialToken(ctx context.Context, id string) error {
	return d.end(ctx, at("initial-access-tokens", id))
}

// Resources implements admin.Desk.
func (d *Desk) Resources(ctx context.Context, q admin.ResourceQuery) (admin.Page[admin.Resource], error) {
	return get[admin.Page[admin.Resource]](ctx, d, "/resources", asked(q.Paging))
}

// Resource implements admin.Desk.
func (d *Desk) Resource(ctx context.Context, id string) (admin.Resource, error) {
	return get[admin.Resource](ctx, d, at("resources", id), nil)
}

// CreateResource implements admin.Desk.
func (d *Desk) CreateResource(ctx context.Context, f admin.ResourceForm) (admin.Resource, error) {
	return change[admin.Resource](ctx, d, http.MethodPost, "/resources", f, "")
}

// ChangeResource implements admin.Desk.
func (d *Desk) ChangeResource(ctx context.Context, id string, f admin.ResourceForm, match string) (admin.Resource, error) {
	return change[admin.Resource](ctx, d, http.MethodPatch, at("resources", id), f, match)
}

// DeleteResource implements admin.Desk.
func (d *Desk) DeleteResource(ctx context.Context, id string) error {
	return d.end(ctx, at("resources", id))
}

// Users implements admin.Desk.
func (d *Desk) Users(ctx context.Context, q admin.UserQuery) (admin.Page[admin.User], error) {
	return get[admin.Page[admin.User]](ctx, d, "/users", asked(q.Paging, "state", string(q.State), "email", q.Email))
}

// User implements admin.Desk.
func (d *Desk) User(ctx context.Context, id string) (admin.User, error) {
	return get[admin.User](ctx, d, at("users", id), nil)
}

// InviteUser implements admin.Desk.
func (d *Desk) InviteUser(ctx context.Context, email string) (admin.Invitation, error) {
	return change[admin.Invitation](ctx, d, http.MethodPost, "/invitations", map[string]string{"email": email}, "")
}

// DisableUser implements admin.Desk.
func (d *Desk) DisableUser(ctx context.Context, id string) (admin.User, error) {
	return change[admin.User](ctx, d, http.MethodPost, at("users", id, "disable"), nil, "")
}

// EnableUser implements admin.Desk.
func (d *Desk) EnableUser(ctx context.Context, id string) (admin.User, error) {
	return change[admin.User](ctx, d, http.MethodPost, at("users", id, "enable"), nil, "")
}

// EndSessions implements admin.Desk.
func (d *Desk) EndSessions(ctx context.Context, userID string) (int, error) {
	return d.count(ctx, at("users", userID, "sessions"))
}

// DeleteUser implements admin.Desk.
func (d *Desk) DeleteUser(ctx context.Context, id string) error { return d.end(ctx, at("users", id)) }

// Sessions implements admin.Desk.
func (d *Desk) Sessions(ctx context.Context, q admin.SessionQuery) (admin.Page[admin.Session], error) {
	return get[admin.Page[admin.Session]](ctx, d, "/sessions", asked(q.Paging, "user", q.UserID, "client", q.ClientID,
		"device", q.DeviceID, "state", string(q.State), "since", moment(q.Since), "until", moment(q.Until)))
}

// Session implements admin.Desk.
func (d *Desk) Session(ctx context.Context, id string) (admin.Session, error) {
	return get[admin.Session](ctx, d, at("sessions", id), nil)
}

// EndSession implements admin.Desk.
func (d *Desk) EndSession(ctx context.Context, id string) error {
	return d.end(ctx, at("sessions", id))
}

// Events implements admin.Desk.
func (d *Desk) Events(ctx context.Context, q admin.EventQuery) (admin.Page[store.Event], error) {
	order := ""
	if q.Oldest {
		order = "oldest"
	}
	return get[admin.Page[store.Event]](ctx, d, "/events", asked(q.Paging, "type", q.Type, "user", q.UserID, "client", q.ClientID,
		"session", q.SessionID, "since", moment(q.Since), "until", moment(q.Until), "order", order, "after", q.After))
}

// keyList is how the API answers of keys.
type keyList struct {
	Items []keys.Info `json:"items"`
}

// Keys implements admin.Desk.
func (d *Desk) Keys(ctx context.Context) ([]keys.Info, error) {
	list, err := get[keyList](ctx, d, "/keys", nil)
	return list.Items, err
}

// RotateKeys implements admin.Desk.
func (d *Desk) RotateKeys(ctx context.Context, now bool) ([]keys.Info, error) {
	return d.changeKeys(ctx, "/keys/rotate", now)
}

// RetireKey implements admin.Desk.
func (d *Desk) RetireKey(ctx context.Context, id string, now bool) ([]keys.Info, error) {
	return d.changeKeys(ctx, at("keys", id, "retire"), now)
}

func (d *Desk) changeKeys(ctx context.Context, path string, now bool) ([]keys.Info, error) {
	var list keyList
	body := map[string]bool{"now": now}
	err := d.ask(ctx, request{scope: oauth.ScopeAdminKeys, method: http.MethodPost, path: path, body: body}, &list)
	return list.Items, err
}
