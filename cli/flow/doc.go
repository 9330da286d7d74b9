// Package flow signs a program in with the OAuth 2.0 device authorization grant
// (RFC 8628), keeps the sign-in fresh (RFC 6749 §6), ends it (RFC 7009), and asks
// the server who is signed in. It speaks HTTP and remembers nothing: where tokens
// lie is the caller's business.
//
//	client := &flow.Client{Issuer: "https://login.example.test", ID: "acme"}
//	code, err := client.Begin(ctx, flow.Request{Scopes: []string{"openid"}})
//	// show code.URL and code.UserCode to the person
//	tokens, err := client.Wait(ctx, code, nil)
package flow
