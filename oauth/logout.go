package oauth

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/handclasp/handclasp/store"
)

// Logout is what an app asks for when its person signs out (OpenID Connect RP-Initiated Logout 1.0 §2).
type Logout struct {
	ClientID string // empty if the request names none
	App      string // the client's name
	SID      string // the app's own session, if the hint is a token of ours; the client and the subject are that token's
	Subject  string
	Proven   bool   // the hint's signature is ours; it is nobody's word where its key has been retired since
	Location string // where the browser goes afterwards, with state; empty to stay here
}

// ReadLogout reads the parameters of the end-session endpoint. The hint may have expired long ago, and is believed for
// nothing but whose session it names; one that is not ours counts as none. An app keeps its ID token for as long as its session, and
// keys go sooner: what such a one says is told too, for the person to confirm. The error is an *Error for the person: where
// to go afterwards must be registered for the client (§3), or nobody is sent anywhere.
func (p *Provider) ReadLogout(ctx context.Context, form url.Values) (Logout, error) {
	for name, values := range form {
		if err := checkParameter(name, values); err != nil {
			return Logout{}, err
		}
	}
	var out Logout
	if hint, proven, ok := p.readHint(form.Get("id_token_hint")); ok {
		out = Logout{ClientID: hint.Audience, SID: hint.Session, Subject: hint.Subject, Proven: proven}
	}
	switch id := form.Get("client_id"); {
	case id == "":
	case out.ClientID != "" && out.ClientID != id:
		return Logout{}, refuse(CodeInvalidRequest, "client_id and id_token_hint name two clients")
	case !store.ValidClientID(id):
		return Logout{}, refuse(CodeInvalidClient, "the client is not registered here")
	default:
		out.ClientID = id
	}
	return out, p.fillLogout(ctx, &out, form)
}

// fillLogout finds the client, and where it may send people.
func (p *Provider) fillLogout(ctx context.Context, out *Logout, form url.Values) error {
	target := form.Get("post_logout_redirect_uri")
	if out.ClientID == "" {
		if target != "" {
			return refuse(CodeInvalidRequest, "post_logout_redirect_uri needs client_id, or an id_token_hint of ours")
		}
		return nil
	}
	c, err := p.clients.find(ctx, out.ClientID)
	if err != nil {
		return err
	}
	out.App = c.Name
	if target == "" {
		return nil
	}
	if !slices.Contains(c.LogoutRedirectURIs, target) {
		return refuse(CodeInvalidRequest, "post_logout_redirect_uri is not one that the client has registered")
	}
	out.Location = target
	if state := form.Get("state"); state != "" {
		path, query, _ := strings.Cut(target, "?")
		if query != "" {
			query += "&"
		}
		out.Location = path + "?" + query + url.Values{"state": {state}}.Encode()
	}
	return nil
}

// readHint reads an ID token of ours, however old.
func (p *Provider) readHint(token string) (claims idClaims, proven, ok bool) {
	if token == "" || len(token) > mostTokenSize {
		return claims, false, false
	}
	claims, proven, err := p.readIDToken(token)
	return claims, proven, err == nil
}

func (p *Provider) readIDToken(token string) (claims idClaims, proven bool, err error) {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return claims, false, err
	}
	header := parsed.Headers[0]
	if typ, _ := header.ExtraHeaders[jose.HeaderType].(string); typ != "JWT" {
		return claims, false, errors.New("the token is not an ID token")
	}
	key, proven := p.Keys.Public(header.KeyID)
	if proven {
		err = parsed.Claims(key, &claims)
	} else {
		err = parsed.UnsafeClaimsWithoutVerification(&claims)
	}
	if err != nil {
		return claims, false, err
	}
	if claims.Issuer != p.Issuer || !store.ValidClientID(claims.Audience) || !store.ValidID(store.SessionPrefix, claims.Session) {
		return claims, false, errors.New("the token is not for a client of ours")
	}
	return claims, proven, nil
}
