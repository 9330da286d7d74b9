package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/handclasp/handclasp/demo/person"
)

// The goals of the time from Approve to tokens, in milliseconds.
const (
	goalMedian = 50
	goalP99    = 200
)

// approvals measures the time from the moment at which a person presses Approve to the tokens' arrival in the client.
// The client waits at one server, the person's browser is at the other; both share one data folder.
func (b bench) approvals(ctx context.Context) (section, error) {
	s := section{
		Title: "Approve to tokens in the client",
		Notes: "From sending the form to the last byte of the token answer. Two server processes share one data folder: the clients wait at " +
			"one (Prefer: wait=30), the browser is at the other. For each approval a new client joins, so that as many wait all the time.",
	}
	r, err := b.redis(ctx)
	if err != nil {
		return s, err
	}
	defer r.stop()
	for _, with := range []struct{ name, redis string }{{"sqlite", ""}, {"redis", r.address}} {
		rows, err := b.approvalsOf(ctx, settings{data: "approve-" + with.name, redis: with.redis, signer: "auto"})
		if err != nil {
			return s, err
		}
		for _, row := range rows {
			row.Setting = with.name + ", two servers"
			s.Rows = append(s.Rows, row)
		}
	}
	return s, nil
}

func (b bench) approvalsOf(ctx context.Context, with settings) ([]row, error) {
	here, err := b.serve(ctx, with)
	if err != nil {
		return nil, err
	}
	defer here.stop()
	there, err := b.serve(ctx, with)
	if err != nil {
		return nil, err
	}
	defer there.stop()
	people, err := settle(ctx, there, 1)
	defer people.leave()
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, waiting := range []int{1, 200} {
		taken, err := approveInTurn(ctx, here, people.persons[0], waiting, b.size.approvals)
		if err != nil {
			return nil, fmt.Errorf("%d waiting: %w", waiting, err)
		}
		middle, p99 := median(taken), quantile(taken, 0.99)
		rows = append(rows, row{
			What: fmt.Sprintf("%d waiting", waiting),
			Figures: []figure{
				{"approvals", float64(len(taken)), "n"}, {"median", middle, "ms"}, {"p99", p99, "ms"}, {"slowest", quantile(taken, 1), "ms"},
			},
			Goal:    "50 ms, p99 200 ms",
			Verdict: all(atMost(middle, goalMedian, "ms"), atMost(p99, goalP99, "ms")),
		})
	}
	return rows, nil
}

// approveInTurn keeps so many clients waiting and approves the one that has waited the longest, n times.
func approveInTurn(ctx context.Context, at *server, by *person.Person, waiting, n int) ([]float64, error) {
	var queue []*waiter
	var taken []float64
	defer func() {
		for _, w := range queue {
			w.leave()
		}
	}()
	for i := range waiting + n {
		w, err := beginWaiting(ctx, at, by, waiting*1_000_000+i)
		if err != nil {
			return nil, err
		}
		if queue = append(queue, w); len(queue) <= waiting {
			continue
		}
		first := queue[0]
		queue = queue[1:]
		d, err := first.approve(ctx)
		if err != nil {
			return nil, err
		}
		taken = append(taken, milliseconds(d))
	}
	return taken, nil
}

// waiter is a terminal that waits for its tokens, and the page that asks about it.
type waiter struct {
	conn     *conn
	question *person.Question
	answered chan answered
}

type answered struct {
	at  time.Time
	err error
}

func beginWaiting(ctx context.Context, at *server, by *person.Person, i int) (*waiter, error) {
	c, err := dial(at.address)
	if err != nil {
		return nil, err
	}
	t, w := terminalAt(at, i), &waiter{conn: c, answered: make(chan answered, 1)}
	got, err := t.ask(c)
	if err == nil {
		go func() { w.answered <- t.wait(c, got.Device) }()
		w.question, err = by.Open(ctx, got.User)
	}
	if err != nil {
		w.leave()
		return nil, err
	}
	return w, nil
}

// wait polls as our own client does: the answer may be held, and whoever was held asks again at once.
func (t terminal) wait(c *conn, deviceCode string) answered {
	for {
		status, body, err := t.poll(c, deviceCode, "Prefer: wait=30")
		at := time.Now()
		if err == nil && strings.Contains(string(body), `"authorization_pending"`) {
			continue
		}
		if err == nil && status != http.StatusOK {
			err = unexpected("held poll", status, body)
		}
		return answered{at, err}
	}
}

// approve presses the button and returns how long the tokens took.
func (w *waiter) approve(ctx context.Context) (time.Duration, error) {
	defer w.leave()
	pressed := time.Now()
	if err := w.question.Approve(ctx); err != nil {
		return 0, err
	}
	select {
	case got := <-w.answered:
		return got.at.Sub(pressed), got.err
	case <-time.After(10 * time.Second):
		return 0, errors.New("the tokens did not come")
	}
}

func (w *waiter) leave() { _ = w.conn.Close() }
