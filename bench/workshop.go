package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/store"
)

// The goals of a request's cost.
var (
	goalPoll     = goal{ratio: 2}
	goalDevice   = goal{ratio: 3}
	goalRefresh  = goal{more: 0.08}
	goalDocument = goal{more: 0.02}
)

// sessionsInTurn is how many sessions take turns at refreshing.
const sessionsInTurn = 64

// signedBytes is about as long as an access token without its signature.
const signedBytes = 600

// workshop is every process whose requests are compared, all running at once.
type workshop struct {
	size  size
	redis *redisServer
	bare  *process
	// One server for each keeper and each signer, in folders of their own.
	stations []*station
	// What libcrypto takes to sign: the pace of the run.
	signature *kind
}

// station is one server, and what its clients hold.
type station struct {
	*server
	keeper, signer string
	codes          []codes       // asked for in this round
	sessions       chan signedIn // whose turn to refresh it is
	key            *keys.Signing
	wallet         *wallet
	service        *service
	board          *board

	mu     sync.Mutex
	polled time.Time // when the last poll began
}

func (b bench) workshop(ctx context.Context) (*workshop, error) {
	w := &workshop{size: b.size}
	var err error
	if w.redis, err = b.redis(ctx); err != nil {
		return w, err
	}
	for _, keeper := range []string{"redis", "sqlite"} {
		for _, signer := range []string{"openssl", "go"} {
			with := settings{data: "costs-" + keeper + "-" + signer, signer: signer}
			if keeper == "redis" {
				with.redis = w.redis.address
			}
			if err := w.open(ctx, b, keeper, with); err != nil {
				return w, fmt.Errorf("%s, %s: %w", keeper, signer, err)
			}
		}
	}
	w.bare, err = b.bare(ctx, w.redis.address, keysOf(w.stations[0].server))
	return w, err
}

func keysOf(s *server) string { return filepath.Join(s.data, "keys") }

// open starts one server and signs its terminals in.
func (w *workshop) open(ctx context.Context, b bench, keeper string, with settings) error {
	up, err := b.serve(ctx, with)
	if err != nil {
		return err
	}
	s := &station{
		server: up, keeper: keeper, signer: with.signer,
		codes: make([]codes, b.size.requests), sessions: make(chan signedIn, sessionsInTurn),
	}
	w.stations = append(w.stations, s)
	own, err := keys.Open(ctx, keys.Options{Dir: keysOf(up), Signer: with.signer})
	if err != nil {
		return err
	}
	s.key = own.Current()
	if s.wallet, err = newWallet(); err != nil {
		return err
	}
	persons, err := settle(ctx, up, 4)
	defer persons.leave()
	if err != nil {
		return err
	}
	if s.service, err = b.newService(ctx, up, persons); err != nil {
		return err
	}
	if s.board, err = b.newBoard(ctx, up, persons); err != nil {
		return err
	}
	all, err := persons.logins(ctx, sessionsInTurn, sessionsInTurn)
	for _, one := range all {
		s.sessions <- one
	}
	return err
}

func (w *workshop) close() {
	for _, s := range w.stations {
		s.stop()
	}
	w.bare.stop()
	w.redis.stop()
}

// kinds are what is compared, each after what it needs of the ones before.
func (w *workshop) kinds(ctx context.Context) []*kind {
	first := w.stations[0]
	get := w.bareKind("bare handler, one Redis GET", w.size.requests, func(c *conn, _ int) error { return document(c, bareGetPath) })
	bytes := w.bareKind("bare handler, bytes", w.size.requests, func(c *conn, _ int) error { return document(c, bareBytesPath) })
	all := []*kind{
		get, bytes, w.bareKind("bare handler, a form and one Redis GET", w.size.requests, first.form(bareFormPath)),
	}
	signatures := map[string]*kind{}
	for _, s := range w.stations[:2] {
		signatures[s.signer] = &kind{
			what: "signature", setting: s.signer, n: w.size.refreshes, pids: []int{os.Getpid()}, work: s.sign,
		}
		all = append(all, signatures[s.signer])
	}
	w.signature = signatures["openssl"]
	all = append(all, &kind{
		what: "ES256 verification", n: w.size.refreshes, pids: []int{os.Getpid()}, work: first.wallet.verify,
	})
	floor := w.bareKind("bare handler, a form, one Redis GET and a signature", w.size.refreshes, first.form(bareSignPath))
	floor.setting, floor.base = "libcrypto", w.signature
	all = append(all, floor)
	for _, s := range w.stations {
		if s.signer == "openssl" { // signs nothing in these
			all = append(all, s.kind("device authorization", w.size.requests, s.ask, get, goalDevice),
				s.kind("pending poll", w.size.requests, s.pending, get, goalPoll))
		}
		refresh := s.kind("refresh", w.size.refreshes, s.refresh, signatures[s.signer], goalRefresh)
		all = append(all, refresh)
		if s.signer == "openssl" {
			all = append(all, s.proven(w.size.refreshes, refresh), s.redemption(ctx, w.size.refreshes/2, signatures[s.signer]))
		}
	}
	all = append(all, first.services(w.size.refreshes, signatures[first.signer], get)...)
	return append(all, first.others(w.size.requests, get, bytes)...)
}

func (w *workshop) bareKind(what string, n int, do load) *kind {
	return &kind{what: what, n: n, do: do, address: w.bare.address, pids: []int{w.bare.pid()}}
}

// others are kinds for which neither keeper nor signer matters much.
func (s *station) others(n int, get, bytes *kind) []*kind {
	early := s.kind("poll before its time", n, s.early, get, goalPoll)
	early.ready = func() { time.Sleep(time.Until(s.polled.Add(store.PollRepeat + 100*time.Millisecond))) }
	return []*kind{
		s.kind("JWKS", n, func(c *conn, _ int) error { return document(c, jwksPath) }, bytes, goalDocument),
		s.kind("status list", n, func(c *conn, _ int) error { return document(c, statusPath) }, bytes, goalDocument),
		s.kind("metadata", n, func(c *conn, _ int) error { return document(c, metadataPath) }, bytes, goalDocument),
		s.kind("metadata of OpenID Connect", n, func(c *conn, _ int) error { return document(c, openIDPath) }, bytes, goalDocument),
		early,
	}
}

func (s *station) kind(what string, n int, do load, base *kind, goal goal) *kind {
	setting := s.keeper
	if base.setting != "" {
		setting += ", " + s.signer
	}
	return &kind{what: what, setting: setting, n: n, do: do, address: s.address, pids: []int{s.pid()}, base: base, goal: goal}
}

// ask opens the codes that the polls of the same round ask for.
func (s *station) ask(c *conn, i int) (err error) {
	s.codes[i], err = terminalAt(s.server, i).ask(c)
	return err
}

// pending is the first poll of a code, which is never too early.
func (s *station) pending(c *conn, i int) error {
	s.mu.Lock()
	s.polled = time.Now()
	s.mu.Unlock()
	return terminalAt(s.server, i).pollFor(c, s.codes[i].Device, "authorization_pending")
}

// form sends the bare handler what a poll sends.
func (s *station) form(path string) load {
	return func(c *conn, i int) error {
		status, body, err := c.post(path, terminalAt(s.server, i).pollForm(store.NewID(store.SessionPrefix)))
		if err == nil && status != http.StatusOK {
			err = unexpected("bare handler", status, body)
		}
		return err
	}
}

// early is a second poll, later than the one that is forgiven.
func (s *station) early(c *conn, i int) error {
	return terminalAt(s.server, i).pollFor(c, s.codes[i].Device, "slow_down")
}

// refresh rotates the session whose turn it is.
func (s *station) refresh(c *conn, _ int) error {
	one := <-s.sessions
	var err error
	one.token, err = one.refresh(c, one.token)
	s.sessions <- one
	return err
}

// sign makes signatures as the server does, on all cores: so the cores are as warm and as shared as under a load.
func (s *station) sign(n int) error {
	message := make([]byte, signedBytes)
	return parallel(runtime.GOMAXPROCS(0), n, func(int, int) error {
		_, err := s.key.Sign(message)
		return err
	})
}

func document(c *conn, path string) error {
	status, body, err := c.get(path)
	if err == nil && (status != http.StatusOK || len(body) == 0) {
		err = errors.New(path + " was not answered")
	}
	return err
}
