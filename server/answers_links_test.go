package server_test

import (
	"net/http"
	"testing"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
)

func linksIntoApps(t *testing.T, s *servertest.Server, _ *servertest.Browser) {
	registerApps(t, s)
	p := pictures(t, s)
	link := p.AskForLink("phone@example.test", "")
	half, _ := servertest.MailHalf(t, s.MailOf(t, link).Link)
	expect(t, "wrong letters", p.UseLetters(link.DeviceHalf, "BBBBBB"), http.StatusBadRequest, "invalid_grant")
	expect(t, "no half", p.Use(link.DeviceHalf, ""), http.StatusBadRequest, "invalid_request")
	expect(t, "both halves", p.Use(link.DeviceHalf, half), http.StatusOK, "")
	refused := p.Use(link.DeviceHalf, half)
	expect(t, "again", refused, http.StatusBadRequest, "invalid_grant")
	if refused.Text("reason") != oauth.ReasonLink {
		t.Errorf("again: %s", refused.Body)
	}
	idle := s.Phone(t, "handclasp", universal)
	expect(t, "without the grant", idle.TryAskForLink("phone@example.test", ""), http.StatusBadRequest, "unauthorized_client")
	nobody := s.Phone(t, "nobody", universal)
	expect(t, "an unknown client", nobody.TryAskForLink("phone@example.test", ""), http.StatusBadRequest, "invalid_client")
	kiosk := s.Phone(t, "kiosk", universal)
	kiosk.Secret = "wrong"
	expect(t, "a wrong secret", kiosk.TryAskForLink("phone@example.test", ""), http.StatusUnauthorized, "invalid_client")
	expect(t, "no address", p.TryAskForLink("phone", ""), http.StatusBadRequest, "invalid_request")
	p.Scope = "deploy:write"
	expect(t, "a foreign scope", p.TryAskForLink("phone@example.test", ""), http.StatusBadRequest, "invalid_scope")
	p.Scope, p.Resource = "openid", "https://other.example.test"
	expect(t, "a foreign resource", p.TryAskForLink("phone@example.test", ""), http.StatusBadRequest, "invalid_target")
}
