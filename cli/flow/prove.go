package flow

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// proves tells whether the server knows proofs of our kind (RFC 9449 §5.1).
func (m Metadata) proves() bool { return slices.Contains(m.ProofAlgorithms, "ES256") }

// deviceKey is the key to be shown to a server, nil if there is none or the server does not know what to do with one.
func (c *Client) deviceKey(server Metadata) (*Key, error) {
	if c.Key == nil || !server.proves() {
		return nil, nil
	}
	return c.Key()
}

// ask speaks to the token endpoint. A client that shows a key asks for bearer tokens all the same, which every API can use: a
// resource that insists on keys gets one that is bound, and the refresh token is bound in any case.
func (c *Client) ask(ctx context.Context, server Metadata, form url.Values, header http.Header, patience time.Duration) (answer, error) {
	key, err := c.deviceKey(server)
	if err != nil {
		return answer{}, err
	}
	if key != nil {
		form.Set("access_token_type", "Bearer")
	}
	return c.shows(key, func(proof string) (answer, error) {
		sent := header.Clone()
		if proof != "" {
			if sent == nil {
				sent = http.Header{}
			}
			sent.Set("DPoP", proof)
		}
		return c.post(ctx, server.TokenURL, form, sent, patience)
	}, http.MethodPost, server.TokenURL, "")
}

// begins sends the first request of a login, whose proof binds the login to the key.
func (c *Client) begins(ctx context.Context, server Metadata, address string, form url.Values) (answer, error) {
	key, err := c.deviceKey(server)
	if err != nil {
		return answer{}, err
	}
	return c.shows(key, func(proof string) (answer, error) {
		var header http.Header
		if proof != "" {
			header = http.Header{"Dpop": {proof}}
		}
		return c.post(ctx, address, form, header, patience)
	}, http.MethodPost, address, "")
}

// shows sends a request with a proof, with the newest nonce of the server, and once more if it wants another one (RFC 9449 §8).
// Without a key it sends it as it is.
func (c *Client) shows(key *Key, send func(proof string) (answer, error), method, address, token string) (answer, error) {
	if key == nil {
		return send("")
	}
	for again := false; ; again = true {
		c.mu.Lock()
		nonce := c.nonce
		c.mu.Unlock()
		proof, err := key.Proof(method, address, nonce, token)
		if err != nil {
			return answer{}, err
		}
		got, err := send(proof)
		if err != nil {
			return got, err
		}
		if given := got.header.Get("DPoP-Nonce"); given != "" {
			c.mu.Lock()
			c.nonce = given
			c.mu.Unlock()
		}
		if again || !got.wantsNonce() {
			return got, nil
		}
	}
}

func (a answer) wantsNonce() bool {
	var said struct {
		Error string `json:"error"`
	}
	return (a.status == http.StatusBadRequest || a.status == http.StatusUnauthorized) && a.header.Get("DPoP-Nonce") != "" &&
		json.Unmarshal(a.body, &said) == nil && said.Error == "use_dpop_nonce"
}
