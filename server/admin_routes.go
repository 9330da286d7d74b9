package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

// adminTable is the part of the table that operators' programs use.
func (s *Server) adminTable() []route {
	read := func(do errand) handler { return s.admin(oauth.ScopeAdminRead, do) }
	write := func(do errand) handler { return s.admin(oauth.ScopeAdminWrite, do) }
	post := func(do errand) handler { return s.adminOnce(oauth.ScopeAdminWrite, do) }
	rotate := func(do errand) handler { return s.adminOnce(oauth.ScopeAdminKeys, do) }
	return []route{
		{"GET", "/v1/admin/clients", desk, read(listClients)},
		{"POST", "/v1/admin/clients", desk, post(made((*admin.Local).CreateClient))},
		{"GET", "/v1/admin/clients/{id}", desk, read(named((*admin.Local).Client))},
		{"PATCH", "/v1/admin/clients/{id}", desk, write(changed((*admin.Local).ChangeClient))},
		{"DELETE", "/v1/admin/clients/{id}", desk, write(counted((*admin.Local).DeleteClient))},
		{"POST", "/v1/admin/clients/{id}/disable", desk, post(bare(named((*admin.Local).DisableClient)))},
		{"POST", "/v1/admin/clients/{id}/enable", desk, post(bare(named((*admin.Local).EnableClient)))},
		{"POST", "/v1/admin/clients/{id}/secrets", desk, post(giveSecret)},
		{"DELETE", "/v1/admin/clients/{id}/secrets", desk, write(named((*admin.Local).WithdrawSecrets))},

		{"GET", "/v1/admin/initial-access-tokens", desk, read(listInitialTokens)},
		{"POST", "/v1/admin/initial-access-tokens", desk, post(made((*admin.Local).CreateInitialToken))},
		{"DELETE", "/v1/admin/initial-access-tokens/{id}", desk, write(ended((*admin.Local).DeleteInitialToken))},

		{"GET", "/v1/admin/resources", desk, read(listResources)},
		{"POST", "/v1/admin/resources", desk, post(made((*admin.Local).CreateResource))},
		{"GET", "/v1/admin/resources/{id}", desk, read(named((*admin.Local).Resource))},
		{"PATCH", "/v1/admin/resources/{id}", desk, write(changed((*admin.Local).ChangeResource))},
		{"DELETE", "/v1/admin/resources/{id}", desk, write(ended((*admin.Local).DeleteResource))},

		{"POST", "/v1/admin/invitations", desk, post(made(invited))},
		{"GET", "/v1/admin/users", desk, read(listUsers)},
		{"GET", "/v1/admin/users/{id}", desk, read(named((*admin.Local).User))},
		{"POST", "/v1/admin/users/{id}/disable", desk, post(bare(named((*admin.Local).DisableUser)))},
		{"POST", "/v1/admin/users/{id}/enable", desk, post(bare(named((*admin.Local).EnableUser)))},
		{"DELETE", "/v1/admin/users/{id}/sessions", desk, write(counted((*admin.Local).EndSessions))},
		{"DELETE", "/v1/admin/users/{id}", desk, write(ended((*admin.Local).DeleteUser))},

		{"GET", "/v1/admin/sessions", desk, read(listAllSessions)},
		{"GET", "/v1/admin/sessions/{id}", desk, read(named((*admin.Local).Session))},
		{"DELETE", "/v1/admin/sessions/{id}", desk, write(ended((*admin.Local).EndSession))},

		{"GET", "/v1/admin/events", desk, read(listEvents)},

		{"GET", "/v1/admin/keys", desk, read(listKeys)},
		{"POST", "/v1/admin/keys/rotate", desk, rotate(rotateKeys)},
		{"POST", "/v1/admin/keys/{id}/retire", desk, rotate(retireKey)},
	}
}

// named answers with what the {id} of the path names, or with what became of it.
func named[T any](look func(d *admin.Local, ctx context.Context, id string) (T, error)) errand {
	return func(r *http.Request, d *admin.Local) (told, error) {
		id, err := plainly(r)
		if err != nil {
			return told{}, err
		}
		value, err := look(d, r.Context(), id)
		if err != nil {
			return told{}, err
		}
		return tell(http.StatusOK, value)
	}
}

// ended does away with what the {id} of the path names.
func ended(end func(d *admin.Local, ctx context.Context, id string) error) errand {
	return func(r *http.Request, d *admin.Local) (told, error) {
		id, err := plainly(r)
		if err != nil {
			return told{}, err
		}
		return done, end(d, r.Context(), id)
	}
}

// counted ends the sessions of what the {id} of the path names, and says how many.
func counted(end func(d *admin.Local, ctx context.Context, id string) (int, error)) errand {
	return func(r *http.Request, d *admin.Local) (told, error) {
		id, err := plainly(r)
		if err != nil {
			return told{}, err
		}
		n, err := end(d, r.Context(), id)
		if err != nil {
			return told{}, err
		}
		return tell(http.StatusOK, map[string]int{"ended": n})
	}
}

// made makes what the body describes.
func made[F, T any](create func(d *admin.Local, ctx context.Context, form F) (T, error)) errand {
	return func(r *http.Request, d *admin.Local) (told, error) {
		var form F
		if _, err := queryOf(r); err != nil {
			return told{}, err
		}
		if err := bodyOf(r, &form); err != nil {
			return told{}, err
		}
		value, err := create(d, r.Context(), form)
		if err != nil {
			return told{}, err
		}
		return tell(http.StatusCreated, value)
	}
}

// invitee is the body of an invitation.
type invitee struct {
	Email string `json:"email"`
}

func invited(d *admin.Local, ctx context.Context, who invitee) (admin.Invitation, error) {
	return d.InviteUser(ctx, who.Email)
}

// changed changes what the {id} of the path names as the body says, if it still is what If-Match says.
func changed[F, T any](change func(d *admin.Local, ctx context.Context, id string, form F, match string) (T, error)) errand {
	return func(r *http.Request, d *admin.Local) (told, error) {
		var form F
		id, errID := plainly(r)
		match, errMatch := matchOf(r)
		if err := errors.Join(errID, errMatch); err != nil {
			return told{}, err
		}
		if err := bodyOf(r, &form); err != nil {
			return told{}, err
		}
		value, err := change(d, r.Context(), id, form, match)
		if err != nil {
			return told{}, err
		}
		return tell(http.StatusOK, value)
	}
}

// plainly is the {id} of a request without parameters.
func plainly(r *http.Request) (string, error) {
	if _, err := queryOf(r); err != nil {
		return "", err
	}
	return namedBy(r)
}

// bare is for a POST that needs no body.
func bare(do errand) errand {
	return func(r *http.Request, d *admin.Local) (told, error) {
		if err := noBody(r); err != nil {
			return told{}, err
		}
		return do(r, d)
	}
}

func listClients(r *http.Request, d *admin.Local) (told, error) {
	values, err := queryOf(r, "limit", "cursor", "state")
	if err != nil {
		return told{}, err
	}
	q := admin.ClientQuery{State: store.Standing(values.Get("state"))}
	if q.Paging, err = pagingOf(values); err != nil {
		return told{}, err
	}
	return onePage(d.Clients(r.Context(), q))
}

// onePage answers with one page of a list.
func onePage[T any](p admin.Page[T], err error) (told, error) {
	if err != nil {
		return told{}, err
	}
	return tell(http.StatusOK, p)
}

func giveSecret(r *http.Request, d *admin.Local) (told, error) {
	id, err := plainly(r)
	if err := errors.Join(err, noBody(r)); err != nil {
		return told{}, err
	}
	client, err := d.GiveSecret(r.Context(), id)
	if err != nil {
		return told{}, err
	}
	return tell(http.StatusCreated, client)
}

// pageOf reads the query of a list that is only paged.
func pageOf(r *http.Request) (admin.Paging, error) {
	values, err := queryOf(r, "limit", "cursor")
	if err != nil {
		return admin.Paging{}, err
	}
	return pagingOf(values)
}

func listInitialTokens(r *http.Request, d *admin.Local) (told, error) {
	p, err := pageOf(r)
	if err != nil {
		return told{}, err
	}
	return onePage(d.InitialTokens(r.Context(), admin.InitialTokenQuery{Paging: p}))
}

func listResources(r *http.Request, d *admin.Local) (told, error) {
	p, err := pageOf(r)
	if err != nil {
		return told{}, err
	}
	return onePage(d.Resources(r.Context(), admin.ResourceQuery{Paging: p}))
}

func listUsers(r *http.Request, d *admin.Local) (told, error) {
	values, err := queryOf(r, "limit", "cursor", "state", "email")
	if err != nil {
		return told{}, err
	}
	q := admin.UserQuery{State: store.Standing(values.Get("state")), Email: values.Get("email")}
	if q.Paging, err = pagingOf(values); err != nil {
		return told{}, err
	}
	return onePage(d.Users(r.Context(), q))
}

func listAllSessions(r *http.Request, d *admin.Local) (told, error) {
	values, err := queryOf(r, "limit", "cursor", "user", "client", "device", "state", "since", "until")
	if err != nil {
		return told{}, err
	}
	q := admin.SessionQuery{
		UserID: values.Get("user"), ClientID: values.Get("client"), DeviceID: values.Get("device"), State: store.Phase(values.Get("state")),
	}
	var errPaging, errSince, errUntil error
	q.Paging, errPaging = pagingOf(values)
	q.Since, errSince = momentOf(values, "since")
	q.Until, errUntil = momentOf(values, "until")
	if err := admin.NewInvalid(errPaging, errSince, errUntil); err != nil {
		return told{}, err
	}
	return onePage(d.Sessions(r.Context(), q))
}

func listEvents(r *http.Request, d *admin.Local) (told, error) {
	values, err := queryOf(r, "limit", "cursor", "type", "user", "client", "session", "since", "until", "order", "after")
	if err != nil {
		return told{}, err
	}
	q := admin.EventQuery{
		Type: values.Get("type"), UserID: values.Get("user"), ClientID: values.Get("client"), SessionID: values.Get("session"),
		After: values.Get("after"),
	}
	switch values.Get("order") {
	case "", "newest":
	case "oldest":
		q.Oldest = true
	default:
		return told{}, mistake("order: want newest or oldest")
	}
	var errPaging, errSince, errUntil error
	q.Paging, errPaging = pagingOf(values)
	q.Since, errSince = momentOf(values, "since")
	q.Until, errUntil = momentOf(values, "until")
	if err := admin.NewInvalid(errPaging, errSince, errUntil); err != nil {
		return told{}, err
	}
	return onePage(d.Events(r.Context(), q))
}

func listKeys(r *http.Request, d *admin.Local) (told, error) {
	if _, err := queryOf(r); err != nil {
		return told{}, err
	}
	return tellKeys(d.Keys(r.Context()))
}

func tellKeys(list []keys.Info, err error) (told, error) {
	if err != nil {
		return told{}, err
	}
	return tell(http.StatusOK, map[string][]keys.Info{"items": list})
}

// keyForm is the body of a change of keys.
type keyForm struct {
	Now bool `json:"now"`
}

func rotateKeys(r *http.Request, d *admin.Local) (told, error) {
	var form keyForm
	if _, err := queryOf(r); err != nil {
		return told{}, err
	}
	if err := bodyOf(r, &form); err != nil {
		return told{}, err
	}
	return tellKeys(d.RotateKeys(r.Context(), form.Now))
}

func retireKey(r *http.Request, d *admin.Local) (told, error) {
	var form keyForm
	id, err := plainly(r)
	if err != nil {
		return told{}, err
	}
	if err := bodyOf(r, &form); err != nil {
		return told{}, err
	}
	return tellKeys(d.RetireKey(r.Context(), id, form.Now))
}
