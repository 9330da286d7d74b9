package verify

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// prove holds the binding of a token and the way in which it was shown against each other. A bound token without a proof
// is refused, and a free one under the scheme DPoP too: else a thief could strip or a client only imagine the protection
// (RFC 9449 §7.1, §7.2).
func (v *Verifier) prove(ctx context.Context, r *http.Request, scheme, text string, token Token) error {
	if token.Confirmation == "" {
		if scheme == schemeDPoP {
			return v.badToken(scheme, errors.New("the token is not bound to a key and came with the scheme DPoP"))
		}
		return nil
	}
	if scheme != schemeDPoP {
		return v.badToken(scheme, errors.New("the token is bound to a key and came as Bearer"))
	}
	shown, err := v.readProof(r)
	if err != nil {
		return v.badProof(err)
	}
	if shown.AccessHash != hash(text) {
		return v.badProof(errors.New("the proof is for another token"))
	}
	if subtle.ConstantTimeCompare([]byte(shown.Thumbprint), []byte(token.Confirmation)) != 1 {
		return v.badToken(scheme, errors.New("the proof is of another key than the token"))
	}
	// Last, so that only good proofs are remembered. A jti is unique to its key only.
	first, err := v.replays.First(ctx, hash(shown.Thumbprint+"."+shown.ID), time.Unix(shown.Issued, 0).Add(skew+time.Second))
	if err != nil {
		return v.unavailable(err)
	}
	if !first {
		return v.badProof(errors.New("the proof was used before"))
	}
	return nil
}

// readProof finds the proof of a request and checks it as RFC 9449 §4.3 lists it.
func (v *Verifier) readProof(r *http.Request) (Proof, error) {
	shown, err := ReadProof(r.Header)
	if err != nil {
		return Proof{}, err
	}
	now, issued := v.now(), time.Unix(shown.Issued, 0)
	if issued.Before(now.Add(-skew)) || issued.After(now.Add(skew)) {
		return Proof{}, errors.New("the proof is too old, or from the future")
	}
	return shown, shown.Fits(r.Method, v.target(r))
}

// target is the URL under which the client has made this request.
func (v *Verifier) target(r *http.Request) *url.URL {
	// What a handler before us has stripped from the path is still in the request line.
	asked := r.URL
	if line, err := url.ParseRequestURI(r.RequestURI); err == nil {
		asked = line
	}
	u := *v.url
	u.Path = strings.TrimSuffix(v.url.Path, "/") + asked.Path
	u.RawPath = strings.TrimSuffix(v.url.EscapedPath(), "/") + asked.EscapedPath()
	return &u
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (v *Verifier) badProof(cause error) *Refusal {
	return v.refuse(refusal{
		status: http.StatusUnauthorized, code: CodeInvalidProof, scheme: schemeDPoP, cause: cause,
		words: "the DPoP proof is missing, used, or not for this request",
	})
}
