package main

import (
	"context"
	"fmt"
)

// goalGrowth is how much a server may hold more at the end than after the first half of the logins, in megabytes: the
// noise of a garbage collector, and nothing that grows with their number.
const goalGrowth = 4

// devices is how many terminals sign in over and over: each new session takes the place of an older one.
const devices = 64

// growth signs terminals in over and over, through the pages, and watches the server's memory.
func (b bench) growth(ctx context.Context) (section, error) {
	s := section{
		Title: "Growth",
		Notes: fmt.Sprintf("Whole logins through the pages, %d terminals of 4 persons over and over, as many as there was time for; memory after the first half and at the end, "+
			"each after some seconds of rest.", 4*devices),
	}
	r, err := b.redis(ctx)
	if err != nil {
		return s, err
	}
	defer r.stop()
	for _, with := range []struct{ name, redis string }{{"sqlite", ""}, {"redis", r.address}} {
		row, err := b.growthOf(ctx, settings{data: "growth-" + with.name, redis: with.redis, signer: "auto"})
		if err != nil {
			return s, err
		}
		row.Setting = with.name
		s.Rows = append(s.Rows, row)
	}
	return s, nil
}

func (b bench) growthOf(ctx context.Context, with settings) (row, error) {
	up, err := b.serve(ctx, with)
	if err != nil {
		return row{}, err
	}
	defer up.stop()
	people, err := settle(ctx, up, 4)
	defer people.leave()
	if err != nil {
		return row{}, err
	}
	half := b.size.logins / 2 // by then all connections have filled their caches
	first, err := people.loginsFor(ctx, b.size.most/2, half, devices)
	if err != nil {
		return row{}, err
	}
	held, anonymous, err := b.atRest(up)
	if err != nil {
		return row{}, err
	}
	rest, err := people.loginsFor(ctx, b.size.most/2, b.size.logins-half, devices)
	if err != nil {
		return row{}, err
	}
	heldThen, anonymousThen, err := b.atRest(up)
	return row{
		What: fmt.Sprintf("%d logins", len(first)+len(rest)),
		Figures: []figure{
			{"resident", held, "MB"},
			{"anonymous", anonymous, "MB"},
			{"resident at the end", heldThen, "MB"},
			{"anonymous at the end", anonymousThen, "MB"},
		},
		Goal:    "no growth",
		Verdict: atMost(anonymousThen-anonymous, goalGrowth, "MB"),
	}, err
}
