package oauth_test

import (
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// atOnce calls n times at the same moment and collects the answers.
func atOnce(n int, call func() servertest.Reply) []servertest.Reply {
	replies, start := make([]servertest.Reply, n), make(chan struct{})
	var wg sync.WaitGroup
	for i := range replies {
		wg.Go(func() {
			<-start
			replies[i] = call()
		})
	}
	close(start)
	wg.Wait()
	return replies
}

func TestOfFiftyRedeemsOneSucceeds(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		other := servertest.Start(t, s.Replica())
		mara, d, elsewhere := person(t, s, "mara"), s.Terminal(t), other.Terminal(t)
		elsewhere.Fingerprint = d.Fingerprint
		asked := d.Ask()
		mara.Approve(asked.UserCode)
		var calls atomic.Int32
		given := 0
		for _, reply := range atOnce(50, func() servertest.Reply {
			if calls.Add(1)%2 == 0 {
				return elsewhere.Poll(asked)
			}
			return d.Poll(asked)
		}) {
			if reply.Status == http.StatusOK {
				given++
				if !alive(d, reply.Tokens(t).AccessToken) {
					t.Error("the tokens that were given are worth nothing")
				}
				continue
			}
			mustRefuse(t, reply, oauth.CodeInvalidGrant)
		}
		if given != 1 {
			t.Errorf("%d of 50 redeems succeeded", given)
		}
		row := sessionOf(t, s, asked)
		live, err := s.Records.SessionsOnDevice(t.Context(), row.UserID, row.DeviceID)
		if err != nil || len(live) != 1 || live[0].ID != sidOf(asked) {
			t.Errorf("the device has the sessions %+v, %v", live, err)
		}
	})
}

func TestSecondUserOfADeviceIsRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		mara, noor, d := person(t, s, "mara"), person(t, s, "noor"), s.Terminal(t)
		first := d.Ask()
		mara.Approve(first.UserCode)
		tokens := mustGive(t, d.Poll(first))

		second := d.Ask()
		page := noor.EnterCode(second.UserCode).Press("Approve")
		if page.Status != http.StatusForbidden {
			t.Fatalf("the page is %d %s", page.Status, page.Text())
		}
		owner, intruder := sessionOf(t, s, first), userID(t, s, "noor@example.test")
		mustNameNobody(t, page, "mara", owner.UserID, owner.DeviceID, owner.ID)
		reply := d.Poll(second)
		mustRefuse(t, reply, oauth.CodeAccessDenied)
		if reply.Text("reason") != store.ReasonConflict {
			t.Errorf("the client hears %s", reply.Body)
		}
		page = noor.Open("/device/" + sidOf(second))
		if page.Status != http.StatusForbidden {
			t.Errorf("the page, opened again, is %d %s", page.Status, page.Text())
		}
		if _, err := s.Records.Session(t.Context(), sidOf(second)); err == nil {
			t.Error("a refused approval has left a session")
		}
		tokens = mustGive(t, d.Refresh(tokens.RefreshToken)) // the owner is untouched
		if !alive(d, tokens.AccessToken) {
			t.Error("the owner's session has ended")
		}
		events := s.Recorded(t, "device.conflict")
		if len(events) != 1 || events[0].Actor != intruder || events[0].Target != owner.UserID || events[0].DeviceID != owner.DeviceID || events[0].Result != sessions.Refused {
			t.Errorf("the events are %+v", events)
		}

		if reply := d.Revoke(tokens.RefreshToken); reply.Status != http.StatusOK {
			t.Fatalf("log out: %d %s", reply.Status, reply.Body)
		}
		taken := d.LogIn(noor) // the device is free
		if !alive(d, taken.AccessToken) {
			t.Error("the new owner is not signed in")
		}
	})
}

func TestDeviceIsFreeOnceItsSessionHasRunOut(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		d.LogIn(person(t, s, "mara"))
		s.Clock.Advance(31 * 24 * time.Hour) // idle, and no sweeper has been by
		d.LogIn(person(t, s, "noor"))
	})
}

func TestSameOwnerReplacesTheSessionOnlyWhenItIsFetched(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		mara, d := person(t, s, "mara"), s.Terminal(t)
		older := d.LogIn(mara)
		asked := d.Ask()
		mara.Approve(asked.UserCode)
		if !alive(d, older.AccessToken) {
			t.Fatal("an approval that nobody has fetched signs out")
		}
		s.Clock.Advance(12 * time.Minute)
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustRefuse(t, d.Poll(asked), oauth.CodeExpiredToken)
		older = mustGive(t, d.Refresh(older.RefreshToken))

		newer := d.LogIn(mara)
		if alive(d, older.AccessToken) {
			t.Error("the older session of the device goes on")
		}
		mustRefuse(t, d.Refresh(older.RefreshToken), oauth.CodeInvalidGrant)
		mustGive(t, d.Refresh(newer.RefreshToken)) // and asking for the dead one has not hurt the new one
	})
}

func TestWhatWasDeniedStaysDenied(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		mara, d := person(t, s, "mara"), s.Terminal(t)
		asked := d.Ask()
		question := mara.EnterCode(asked.UserCode)
		denied := question.Press("Deny")
		if page := question.Press("Approve"); page.Heading() != denied.Heading() { // back, then the other button
			t.Errorf("the page is %q, and was %q", page.Heading(), denied.Heading())
		}
		mustRefuse(t, d.Poll(asked), oauth.CodeAccessDenied)
		if _, err := s.Records.Session(t.Context(), sidOf(asked)); err == nil {
			t.Error("the late approval has left a session")
		}
	})
}

func TestDoubleClickApprovesOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		mara, d := person(t, s, "mara"), s.Terminal(t)
		asked := d.Ask()
		question := mara.EnterCode(asked.UserCode)
		first, second := question.Press("Approve"), question.Press("Approve")
		if first.Status != http.StatusOK || second.Status != http.StatusOK || first.Heading() != second.Heading() {
			t.Errorf("the pages are %q and %q", first.Heading(), second.Heading())
		}
		tokens := mustGive(t, d.Poll(asked))
		if third := question.Press("Approve"); third.Heading() != first.Heading() {
			t.Errorf("after the redemption the page is %q", third.Heading())
		}
		question.Press("Deny") // too late
		if !alive(d, tokens.AccessToken) {
			t.Error("a late click has ended the session")
		}
	})
}

func TestCodeBelongsToTheBrowserThatOpenedIt(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		mara, noor, d := person(t, s, "mara"), person(t, s, "noor"), s.Terminal(t)
		asked := d.Ask()
		question := mara.EnterCode(asked.UserCode)
		if page := noor.EnterCode(asked.UserCode); page.Status != http.StatusConflict {
			t.Errorf("a second person opens the code: %d %s", page.Status, page.Text())
		}
		if page := noor.Open("/device/" + sidOf(asked)); page.Status != http.StatusNotFound {
			t.Errorf("a second person sees the request: %d %s", page.Status, page.Text())
		}
		events := s.Recorded(t, "device.taken")
		if len(events) != 1 || events[0].Actor != userID(t, s, "noor@example.test") || events[0].Target != userID(t, s, "mara@example.test") {
			t.Errorf("the events are %+v", events)
		}
		question.Press("Approve")
		mustGive(t, d.Poll(asked))
	})
}

func userID(t testing.TB, s *servertest.Server, email string) string {
	t.Helper()
	user, err := s.Records.UserByEmail(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	return user.ID
}

func TestAPollForAnotherResourceSpendsNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		mara, d := person(t, s, "mara"), s.Terminal(t)
		asked := d.Ask()
		mara.Approve(asked.UserCode)
		mustRefuse(t, d.Post("/oauth/token", url.Values{
			"grant_type": {oauth.GrantDevice}, "device_code": {asked.DeviceCode}, "client_id": {d.ClientID},
			"device_fingerprint": {d.Fingerprint}, "resource": {"https://elsewhere.example.test"},
		}), oauth.CodeInvalidTarget)
		mustGive(t, d.Poll(asked))
	})
}
