package server_test

import (
	"testing"

	"github.com/handclasp/handclasp/server/servertest"
)

func TestAStrangeMethodIsAnsweredEverywhere(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 1000})
	b := s.Browser(t)
	for _, path := range []string{
		"/assets/", "/assets/x", "/", "/device", "/device/x", "/device//", "/oauth/token", "/v1/devices/x", "/v1/nothing",
		"/.well-known/oauth-authorization-server", "/nothing", "//", "/%2f",
	} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "X"} {
			page := b.Do(b.Request(method, path, nil))
			if page.Status < 400 || page.Status >= 500 {
				t.Errorf("%s %s: %d", method, path, page.Status)
			}
		}
	}
}
