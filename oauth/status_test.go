package oauth_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/handclasp/handclasp/oauth"
	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// verifier reads status lists as a resource server does that knows the issuer's keys and nothing else.
type verifier struct {
	t *testing.T
	s *servertest.Server
	d *servertest.Terminal
}

type readList struct {
	Subject string `json:"sub"`
	Issued  int64  `json:"iat"`
	Expires int64  `json:"exp"`
	TTL     int64  `json:"ttl"`
	List    struct {
		Bits int    `json:"bits"`
		List string `json:"lst"`
	} `json:"status_list"`
}

// read returns the bits of the list at this URI.
func (v verifier) read(uri string) (readList, []byte) {
	v.t.Helper()
	reply := v.d.Call(http.MethodGet, strings.TrimPrefix(uri, v.s.Issuer), "")
	if reply.Status != http.StatusOK || reply.Header.Get("Content-Type") != "application/statuslist+jwt" {
		v.t.Fatalf("the list is %d %s", reply.Status, reply.Body)
	}
	token, err := jwt.ParseSigned(string(reply.Body), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		v.t.Fatal(err)
	}
	if typ := token.Headers[0].ExtraHeaders[jose.HeaderType]; typ != "statuslist+jwt" {
		v.t.Errorf("typ is %v", typ)
	}
	key, ok := v.s.Keys.Public(token.Headers[0].KeyID)
	var list readList
	if err := token.Claims(key, &list); err != nil || !ok {
		v.t.Fatal(err)
	}
	if now := v.s.Clock.Now(); list.Subject != uri || list.List.Bits != 1 || now.Add(10*time.Second).After(time.Unix(list.Expires, 0)) {
		v.t.Errorf("the list is %+v", list)
	}
	packed, err := base64.RawURLEncoding.DecodeString(list.List.List)
	if err != nil {
		v.t.Fatal(err)
	}
	unpack, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		v.t.Fatal(err)
	}
	bits, err := io.ReadAll(unpack)
	if err != nil || len(bits) != store.StatusListSize/8 {
		v.t.Fatalf("%d bytes, %v", len(bits), err)
	}
	return list, bits
}

// ended reports what the list says of the session of an access token.
func (v verifier) ended(accessToken string) bool {
	v.t.Helper()
	place := placeOf(v.t, accessToken)
	_, bits := v.read(place.URI)
	return bits[place.Index/8]>>(place.Index%8)&1 == 1
}

func placeOf(t *testing.T, accessToken string) oauth.StatusPlace {
	t.Helper()
	var claims struct{ Status oauth.Status }
	if err := json.Unmarshal(part(t, accessToken, 1), &claims); err != nil {
		t.Fatal(err)
	}
	return claims.Status.List
}

// statusBound is what an end may take until every resource server that keeps to ttl has heard of it.
const statusBound = 10 * time.Second

func TestEndedSessionIsRefusedByWhoeverKnowsOurKeys(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		ana, leaving, staying := person(t, s, "ana"), s.Terminal(t), s.Terminal(t)
		staying.Fingerprint = "another-terminal-of-the-same-person-0"
		gone, stays := leaving.LogIn(ana), staying.LogIn(ana)
		v := verifier{t, s, leaving}
		if v.ended(gone.AccessToken) || v.ended(stays.AccessToken) {
			t.Fatal("a live session is told to have ended")
		}
		refreshed := mustGive(t, staying.Refresh(stays.RefreshToken))
		if placeOf(t, refreshed.AccessToken) != placeOf(t, stays.AccessToken) {
			t.Error("a refresh moves the session to another place")
		}
		leaving.Revoke(gone.RefreshToken)
		list, _ := v.read(placeOf(t, gone.AccessToken).URI)
		if worst := 2*time.Second + oauth.StatusAge + time.Duration(list.TTL)*time.Second; worst > statusBound {
			t.Errorf("an end may take %v", worst)
		}
		s.Clock.Advance(2 * time.Second)
		if !v.ended(gone.AccessToken) {
			t.Error("the end is not told")
		}
		if v.ended(refreshed.AccessToken) {
			t.Error("the other session is told to have ended")
		}
		s.Clock.Advance(14 * time.Minute) // as long as the token lives
		if !v.ended(gone.AccessToken) {
			t.Error("the end is told no more")
		}
		s.Clock.Advance(10 * time.Minute)
		if v.ended(gone.AccessToken) {
			t.Error("the end is told for ever")
		}
	})
}

func TestReplicaTellsWhatAnotherEnded(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		ana, d := person(t, s, "ana"), s.Terminal(t)
		tokens := d.LogIn(ana)
		other := servertest.Start(t, s.Replica())
		v := verifier{t, other, other.Terminal(t)}
		if v.ended(tokens.AccessToken) {
			t.Fatal("a live session is told to have ended")
		}
		d.Revoke(tokens.RefreshToken)
		s.Clock.Advance(2 * time.Second)
		if !v.ended(tokens.AccessToken) {
			t.Error("the replica does not know of the end")
		}
	})
}

func TestStatusListIsMadeAnewOnlyWhenItMust(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		s.Clock.Hold()
		d := s.Terminal(t)
		first := d.Call(http.MethodGet, "/oauth/status/0", "")
		if age := first.Header.Get("Cache-Control"); age != "public, max-age=3" {
			t.Errorf("it may be cached: %q", age)
		}
		s.Clock.Advance(20 * time.Second)
		if again := d.CallWith(http.MethodGet, "/oauth/status/0", "If-None-Match", first.Header.Get("ETag")); again.Status != http.StatusNotModified {
			t.Errorf("nothing has changed: %d", again.Status)
		}
		s.Clock.Advance(20 * time.Second)
		if next := d.Call(http.MethodGet, "/oauth/status/0", ""); next.Header.Get("ETag") == first.Header.Get("ETag") {
			t.Error("a list is served until it is too old")
		}
	})
}

func TestNoListIsMadeForAStrangersNumber(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		d := s.Terminal(t)
		for _, name := range []string{"2", "-1", "00", "+0", "x", "99999999999999999999"} {
			if reply := d.Call(http.MethodGet, "/oauth/status/"+name, ""); reply.Status != http.StatusNotFound {
				t.Errorf("%s: %d", name, reply.Status)
			}
		}
	})
}

// The process that ends a session may die after any of its steps; the first one is enough for the list.
func TestEndThatWasCutOffIsTold(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		ana, d := person(t, s, "ana"), s.Terminal(t)
		asked := d.Ask()
		ana.Approve(asked.UserCode)
		tokens := mustGive(t, d.Poll(asked))
		if _, err := s.Records.EndSession(t.Context(), sidOf(asked), "logout", s.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		other := servertest.Start(t, s.Replica())
		v := verifier{t, other, other.Terminal(t)}
		if !v.ended(tokens.AccessToken) {
			t.Error("the end is lost")
		}
		s.Clock.Advance(time.Hour) // the tickets are there still, so there may be young tokens
		if !v.ended(tokens.AccessToken) {
			t.Error("the end is forgotten before its tickets are gone")
		}
	})
}

func TestServiceHasNoPlaceInAList(t *testing.T) {
	everywhere(t, func(t *testing.T, s *servertest.Server) {
		tokens := mustGive(t, asService(service(t, s, "robot", nil)))
		if place := placeOf(t, tokens.AccessToken); place.URI != "" {
			t.Errorf("it has %+v", place)
		}
	})
}
