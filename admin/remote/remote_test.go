package remote_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/admin/remote"
	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// between is a proxy that the server goes by, and that may lose an answer.
type between struct {
	*httptest.Server
	loses atomic.Bool // the next answer to a POST of the admin API
	lost  atomic.Int32
}

// elsewhere starts a server behind a proxy, and a desk that asks it with these scopes.
func elsewhere(t *testing.T, o servertest.Options, scopes ...string) (*between, *servertest.Server, *remote.Desk) {
	t.Helper()
	b := &between{}
	var to atomic.Pointer[httputil.ReverseProxy]
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v1/admin") && b.loses.CompareAndSwap(true, false) {
			to.Load().ServeHTTP(httptest.NewRecorder(), r)
			b.lost.Add(1)
			panic(http.ErrAbortHandler)
		}
		to.Load().ServeHTTP(w, r)
	}))
	t.Cleanup(b.Close)
	o.Issuer = b.URL
	s := servertest.Start(t, o)
	to.Store(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: s.Address}))
	operator := s.Operator(t, "operator", scopes...)
	desk, err := remote.New(remote.Options{Server: s.Issuer, ClientID: "operator", Secret: operator.Secret})
	if err != nil {
		t.Fatal(err)
	}
	return b, s, desk
}

func text(s string) *string { return &s }

func TestLostAnswerIsAskedForAgain(t *testing.T) {
	t.Parallel()
	b, s, desk := elsewhere(t, servertest.Options{}, oauth.ScopeAdminWrite)
	b.loses.Store(true)
	client, err := desk.CreateClient(t.Context(), admin.ClientForm{Name: text("Builder")})
	if err != nil || client.Secret == "" || b.lost.Load() != 1 {
		t.Fatalf("%+v, %v, %d answers were lost", client, err, b.lost.Load())
	}
	kept, err := s.Records.Client(t.Context(), client.ID)
	if err != nil || len(kept.SecretHashes) != 1 || kept.SecretHashes[0] != oauth.HashSecret(client.Secret) {
		t.Errorf("%+v, %v", kept, err)
	}
	clients, err := s.Records.Clients(t.Context())
	if err != nil || len(clients) != 3 { // our own, the operator, and this one
		t.Errorf("%d clients, %v", len(clients), err)
	}
}

func TestDeskOutlivesItsTokens(t *testing.T) {
	t.Parallel()
	_, s, desk := elsewhere(t, servertest.Options{}, oauth.ScopeAdminRead)
	for range 3 {
		if _, err := desk.Keys(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(20 * time.Minute)
	}
}

func TestDeskWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	_, _, desk := elsewhere(t, servertest.Options{}, oauth.ScopeAdminRead)
	for i := range 62 { // sixty at once, and then two a second
		if _, err := desk.Keys(t.Context()); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
}

func TestRefusalsComeThroughAsTheyAre(t *testing.T) {
	t.Parallel()
	_, _, desk := elsewhere(t, servertest.Options{}, oauth.ScopeAdminRead, oauth.ScopeAdminWrite)
	ctx := t.Context()
	if _, err := desk.Client(ctx, "no/body"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	_, err := desk.CreateResource(ctx, admin.ResourceForm{ID: "api"})
	if _, invalid := errors.AsType[admin.Invalid](err); !invalid || !strings.Contains(err.Error(), "\nname: missing") {
		t.Errorf("two mistakes: %v", err)
	}
	r, err := desk.CreateResource(ctx, admin.ResourceForm{ID: "https://a.example.test/v1?x=1", Name: text("A")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := desk.ChangeResource(ctx, r.ID, admin.ResourceForm{Name: text("B")}, admin.Version(r)); err != nil {
		t.Error(err)
	}
	_, err = desk.ChangeResource(ctx, r.ID, admin.ResourceForm{Name: text("C")}, admin.Version(r))
	if admin.Refused(err) != admin.ReasonChanged {
		t.Errorf("upon an older look: %v", err)
	}
	if _, err := desk.RotateKeys(ctx, true); err == nil || !strings.Contains(err.Error(), "was not given the scope admin:keys") {
		t.Errorf("without the scope: %v", err)
	}
	form := admin.ClientForm{Name: text("X"), Grants: &[]string{oauth.GrantClient}, Scopes: &[]store.Scope{{Name: oauth.ScopeAdminRead}}}
	if _, err := desk.CreateClient(ctx, form); admin.Refused(err) != admin.ReasonOnlyAtData {
		t.Errorf("more rights: %v", err)
	}
}

func TestSecretGoesNowhereUnprotected(t *testing.T) {
	t.Parallel()
	for _, server := range []string{
		"http://login.example.test", "login.example.test", "https://login.example.test/x", "ftp://login.example.test", "",
		"https://ada@login.example.test", "http://127.0.0.1.example.test",
	} {
		if _, err := remote.New(remote.Options{Server: server, ClientID: "operator", Secret: "secret"}); err == nil {
			t.Errorf("%q is good", server)
		}
	}
	var asked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer other.Close()
	leads := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer leads.Close()
	desk, err := remote.New(remote.Options{Server: leads.URL, ClientID: "operator", Secret: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := desk.Keys(t.Context()); err == nil || asked.Load() != 0 {
		t.Errorf("the secret followed a redirect: %v, asked %d times", err, asked.Load())
	}
}

func TestDeskProvesItselfByAKey(t *testing.T) {
	t.Parallel()
	_, s, _ := elsewhere(t, servertest.Options{}, oauth.ScopeAdminRead)
	rsaKey, errRSA := rsa.GenerateKey(rand.Reader, 2048)
	ecKey, errEC := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, edKey, errEd := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(errRSA, errEC, errEd); err != nil {
		t.Fatal(err)
	}
	for id, private := range map[string]crypto.Signer{"rsa": rsaKey, "ec": ecKey, "ed": edKey} {
		jwks, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private.Public()}}})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Records.CreateClient(t.Context(), store.Client{
			ID: id, Name: id, JWKS: string(jwks), Grants: []string{oauth.GrantClient}, Admin: []string{oauth.ScopeAdminRead},
			Audiences: []string{s.Issuer}, CreatedAt: s.Clock.Now(), UpdatedAt: s.Clock.Now(),
		})
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		key, err := remote.ReadKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		if err != nil {
			t.Fatal(err)
		}
		desk, err := remote.New(remote.Options{Server: s.Issuer, ClientID: id, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := desk.Client(t.Context(), id); err != nil || got.ID != id {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
}
