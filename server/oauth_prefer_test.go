package server_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/handclasp/handclasp/server/servertest"
	"github.com/handclasp/handclasp/store"
)

// timed notes until when the tickets may take to answer.
type timed struct {
	store.Tickets
	mu    sync.Mutex
	loose []string
}

func (k *timed) note(ctx context.Context, step string) {
	if until, bound := ctx.Deadline(); bound && time.Until(until) <= 2*time.Second {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.loose = append(k.loose, step)
}

func (k *timed) Rotate(ctx context.Context, r store.Rotation) (store.Grant, error) {
	k.note(ctx, "rotate")
	return k.Tickets.Rotate(ctx, r)
}

func (k *timed) Poll(ctx context.Context, p store.Poll) (store.Polled, error) {
	k.note(ctx, "poll")
	return k.Tickets.Poll(ctx, p)
}

func (k *timed) Open(ctx context.Context, r store.Request, limits ...store.Limit) (store.Verdict, error) {
	k.note(ctx, "open")
	return k.Tickets.Open(ctx, r, limits...)
}

func (k *timed) Browser(ctx context.Context, sid, secret string) (store.Browser, error) {
	k.note(ctx, "browser")
	return k.Tickets.Browser(ctx, sid, secret)
}

func (k *timed) Grant(ctx context.Context, sid, jti string) (store.Grant, error) {
	k.note(ctx, "grant")
	return k.Tickets.Grant(ctx, sid, jti)
}

func TestAPreferenceBuysNoStoreMoreTime(t *testing.T) {
	t.Parallel()
	tickets := &timed{}
	s := servertest.Start(t, servertest.Options{})
	o := s.Replica()
	o.Strict, o.Tickets = true, func(k store.Tickets) store.Tickets {
		tickets.Tickets = k
		return tickets
	}
	strict := servertest.Start(t, o)
	before, b, d := s.Terminal(t), s.Browser(t), strict.Terminal(t) // what a busy machine makes of the strict one's answers is no matter
	b.SignIn(mara)
	before.Fingerprint = d.Fingerprint
	tokens := before.LogIn(b)
	there := strict.Browser(t)
	there.Jar = b.Jar
	for _, prefer := range []string{"x", "wait=1", "respond-async"} {
		for _, path := range []string{"/v1/me", "/v1/devices"} {
			d.CallWith("GET", path, "Authorization", "Bearer "+tokens.AccessToken, "Prefer", prefer)
		}
		d.Post("/oauth/device_authorization", apiForm("client_id", "handclasp", "device_fingerprint", d.Fingerprint), "Prefer", prefer)
		d.Post("/oauth/token", apiForm(
			"client_id", "handclasp", "grant_type", "refresh_token", "refresh_token", tokens.RefreshToken, "device_fingerprint", d.Fingerprint,
		), "Prefer", prefer)
		page := there.Request(http.MethodGet, "/account", nil)
		page.Header.Set("Prefer", prefer)
		there.Do(page)
		asked := before.Ask()
		d.Post("/oauth/token", apiForm(
			"client_id", "handclasp", "grant_type", "urn:ietf:params:oauth:grant-type:device_code", "device_code", asked.DeviceCode,
			"device_fingerprint", d.Fingerprint,
		), "Prefer", prefer)
	}
	if len(tickets.loose) > 0 {
		t.Errorf("these had more than two seconds: %v", tickets.loose)
	}
}

// patientWriter notes when the deadlines of its connection move.
type patientWriter struct {
	*httptest.ResponseRecorder
	moved int
}

func (w *patientWriter) SetReadDeadline(time.Time) error  { w.moved++; return nil }
func (w *patientWriter) SetWriteDeadline(time.Time) error { w.moved++; return nil }

func TestAPreferenceBuysABodyNoMoreTime(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	w := &patientWriter{ResponseRecorder: httptest.NewRecorder()}
	sent := 0
	body := readerFunc(func(p []byte) (int, error) {
		if w.moved > 0 {
			t.Error("the deadlines moved before the body was there")
		}
		if sent++; sent > 3 {
			return 0, io.EOF
		}
		return copy(p, "a=b"), nil
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, s.Issuer+"/oauth/token", io.MultiReader(body, strings.NewReader("")))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Prefer", "wait=30")
	s.HTTP.Handler().ServeHTTP(w, r)
	if w.moved != 2 {
		t.Errorf("the deadlines moved %d times, want both once", w.moved)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
