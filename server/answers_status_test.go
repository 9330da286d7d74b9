package server_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

const firstStatusList = "/oauth/status/0"

// statusLists are asked for by whoever verifies tokens.
func statusLists(t *testing.T, s *servertest.Server, mara *servertest.Browser) {
	d := s.Terminal(t)
	d.LogIn(mara)
	reply := d.Call(http.MethodGet, firstStatusList, "")
	expect(t, "a list", reply, http.StatusOK, "")
	again := d.CallWith(http.MethodGet, firstStatusList, "If-None-Match", reply.Header.Get("ETag"))
	expect(t, "the same list", again, http.StatusNotModified, "")
	expect(t, "a list that is not there", d.Call(http.MethodGet, "/oauth/status/7", ""), http.StatusNotFound, "not_found")
}

// forgetful is a keeper of records that knows of no ends.
type forgetful struct{ store.Records }

func (forgetful) EndedIndexes(context.Context, time.Time) ([]int64, int64, error) {
	return nil, 0, errors.New("the disk is gone")
}

func outageOfRecords(t *testing.T, o servertest.Options) {
	o.Records = func(below store.Records) store.Records { return forgetful{below} }
	d := servertest.Start(t, o).Terminal(t)
	expect(t, "a list without records", d.Call(http.MethodGet, firstStatusList, ""), http.StatusServiceUnavailable, "temporarily_unavailable")
}
