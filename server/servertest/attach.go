package servertest

import (
	"net/url"
	"testing"
)

// Attach returns a handle on a server that runs elsewhere, such as a handclaspd process: its browsers, terminals and mails,
// if its outbox lies in dir. It has no House, no log and no clock.
func Attach(t testing.TB, issuer, dir string) *Server {
	t.Helper()
	u, err := url.Parse(issuer)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{options: Options{Dir: dir}, Issuer: issuer, Address: u.Host, Clock: &Clock{}, Log: &Output{}, Events: &Output{}}
	if s.transport, err = s.newTransport(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.transport.CloseIdleConnections)
	return s
}
