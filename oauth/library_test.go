package oauth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// library is golang.org/x/oauth2 as anybody would set it up, against a server whose interval is a second.
type library struct {
	oauth2.Config
	t   *testing.T
	ctx context.Context
}

func withLibrary(t *testing.T, story func(t *testing.T, s *servertest.Server, l library)) {
	t.Helper()
	t.Parallel()
	servertest.Everywhere(t, servertest.Options{LimitScale: 1000, Interval: time.Second}, func(t *testing.T, s *servertest.Server) {
		register(t, s, "tool", func(c *store.Client) { c.Audiences = []string{s.Issuer} })
		story(t, s, library{t: t, ctx: context.WithValue(t.Context(), oauth2.HTTPClient, s.Client()), Config: oauth2.Config{
			ClientID: "tool", Scopes: []string{"openid", "deploy:write"},
			Endpoint: oauth2.Endpoint{DeviceAuthURL: s.Issuer + "/oauth/device_authorization", TokenURL: s.Issuer + "/oauth/token"},
		}})
	})
}

func (l library) ask(options ...oauth2.AuthCodeOption) *oauth2.DeviceAuthResponse {
	l.t.Helper()
	asked, err := l.DeviceAuth(l.ctx, options...)
	if err != nil {
		l.t.Fatal(err)
	}
	return asked
}

// fetched is what the library brings.
type fetched struct {
	token *oauth2.Token
	err   error
}

// fetch polls in the background: the library waits for a whole interval before it asks.
func (l library) fetch(asked *oauth2.DeviceAuthResponse, options ...oauth2.AuthCodeOption) <-chan fetched {
	answer := make(chan fetched, 1)
	go func() {
		token, err := l.DeviceAccessToken(l.ctx, asked, options...)
		answer <- fetched{token, err}
	}()
	return answer
}

// refresh lets the library's own token source find the token old.
func (l library) refresh(token *oauth2.Token) (*oauth2.Token, error) {
	old := *token
	old.Expiry = time.Now().Add(-time.Minute)
	return l.TokenSource(l.ctx, &old).Token()
}

func (l library) mustRefresh(token *oauth2.Token) *oauth2.Token {
	l.t.Helper()
	next, err := l.refresh(token)
	if err != nil {
		l.t.Fatal(err)
	}
	if next.AccessToken == token.AccessToken || next.RefreshToken == token.RefreshToken || !next.Valid() {
		l.t.Errorf("refreshed to %+v", next)
	}
	return next
}

func TestLibraryLogsInAndRefreshes(t *testing.T) {
	withLibrary(t, func(t *testing.T, s *servertest.Server, l library) {
		fingerprint := oauth2.SetAuthURLParam("device_fingerprint", "0123456789abcdef0123456789abcdef")
		plain, bound := l.ask(), l.ask(fingerprint)
		mara := person(t, s, "mara")
		questions := []*servertest.Page{mara.EnterCode(plain.UserCode), mara.EnterCode(bound.UserCode)}
		answers := []<-chan fetched{l.fetch(plain), l.fetch(bound, fingerprint)}
		time.Sleep(1500 * time.Millisecond) // each must live through a pending poll, which it sends twice
		for _, question := range questions {
			question.Press("Approve")
		}
		for _, answer := range answers {
			got := <-answer
			if got.err != nil {
				t.Fatal(got.err)
			}
			if !got.token.Valid() || got.token.RefreshToken == "" || claimsOf(t, got.token.AccessToken).Scope != "openid deploy:write" {
				t.Errorf("the token is %+v", got.token)
			}
			l.mustRefresh(l.mustRefresh(got.token))
		}
	})
}

func TestLibraryIsToldWhyNot(t *testing.T) {
	withLibrary(t, func(t *testing.T, s *servertest.Server, l library) {
		mara := person(t, s, "mara")
		late := l.ask()
		s.Clock.Advance(10 * time.Minute)
		denied, fine, stolen := l.ask(), l.ask(), l.ask(oauth2.SetAuthURLParam("device_fingerprint", "0123456789abcdef0123456789abcdef"))
		mara.Deny(denied.UserCode)
		mara.Approve(fine.UserCode)
		answers := map[string]<-chan fetched{
			oauth.CodeExpiredToken: l.fetch(late), oauth.CodeAccessDenied: l.fetch(denied), oauth.CodeInvalidGrant: l.fetch(stolen),
		}
		got := <-l.fetch(fine)
		if got.err != nil {
			t.Fatal(got.err)
		}
		for code, answer := range answers {
			mustHear(t, (<-answer).err, code)
		}
		foreign(t, s, "tool").Revoke(got.token.RefreshToken)
		_, err := l.refresh(got.token)
		mustHear(t, err, oauth.CodeInvalidGrant)
	})
}

func mustHear(t *testing.T, err error, code string) {
	t.Helper()
	refusal, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || refusal.ErrorCode != code {
		t.Errorf("the library hears %v, want %s", err, code)
	}
}

func TestLibraryProvesItsClientInEveryStyle(t *testing.T) {
	withLibrary(t, func(t *testing.T, s *servertest.Server, l library) {
		const secret = "generated+secret/="
		register(t, s, "backend", confidential(secret))
		mara := person(t, s, "mara")
		answers := map[*library]<-chan fetched{}
		for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleAutoDetect, oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
			own := l
			own.ClientID, own.ClientSecret, own.Endpoint.AuthStyle = "backend", secret, style
			asked := own.ask(oauth2.SetAuthURLParam("client_secret", secret)) // here it does not prove the client by itself
			mara.Approve(asked.UserCode)
			answers[&own] = own.fetch(asked)
		}
		for own, answer := range answers {
			got := <-answer
			if got.err != nil {
				t.Fatalf("style %d: %v", own.Endpoint.AuthStyle, got.err)
			}
			own.mustRefresh(got.token)
		}
	})
}
