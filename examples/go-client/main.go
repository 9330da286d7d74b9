// Command go-client signs a terminal in with nothing but what oapi-codegen makes of openapi.yaml. A tool in Go has a whole
// library for this, github.com/handclasp/handclasp/cli; this shows that the description alone is enough.
//
//	go generate && ISSUER=http://127.0.0.1:8080 go run .
package main

//go:generate mkdir -p api
//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../../openapi.yaml

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"time"

	"example.test/go-client/api"
)

const clientID = "handclasp"

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "go-client:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	issuer := cmp.Or(os.Getenv("ISSUER"), "http://127.0.0.1:8080")
	c, err := api.NewClientWithResponses(issuer)
	if err != nil {
		return err
	}
	device := rand.Text() + rand.Text() // a real tool makes it once, and keeps it
	code, err := ask(ctx, c, issuer, device)
	if err != nil {
		return err
	}
	fmt.Println("open", code.VerificationUri, "and type", code.UserCode)
	tokens, err := wait(ctx, c, code, device)
	if err != nil {
		return err
	}
	if tokens, err = refresh(ctx, c, tokens, device); err != nil {
		return err
	}
	me, err := c.GetMeWithResponse(ctx, func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
		return nil
	})
	if err != nil {
		return err
	}
	if me.JSON200 == nil {
		return failed("ask who I am", me.StatusCode(), me.Body)
	}
	fmt.Println("signed in as", me.JSON200.Email)
	form := api.RevokeTokenFormdataRequestBody{ClientId: ptr(clientID), Token: *tokens.RefreshToken}
	gone, err := c.RevokeTokenWithFormdataBodyWithResponse(ctx, form)
	if err != nil {
		return err
	}
	if gone.StatusCode() != http.StatusOK {
		return failed("sign out", gone.StatusCode(), gone.Body)
	}
	fmt.Println("signed out")
	return nil
}

func ask(ctx context.Context, c *api.ClientWithResponses, issuer, device string) (*api.DeviceCode, error) {
	form := api.RequestDeviceCodeFormdataRequestBody{
		ClientId: ptr(clientID), Scope: ptr("account:read"), Resource: &issuer, DeviceFingerprint: &device, DeviceName: ptr("generated client"),
	}
	reply, err := c.RequestDeviceCodeWithFormdataBodyWithResponse(ctx, nil, form)
	if err != nil {
		return nil, err
	}
	if reply.JSON200 == nil {
		return nil, failed("ask for a code", reply.StatusCode(), reply.Body)
	}
	return reply.JSON200, nil
}

// wait polls until the person has decided. Each poll is held by the server until then, or for 30 seconds.
func wait(ctx context.Context, c *api.ClientWithResponses, code *api.DeviceCode, device string) (*api.Tokens, error) {
	form := api.RequestTokenFormdataRequestBody{
		ClientId: ptr(clientID), GrantType: "urn:ietf:params:oauth:grant-type:device_code", DeviceCode: &code.DeviceCode, DeviceFingerprint: &device,
	}
	for {
		reply, err := c.RequestTokenWithFormdataBodyWithResponse(ctx, &api.RequestTokenParams{Prefer: ptr("wait=30")}, form)
		switch {
		case err != nil:
			return nil, err
		case reply.JSON200 != nil:
			return reply.JSON200, nil
		case reply.JSON400 != nil && reply.JSON400.Error == api.ErrorErrorAuthorizationPending:
		case reply.JSON400 != nil && reply.JSON400.Error == api.ErrorErrorSlowDown:
			time.Sleep(time.Duration(code.Interval) * time.Second)
		default:
			return nil, failed("wait", reply.StatusCode(), reply.Body)
		}
	}
}

func refresh(ctx context.Context, c *api.ClientWithResponses, t *api.Tokens, device string) (*api.Tokens, error) {
	form := api.RequestTokenFormdataRequestBody{
		ClientId: ptr(clientID), GrantType: "refresh_token", RefreshToken: t.RefreshToken, DeviceFingerprint: &device,
	}
	reply, err := c.RequestTokenWithFormdataBodyWithResponse(ctx, nil, form)
	if err != nil {
		return nil, err
	}
	if reply.JSON200 == nil {
		return nil, failed("refresh", reply.StatusCode(), reply.Body)
	}
	return reply.JSON200, nil
}

func failed(what string, status int, body []byte) error {
	return fmt.Errorf("%s: %d %s", what, status, body)
}

func ptr[T any](v T) *T { return &v }
