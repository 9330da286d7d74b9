package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

const (
	logoutEvery   = time.Second
	logoutBatch   = 64
	logoutAtOnce  = 8
	logoutTimeout = 5 * time.Second
	logoutLife    = 2 * time.Minute // of a logout token (Back-Channel Logout §2.4)
	logoutPause   = 5 * time.Second // before the second try; each further one waits twice as long
	logoutPauses  = time.Hour       // the longest
	logoutGiveUp  = 24 * time.Hour
)

// logoutEvent is what makes a token a logout token.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutClaims are those of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4).
type logoutClaims struct {
	Issuer   string              `json:"iss"`
	Subject  string              `json:"sub"`
	Audience string              `json:"aud"`
	Issued   int64               `json:"iat"`
	Expires  int64               `json:"exp"`
	ID       string              `json:"jti"`
	Events   map[string]struct{} `json:"events"`
	Session  string              `json:"sid"`
}

// Herald tells apps that sessions of theirs have ended (OpenID Connect Back-Channel Logout 1.0). Any number of replicas may
// run one: each try is claimed before it is made.
type Herald struct {
	p      *Provider
	ends   store.Logouts
	client *http.Client
}

// NewHerald returns a herald for what ends keeps.
func (p *Provider) NewHerald(ends store.Logouts) *Herald {
	return &Herald{p: p, ends: ends, client: &http.Client{
		Timeout: logoutTimeout,
		// An app answers for itself: the token is for the address that was registered.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Run tells what is due, every second, until ctx ends.
func (h *Herald) Run(ctx context.Context) {
	tick := time.NewTicker(logoutEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := h.Tell(ctx); err != nil && ctx.Err() == nil {
			h.p.Log.WarnContext(ctx, "tell apps of ended sessions", "error", err)
		}
	}
}

// silent are the apps that have not answered in one round. What else is due for them waits for its next try: a hundred timeouts of one
// app would keep all the others waiting.
type silent struct {
	mu   sync.Mutex
	apps map[string]bool
}

func (s *silent) add(clientID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps[clientID] = true
}

func (s *silent) has(clientID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.apps[clientID]
}

var errSilent = errors.New("it does not answer")

// Tell makes one try for each that is due. An app that does not answer keeps nobody else waiting for longer than its timeout.
func (h *Herald) Tell(ctx context.Context) error {
	due, err := h.ends.DueLogouts(ctx, h.p.Now(), logoutBatch)
	if err != nil {
		return fmt.Errorf("list ended sessions: %w", err)
	}
	var (
		wait   sync.WaitGroup
		slots  = make(chan struct{}, logoutAtOnce)
		failed = make([]error, len(due))
		round  = &silent{apps: map[string]bool{}}
	)
	for i, l := range due {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			defer func() { // nobody else would catch it, and one bad row must not end the process
				if what := recover(); what != nil {
					failed[i] = fmt.Errorf("panic while telling of session %s: %v", l.SID, what)
				}
			}()
			failed[i] = h.tell(ctx, l, round)
		})
	}
	wait.Wait()
	return errors.Join(failed...)
}

// tell makes one try, if no other replica does.
func (h *Herald) tell(ctx context.Context, l store.Logout, round *silent) error {
	err := h.ends.ClaimLogout(ctx, l, h.p.Now().Add(pauseAfter(l.Tries)))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("claim a logout: %w", err)
	}
	client, err := h.p.Clients.Client(ctx, l.ClientID)
	if errors.Is(err, store.ErrNotFound) || err == nil && (client.LogoutURI == "" || !client.DisabledAt.IsZero()) {
		return h.ends.DropLogout(ctx, l.SID) // there is nobody left who could hear
	}
	if err != nil {
		return fmt.Errorf("look up client: %w", err)
	}
	refused := errSilent
	if !round.has(l.ClientID) {
		refused = h.post(ctx, client.LogoutURI, l)
	}
	if refused == nil {
		return h.ends.DropLogout(ctx, l.SID)
	}
	if errors.Is(refused, errSilent) {
		round.add(l.ClientID)
	}
	h.p.Log.WarnContext(ctx, "an app does not hear that a session has ended", "client", l.ClientID, "session", l.SID, "tries", l.Tries+1, "error", refused)
	if h.p.Now().Sub(l.EndedAt) < logoutGiveUp {
		return nil
	}
	h.p.Journal.Record(ctx, store.Event{
		Type: "logout.untold", UserID: l.UserID, SessionID: l.SID, ClientID: l.ClientID, Result: sessions.Refused, Detail: "gave up after a day",
	})
	return h.ends.DropLogout(ctx, l.SID)
}

// pauseAfter is how long to wait after a try before the next.
func pauseAfter(tries int) time.Duration {
	if tries > 10 { // far beyond the longest
		return logoutPauses
	}
	return min(logoutPause<<tries, logoutPauses)
}

// post sends one logout token, made for this try. 200 is the answer of the specification, 204 that of many frameworks.
func (h *Herald) post(ctx context.Context, address string, l store.Logout) error {
	now := h.p.Now()
	token, err := h.p.sign("logout+jwt", logoutClaims{
		Issuer: h.p.Issuer, Subject: l.UserID, Audience: l.ClientID, Issued: now.Unix(), Expires: now.Add(logoutLife).Unix(),
		ID: store.RandomText(16), Events: map[string]struct{}{logoutEvent: {}}, Session: l.SID,
	})
	if err != nil {
		return err
	}
	form := url.Values{"logout_token": {token}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	reply, err := h.client.Do(r)
	if err != nil {
		return fmt.Errorf("%w: %w", errSilent, err)
	}
	defer reply.Body.Close()                                     //nolint:errcheck // only read
	_, _ = io.Copy(io.Discard, io.LimitReader(reply.Body, 4096)) // so that the connection can be used again
	if reply.StatusCode != http.StatusOK && reply.StatusCode != http.StatusNoContent {
		return fmt.Errorf("answered %s", reply.Status)
	}
	return nil
}
