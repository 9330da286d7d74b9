package server_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis/redistest"
)

// limits asks until it hurts, with the limits as they are.
func limits(t *testing.T, o servertest.Options) {
	s := servertest.Start(t, o)
	s.Clock.Hold() // no machine is too slow to hurt
	registerApps(t, s)
	phone := s.Phone(t, "pictures", universal)
	d, mara := s.Terminal(t), s.Browser(t)
	mara.SignIn("mara@example.test")
	token := mara.Open("/account").FormToken()
	stranger := s.Browser(t) // whom the server does not know from an earlier sign-in
	strange := stranger.Open("/signin").FormToken()
	registerWebApps(t, s)
	pusher := notes(t, s)
	limitsOfAdmin(t, s)
	for what, try := range map[string]func() int{
		"asking for codes":             func() int { return d.TryAsk().Status },
		"asking for links into an app": func() int { return phone.TryAskForLink("somebody.new@example.test", "").Status },
		"pushing requests":             func() int { return pusher.Push().Status },
		"asking by GET":                asking(t, s, mara, http.MethodGet),
		"signing out by GET":           leaving(t, mara, http.MethodGet),
		"signing out by POST":          leaving(t, mara, http.MethodPost),
		"signing out by our page":      leavingByOurPage(mara),
		"asking by POST":               asking(t, s, mara, http.MethodPost),
		"typing codes": func() int {
			return mara.Post("/device", url.Values{"csrf": {token}, "user_code": {"BBBB-BBBB"}}).Status
		},
		"asking for links": func() int {
			return stranger.Post("/signin", url.Values{"csrf": {strange}, "email": {"somebody.new@example.test"}}).Status
		},
		"typing letters": func() int { return mara.Post("/signin/code", url.Values{"csrf": {token}, "code": {"BBBBBB"}}).Status },
	} {
		status := 0
		for range 80 {
			if status = try(); status == http.StatusTooManyRequests {
				break
			}
		}
		if status != http.StatusTooManyRequests {
			t.Errorf("%s eighty times: the last answer is %d", what, status)
		}
	}
}

// outage takes Redis away in the middle of everything.
func outage(t *testing.T, o servertest.Options) {
	keeper := redistest.Run(t)
	o.Redis = keeper.URL()
	s := servertest.Start(t, o)
	d, mara := s.Terminal(t), s.Browser(t)
	mara.SignIn("mara@example.test")
	tokens := d.LogIn(mara)
	asked, token := d.Ask(), mara.Open("/account").FormToken()
	registerApps(t, s)
	registerWebApps(t, s)
	phone := s.Phone(t, "pictures", universal)
	operator := s.Operator(t, "operator", oauth.ScopeAdminRead, oauth.ScopeAdminWrite, oauth.ScopeAdminKeys)
	keeper.Kill()

	expect(t, "ask for a link", phone.TryAskForLink("mara@example.test", ""), http.StatusServiceUnavailable, "temporarily_unavailable")

	expect(t, "ask", d.TryAsk(), http.StatusServiceUnavailable, "temporarily_unavailable")
	expect(t, "poll", d.Poll(asked), http.StatusServiceUnavailable, "temporarily_unavailable")
	expect(t, "refresh", d.Refresh(tokens.RefreshToken), http.StatusServiceUnavailable, "temporarily_unavailable")
	expect(t, "revoke", d.Revoke(tokens.RefreshToken), http.StatusServiceUnavailable, "temporarily_unavailable")
	outageOfServices(t, s, tokens)
	outageOfApps(t, s, mara, tokens)
	outageOfAdmin(t, operator)
	for _, o := range ours {
		expect(t, o.path, d.Call(o.method, o.path, tokens.AccessToken), http.StatusServiceUnavailable, "temporarily_unavailable")
	}
	for _, path := range pagesToOpen {
		if page := mara.Open(path); page.Status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", path, page.Status, page.Text())
		}
	}
	for _, path := range formsToSend {
		if page := mara.Post(path, url.Values{"csrf": {token}}); page.Status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", path, page.Status, page.Text())
		}
	}
}

// puzzling is a ticket store that says what nobody expects.
type puzzling struct{ store.Tickets }

func (puzzling) Poll(context.Context, store.Poll) (store.Polled, error) {
	return store.Polled{Answer: "perhaps"}, nil
}

func fault(t *testing.T, o servertest.Options) {
	o.Tickets = func(below store.Tickets) store.Tickets { return puzzling{below} }
	d := servertest.Start(t, o).Terminal(t)
	expect(t, "a puzzling store", d.Poll(d.Ask()), http.StatusInternalServerError, "server_error")
}
