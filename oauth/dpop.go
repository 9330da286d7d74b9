package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"time"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/verify"
)

// DPoP (RFC 9449): a client shows with each request that it holds a key, so that what was given to that key is worth nothing
// to whoever has copied it. package verify reads the proofs, here and at every API; what is ours is the time that they are
// good for, the memory of those that were shown, and what is bound to their keys. docs/decisions/dpop.md says why.

// The error codes of RFC 9449 §12.2.
const (
	CodeInvalidProof = "invalid_dpop_proof"
	CodeUseNonce     = "use_dpop_nonce"
)

// The values of token_type, and of our own parameter access_token_type, by which a client says which it wants.
const (
	typeBearer = "Bearer"
	typeDPoP   = "DPoP"
)

// shownProof is what a request has proven: that its client holds this key.
type shownProof struct {
	key   string    // thumbprint (RFC 7638)
	name  string    // under which the proof is marked as shown
	until time.Time // until when it could be shown again

	access string // hash of the access token that it is for (ath)
}

// The two ways of telling a proof's age.
const (
	nonceNeeded   = true  // by our own nonce alone, so that nothing that was signed in advance is good (RFC 9449 §11.2)
	nonceOptional = false // by a nonce if there is one, else by the client's clock
)

// readProof reads the proof of a request and holds it against that (RFC 9449 §4.3); nil if there is none. It does not say that
// the proof was not shown before: useProof does, once everything else is in order.
func (p *Provider) readProof(r *http.Request, needsNonce bool) (*shownProof, error) {
	if len(r.Header.Values("DPoP")) == 0 {
		return nil, nil
	}
	shown, err := verify.ReadProof(r.Header)
	if err != nil {
		return nil, &Error{Code: CodeInvalidProof, Hint: "the DPoP proof cannot be read, or its own public key has not signed it", Cause: err}
	}
	target := *p.base
	target.Path, target.RawPath = r.URL.Path, r.URL.RawPath
	if err := shown.Fits(r.Method, &target); err != nil {
		return nil, &Error{Code: CodeInvalidProof, Hint: "the DPoP proof is for another method or URL", Cause: err}
	}
	made, ok := p.madeAt(shown, needsNonce)
	if !ok {
		return nil, &Error{Code: CodeUseNonce, Hint: "make a DPoP proof with the nonce of this answer"}
	}
	return &shownProof{
		key: shown.Thumbprint, name: "dpop:" + store.Digest("dpop-proof", shown.Thumbprint+" "+shown.ID), until: made.Add(nonceLife + skew),
		access: shown.AccessHash,
	}, nil
}

// madeAt says when a proof was made, as far as that can be believed (RFC 9449 §4.3 no. 11); ok is false of one that is too old.
// A client whose clock is wrong is not refused for it: its proof is judged by the nonce that it is then told to use.
func (p *Provider) madeAt(shown verify.Proof, needsNonce bool) (made time.Time, ok bool) {
	now := p.Now()
	if shown.Nonce != "" || needsNonce {
		made, ok = p.nonces.read(shown.Nonce)
		return made, ok && now.Before(made.Add(nonceLife)) && !made.After(now.Add(skew))
	}
	made = time.Unix(shown.Issued, 0)
	return made, !made.Before(now.Add(-skew)) && !made.After(now.Add(skew))
}

// useProof marks a proof as shown: of any number of requests with it one is served (RFC 9449 §11.1). It comes last before
// something is done, so that who is refused for another reason leaves nothing behind here.
func (p *Provider) useProof(ctx context.Context, shown *shownProof) error {
	if shown == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.stepTime())
	defer cancel()
	// One more minute for keepers whose clock is not ours.
	first, err := p.Tickets.Mark(ctx, shown.name, shown.until.Sub(p.Now())+skew)
	if err != nil {
		return unavailable(err)
	}
	if !first {
		return refuse(CodeInvalidProof, "the DPoP proof was shown before")
	}
	return nil
}

// firstKey is the key that a flow is bound to from its first request on: the one that dpop_jkt names (RFC 9449 §10), the one of
// a proof, or both if they are one (§10.1). It is empty if the client names none.
func (p *Provider) firstKey(ctx context.Context, r *http.Request, form url.Values) (string, error) {
	named := form.Get("dpop_jkt")
	if err := checkThumbprint(named); err != nil {
		return "", err
	}
	shown, err := p.readProof(r, nonceOptional)
	if err != nil || shown == nil {
		return named, err
	}
	if named != "" && named != shown.key {
		return "", refuse(CodeInvalidProof, "the DPoP proof is of another key than dpop_jkt")
	}
	return shown.key, p.useProof(ctx, shown)
}

// checkThumbprint refuses what is no SHA-256 thumbprint; empty names no key.
func checkThumbprint(jkt string) error {
	if jkt != "" && !validChallenge(jkt) { // the same alphabet and length
		return refuse(CodeInvalidRequest, "dpop_jkt must be the SHA-256 thumbprint of a key in base64url: 43 characters")
	}
	return nil
}

// keyFor is what a flow is bound to: the key that was named, or any at all if its tokens are for a resource that takes no others.
func (c *client) keyFor(audience, named string) string {
	if named == "" && c.wantsBound(audience) {
		return store.AnyKey
	}
	return named
}

// readProofs reads what the token endpoint wants to know of keys.
func (p *Provider) readProofs(r *http.Request, x *exchange) (err error) {
	switch r.PostForm.Get("access_token_type") {
	case "", typeDPoP:
	case typeBearer:
		x.bearer = true
	default:
		return refuse(CodeInvalidRequest, "access_token_type must be Bearer or DPoP")
	}
	x.proof, err = p.readProof(r, nonceNeeded)
	if err == nil && x.proof == nil && r.PostForm.Get("access_token_type") == typeDPoP {
		return refuse(CodeInvalidProof, "a DPoP proof is missing")
	}
	return err
}

// key is the one that was shown; empty if none was.
func (x *exchange) key() string {
	if x.proof == nil {
		return ""
	}
	return x.proof.key
}

// binds reports whether the refresh token is bound to the key (RFC 9449 §5): a public client's is. A confidential one proves
// itself at every refresh anyway, and may change its key.
func (x *exchange) binds(c *client) bool { return x.proof != nil && c.Public }

// tokenKey is the key that the access token is bound to; empty for a bearer token. A client that shows a proof may ask for a
// bearer token all the same, for a resource that knows nothing of DPoP; its refresh token stays bound (RFC 9449 §5).
func (x *exchange) tokenKey(c *client) string {
	if x.bearer && !c.wantsBound(x.audience) {
		return ""
	}
	return x.key()
}

// errKey refuses whoever lacks the key that a code or a refresh token is bound to. Nothing was spent or ended: a copy alone is
// worth nothing, not even to do harm.
var errKey = &Error{Code: CodeInvalidGrant, Hint: "the code or token is bound to a key, and no DPoP proof of that key was shown"}

func (p *Provider) reportKey(ctx context.Context, sid, clientID string) {
	p.Journal.Record(ctx, store.Event{Type: "device.key_mismatch", SessionID: sid, ClientID: clientID, Result: sessions.Refused})
}

// Confirmation is the claim cnf (RFC 9449 §6.1).
type Confirmation struct {
	Thumbprint string `json:"jkt"`
}

func confirmation(key string) *Confirmation {
	if key == "" {
		return nil
	}
	return &Confirmation{key}
}

// typeOf is the token_type of an access token.
func (c Claims) typeOf() string {
	if c.Confirmation != nil {
		return typeDPoP
	}
	return typeBearer
}

// proveAccess holds the way in which an access token came against what it is bound to (RFC 9449 §7.1, §7.2): one that is bound
// comes under the scheme DPoP with a proof of its key for this very token, another comes as Bearer. Else a thief could leave
// the protection out, or a client only imagine it.
func (p *Provider) proveAccess(r *http.Request, scheme, token string, claims Claims) (*shownProof, error) {
	if scheme != claims.typeOf() {
		return nil, &Error{Code: CodeInvalidToken, Scheme: scheme, Hint: "the access token is of type " + claims.typeOf()}
	}
	if claims.Confirmation == nil {
		return nil, nil
	}
	shown, err := p.readProof(r, nonceOptional)
	if err != nil {
		return nil, underDPoP(err)
	}
	if shown == nil {
		return nil, &Error{Code: CodeInvalidProof, Scheme: typeDPoP, Hint: "a DPoP proof is missing"}
	}
	if subtle.ConstantTimeCompare([]byte(shown.key), []byte(claims.Confirmation.Thumbprint)) != 1 {
		return nil, &Error{Code: CodeInvalidToken, Scheme: typeDPoP, Hint: "the access token is bound to another key"}
	}
	if shown.access != accessHash(token) {
		return nil, &Error{Code: CodeInvalidProof, Scheme: typeDPoP, Hint: "the DPoP proof is for another access token"}
	}
	return shown, nil
}

// underDPoP says of a refusal that it is one of a protected resource, which are 401 and come with a challenge.
func underDPoP(err error) error {
	refusal, ok := err.(*Error) //nolint:errorlint // our own, made a line before
	if !ok || refusal.Code != CodeInvalidProof && refusal.Code != CodeUseNonce {
		return err
	}
	at := *refusal
	at.Scheme = typeDPoP
	return &at
}

// accessHash is the claim ath (RFC 9449 §4.2).
func accessHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
