package verify_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/handclasp/handclasp/verify"
)

func TestTokenThatWasTakenBackIsRefused(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.publish(0b0000_0001, 0b0000_0010)
	v := i.verifier(t, nil)
	for index, want := range map[int]int{0: 401, 1: 200, 7: 200, 8: 200, 9: 401, 15: 200} {
		passes(t, v, i.listed(index), want)
	}
	refused := mustRefuse(t, v, i.listed(9), 401, verify.CodeInvalidToken)
	if diff := cmp.Diff([]string{`Bearer error="invalid_token", error_description="the access token is not good here, or has expired"`}, refused.Challenges); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(refused.Error(), "taken the token back") {
		t.Errorf("the log hears %q", refused.Error())
	}
	mustPass(t, v, bearer(i.token())) // one that names no list is in none
}

func TestTokenIsRefusedOnceTheListIsNoLongerFresh(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	l, v := i.publish(0, 0), i.verifier(t, nil)
	mustPass(t, v, i.listed(3))
	l.set(i.list(1<<3, 0))
	i.clock.advance(time.Minute - 1)
	mustPass(t, v, i.listed(3))
	i.clock.advance(1)
	mustRefuse(t, v, i.listed(3), 401, verify.CodeInvalidToken)
	mustPass(t, v, i.listed(4))
	if n := l.asked.Load(); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
}

func TestListThatIsTheSameIsNotSentAgain(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	l, v := i.publish(0b10), i.verifier(t, nil)
	for range 5 {
		mustPass(t, v, i.listed(0))
		mustRefuse(t, v, i.listed(1), 401, verify.CodeInvalidToken)
		i.clock.advance(time.Minute)
	}
	if n, same := l.asked.Load(), l.unsaid.Load(); n != 5 || same != 4 {
		t.Errorf("%d fetches, %d of them answered with 304", n, same)
	}
	// Once it has run out its ETag is worth nothing, whatever the issuer says to it.
	i.clock.advance(time.Hour)
	mustRefuse(t, v, i.listed(0), 503, verify.CodeUnavailable)
	if same := l.unsaid.Load(); same != 4 {
		t.Error("a list that has run out is asked for by its ETag")
	}
	l.set(i.list(0b10))
	i.clock.advance(10 * time.Second)
	mustPass(t, v, i.listed(0))
}

func TestListIsFreshAsLongAsItSays(t *testing.T) {
	t.Parallel()
	for story, c := range map[string]struct {
		change object
		fresh  time.Duration
	}{
		"five seconds":         {object{"ttl": 5}, 5 * time.Second},
		"half an hour":         {object{"ttl": 1800}, 30 * time.Minute},
		"longer than it lives": {object{"ttl": 1 << 40, "exp": int64(1 << 40)}, 24 * time.Hour},
		"nothing said":         {object{"ttl": nil}, time.Minute},
	} {
		t.Run(story, func(t *testing.T) {
			i := newIssuer(t)
			l, v := i.publish(), i.verifier(t, nil)
			l.set(sign(firstKey(), listHead(), i.listClaims(0).with(c.change)))
			mustPass(t, v, i.listed(0))
			i.clock.advance(c.fresh - time.Second)
			mustPass(t, v, i.listed(0))
			if n := l.asked.Load(); n != 1 {
				t.Errorf("%d fetches while it was fresh", n)
			}
			i.clock.advance(time.Second)
			mustPass(t, v, i.listed(0))
			if n := l.asked.Load(); n != 2 {
				t.Errorf("%d fetches afterwards", n)
			}
		})
	}
}

func TestListIsGoodUntilItsEndWhileTheIssuerIsAway(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	l, v := i.publish(0b10), i.verifier(t, nil)
	passes(t, v, i.listed(0), 200)
	l.away(true)
	for range 59 {
		i.clock.advance(time.Minute)
		passes(t, v, i.listed(0), 200)
		passes(t, v, i.listed(1), 401)
	}
	i.clock.advance(time.Minute)
	passes(t, v, i.listed(0), 503)
	passes(t, v, i.listed(1), 503)
	before := l.asked.Load()
	for range 20 {
		passes(t, v, i.listed(0), 503)
	}
	if n := l.asked.Load(); n != before {
		t.Errorf("an issuer that is away was asked %d times at once", n-before)
	}
	l.away(false)
	l.set(i.list(0b10))
	i.clock.advance(10 * time.Second)
	passes(t, v, i.listed(0), 200)
	passes(t, v, i.listed(1), 401)
}

// The lists of our own server live for a minute and are half of it old when they are signed anew. An API whose clock is off by
// less than tokens are forgiven must be able to read them all the same, and use them no longer.
func TestListIsReadByAClockThatIsOff(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{-59 * time.Second, -20 * time.Second, 0, 20 * time.Second, 59 * time.Second} {
		i := newIssuer(t)
		l := i.publish()
		l.set(sign(firstKey(), listHead(), i.listClaims(0b10).with(object{"exp": i.clock.now().Unix() + 60, "ttl": 4})))
		v := i.verifier(t, func(o *verify.Options) { o.Now = func() time.Time { return i.clock.now().Add(off) } })
		for range 3 {
			passes(t, v, i.listed(0), 200)
			passes(t, v, i.listed(1), 401)
			i.clock.advance(5 * time.Second)
		}
		if n := l.asked.Load(); n != 3 {
			t.Errorf("off by %s: %d fetches, want one for each ttl", off, n)
		}
		l.away(true)
		i.clock.advance(45 * time.Second)
		passes(t, v, i.listed(0), 503)
	}
}

func TestListThatWasNeverReadLetsNobodyIn(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	l, v := i.publish(0), i.verifier(t, nil)
	l.away(true)
	mustRefuse(t, v, i.listed(0), 503, verify.CodeUnavailable)
	mustPass(t, v, bearer(i.token()))
}

func TestListElsewhereIsNeverFetched(t *testing.T) {
	t.Parallel()
	i, thief := newIssuer(t), newIssuer(t)
	i.publish(0)
	stolen := thief.publish(0)
	host := strings.TrimPrefix(i.URL, "http://")
	v := i.verifier(t, nil)
	for _, uri := range []string{
		thief.URL + listPath, "https://" + host + listPath, "//" + host + listPath, listPath, "", "file:///etc/passwd",
		"http://x@" + host + listPath, i.URL + listPath + "#x", i.URL + "@" + strings.TrimPrefix(thief.URL, "http://"), "http:" + host,
		i.URL + "%zz", "http://" + host + ":80" + listPath,
	} {
		mustRefuse(t, v, bearer(sign(firstKey(), head(), i.claims().with(status(0, uri)))), 401, verify.CodeInvalidToken)
	}
	// Nor is a redirect followed.
	l := i.publish(0)
	l.answer = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, thief.URL+listPath, http.StatusFound)
	}
	mustRefuse(t, v, i.listed(0), 503, verify.CodeUnavailable)
	if n := stolen.asked.Load(); n != 0 {
		t.Errorf("another server was asked %d times", n)
	}
}

func TestStatusThatIsNotUnderstoodIsRefused(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	l, v := i.publish(0), i.verifier(t, nil)
	uri := i.URL + listPath
	for story, change := range map[string]object{
		"nothing":         {"status": object{}},
		"another way":     {"status": object{"other": object{"x": 1}}},
		"a text":          {"status": "revoked"},
		"a number":        {"status": 1},
		"no list":         {"status": object{"status_list": nil}},
		"no index":        {"status": object{"status_list": object{"uri": uri}}},
		"no address":      {"status": object{"status_list": object{"idx": 0}}},
		"negative index":  status(-1, uri),
		"a broken index":  status(0.5, uri),
		"index in a text": status("0", uri),
	} {
		t.Run(story, func(t *testing.T) {
			mustRefuse(t, v, bearer(sign(firstKey(), head(), i.claims().with(change))), 401, verify.CodeInvalidToken)
		})
	}
	if n := l.asked.Load(); n != 0 {
		t.Errorf("%d fetches", n)
	}
}

func TestListThatTheIssuerHasNotSignedIsNotBelieved(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v0, now := i.listClaims(0), i.clock.now().Unix()
	with := func(change object) string { return sign(firstKey(), listHead(), v0.with(change)) }
	packed := func(bits any, text string) string {
		return with(object{"status_list": object{"bits": bits, "lst": text}})
	}
	good := pack([]byte{0})
	for story, text := range map[string]string{
		"key of a thief":      sign(secondKey(), listHead(), v0),
		"unknown key":         sign(firstKey(), listHead().with(object{"kid": "other"}), v0),
		"no key":              sign(firstKey(), listHead().with(object{"kid": nil}), v0),
		"an access token":     sign(firstKey(), head(), v0),
		"no type":             sign(firstKey(), listHead().with(object{"typ": nil}), v0),
		"none":                unsigned(listHead().with(object{"alg": "none"}), v0) + ".",
		"HTML":                "<html>",
		"nothing":             "",
		"another address":     with(object{"sub": i.URL + "/oauth/status/2"}),
		"no address":          with(object{"sub": nil}),
		"another issuer":      with(object{"iss": "https://login.example.test"}),
		"from the future":     with(object{"iat": now + 61}),
		"no time":             with(object{"iat": nil}),
		"expired this second": with(object{"exp": now}),
		"without an end":      with(object{"exp": nil}),
		"fresh in the past":   with(object{"ttl": -1}),
		"no list":             with(object{"status_list": nil}),
		"three bits":          packed(3, good),
		"no bits":             packed(nil, good),
		"bits as a text":      packed("1", good),
		"not base64url":       packed(1, good+"=="),
		"not packed":          packed(1, encode([]byte{0})),
		"cut off":             packed(1, good[:len(good)-4]),
		"no bytes":            packed(1, pack(nil)),
		"far too long":        packed(1, pack(make([]byte, 4<<20+1))),
		"a body too large":    with(object{"x": strings.Repeat("x", 4<<20)}),
	} {
		t.Run(story, func(t *testing.T) {
			l := i.publish(0)
			l.set(text)
			mustRefuse(t, i.verifier(t, nil), i.listed(0), 503, verify.CodeUnavailable)
			if n := l.asked.Load(); n != 1 {
				t.Errorf("%d fetches", n)
			}
		})
	}
	for story, text := range map[string]string{
		"the issuer's name": with(object{"iss": i.URL}),
		"the whole type":    sign(firstKey(), listHead().with(object{"typ": "application/statuslist+jwt"}), v0),
		"the longest":       packed(1, pack(make([]byte, 4<<20))),
		"eight bits":        packed(8, good),
	} {
		t.Run(story, func(t *testing.T) {
			i.publish().set(text)
			mustPass(t, i.verifier(t, nil), i.listed(0))
		})
	}
}

func TestBrokenListDoesNotReplaceAGoodOne(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	l, v := i.publish(0b10), i.verifier(t, nil)
	mustPass(t, v, i.listed(0))
	for _, broken := range []string{
		sign(secondKey(), listHead(), i.listClaims(0b01)),
		sign(firstKey(), listHead(), i.listClaims(0b01).with(object{"exp": i.clock.now().Unix() - 1})),
	} {
		l.set(broken)
		i.clock.advance(time.Minute)
		mustPass(t, v, i.listed(0))
		mustRefuse(t, v, i.listed(1), 401, verify.CodeInvalidToken)
	}
}

func TestListOfANewKeyIsRead(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	l, v := i.publish(0), i.verifier(t, nil)
	mustPass(t, v, i.listed(0))
	i.set(func() { i.keys["second"] = public(secondKey(), "second") })
	l.set(sign(secondKey(), listHead().with(object{"kid": "second"}), i.listClaims(1)))
	i.clock.advance(time.Minute)
	mustRefuse(t, v, i.listed(0), 401, verify.CodeInvalidToken)
}

// A list may grow while it is fresh here. What is beyond it cannot be judged, so it is neither let in nor called bad.
func TestTokenThatIsNewerThanTheListMakesOneFetch(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	l, v := i.publish(0), i.verifier(t, nil)
	mustPass(t, v, i.listed(0))
	l.set(i.list(0, 0))
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() { mustRefuse(t, v, i.listed(8), 503, verify.CodeUnavailable) })
	}
	all.Wait()
	i.clock.advance(10 * time.Second)
	for range 30 {
		all.Go(func() { mustPass(t, v, i.listed(8)) })
	}
	all.Wait()
	for range 30 {
		all.Go(func() { mustRefuse(t, v, i.listed(1<<40), 503, verify.CodeUnavailable) })
	}
	all.Wait()
	if n := l.asked.Load(); n != 2 {
		t.Errorf("%d fetches, want one beside the first", n)
	}
}

func TestManyRequestsReadOneListOnce(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	l, v := i.publish(0), i.verifier(t, nil)
	var all sync.WaitGroup
	for round := range int32(3) {
		for range 30 {
			all.Go(func() { mustPass(t, v, i.listed(0)) })
		}
		all.Wait()
		if n := l.asked.Load(); n != round+1 {
			t.Errorf("%d fetches, want %d", n, round+1)
		}
		i.clock.advance(time.Minute)
	}
}

func TestListsAreNotPiledUp(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := i.verifier(t, nil)
	lists := map[string]*list{}
	at := func(n int) (string, *http.Request) {
		path := fmt.Sprintf("/oauth/status/%d", n)
		return path, bearer(sign(firstKey(), head(), i.claims().with(status(0, i.URL+path))))
	}
	for n := range 65 {
		path, _ := at(n)
		lists[path] = &list{text: sign(firstKey(), listHead(), i.listClaims(0).with(object{"sub": i.URL + path}))}
	}
	i.set(func() { i.lists = lists })
	for n := range 65 {
		_, r := at(n)
		mustPass(t, v, r)
		i.clock.advance(time.Millisecond)
	}
	for _, again := range []struct {
		n    int
		want int32
	}{{64, 1}, {1, 1}, {0, 2}} { // the first one had to make room
		path, r := at(again.n)
		mustPass(t, v, r)
		if got := lists[path].asked.Load(); got != again.want {
			t.Errorf("list %d was read %d times, want %d", again.n, got, again.want)
		}
	}
}

func TestStatusThatCannotBeReadUsesUpNoProof(t *testing.T) {
	t.Parallel()
	i, w := newIssuer(t), newWallet(t, jose.ES256)
	l, v := i.publish(0), i.prover(t, nil)
	token := sign(firstKey(), head(), i.claims().with(status(0, i.URL+listPath)).with(object{"cnf": object{"jkt": w.thumbprint()}}))
	shown := w.proof(nil, i.proves(token))
	l.away(true)
	mustRefuse(t, v, request("Authorization", "DPoP "+token, "DPoP", shown), 503, verify.CodeUnavailable)
	l.away(false)
	i.clock.advance(10 * time.Second)
	mustPass(t, v, request("Authorization", "DPoP "+token, "DPoP", shown))
}
