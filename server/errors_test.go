package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
)

// Whoever asks for several scopes hears which of them is wrong, wherever it asks.
func TestARefusalNamesTheScopeOrTheResource(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{Registration: oauth.RegistrationOpen, LimitScale: 1000})
	registerWebApps(t, s)
	if err := s.Records.CreateClient(t.Context(), otherClients[0]); err != nil {
		t.Fatal(err)
	}
	a, tool := calendar(t, s), terminal(t, s, "deploy-tool")
	robot := service(t, s, "robot", "https://api.example.test")
	const other = "https://other.example.test"
	ask := func(scope, resource string) servertest.Reply {
		tool.Scope, tool.Resource = scope, resource
		return tool.TryAsk()
	}
	for want, reply := range map[string]servertest.Reply{
		"The client is not registered for the scope 'deploy:x'.":                                                 ask("openid deploy:x", ""),
		"The client is not registered for the resource '" + other + "'.":                                         ask("openid", other),
		"The client is not registered for the scope 'a?b" + strings.Repeat("x", 57) + "...'.":                    a.Push("scope", `openid a"b`+strings.Repeat("x", 90)),
		"The client is not registered for the scope 'deploy:y', or no service may have it.":                      robot.Post("/oauth/token", clientCredentials("scope", "deploy:write deploy:y")),
		"The scope 'admin:read' of the admin API was not given to the client, or is asked for another audience.": robot.Post("/oauth/token", clientCredentials("scope", "admin:read")),
		"The scope 'admin:write' is not for clients that register themselves.":                                   register(t, s, "", `{"redirect_uris":["https://board.example.test/back"],"scope":"openid admin:write"}`),
		"Entry 2 of redirect_uris must be https, http://127.0.0.1, or an app's scheme such as test.example.app.": register(t, s, "", `{"redirect_uris":["https://board.example.test/back","http://board.example.test/"]}`),
	} {
		if got := reply.Text("error_description"); reply.Status != http.StatusBadRequest || got != want {
			t.Errorf("%d %q, want %q", reply.Status, got, want)
		}
	}
	answer, _ := a.Answer(a.Open(signedIn(t, s, mara), "scope", "openid dates:x"))
	if got := answer.Get("error_description"); got != "The client is not registered for the scope 'dates:x'." {
		t.Errorf("at the redirect URI: %q", got)
	}
}
