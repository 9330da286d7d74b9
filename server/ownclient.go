package server

import (
	"time"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/store"
)

// BuiltInClient is the id of our own client, which every server knows from its first start.
const BuiltInClient = admin.BuiltInClient

// OwnClient is our own client as it is registered at the first start. Its port on loopback is free (RFC 8252 §7.3).
func OwnClient(issuer string, now time.Time) store.Client {
	return store.Client{
		ID: BuiltInClient, Name: "handclasp", Public: true, RequireFingerprint: true, BuiltIn: true,
		Grants:       []string{oauth.GrantDevice, oauth.GrantRefresh, oauth.GrantCode},
		RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/callback"},
		Scopes:       []store.Scope{{Name: oauth.ScopeAccountRead}, {Name: oauth.ScopeAccountDevices}},
		Audiences:    []string{issuer}, CreatedAt: now, UpdatedAt: now,
	}
}
