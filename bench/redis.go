package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// redisServer is a real Redis of our own, and a connection to look at it.
type redisServer struct {
	*process
	look *goredis.Client
}

// redis starts a Redis. It keeps nothing on disk unless that was asked for.
func (b bench) redis(ctx context.Context) (*redisServer, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	port, err := portOf(address)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(b.folder, "redis-")
	if err != nil {
		return nil, err
	}
	keep := "no"
	if b.aof {
		keep = "yes"
	}
	p, err := b.launch(address, "redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1",
		"--dir", folder, "--save", "", "--appendonly", keep)
	if err != nil {
		return nil, fmt.Errorf("start redis-server: %w", err)
	}
	r := &redisServer{p, goredis.NewClient(&goredis.Options{Addr: address, DisableIdentity: true})}
	for deadline := time.Now().Add(10 * time.Second); ; {
		err := r.look.Ping(ctx).Err()
		if err == nil {
			return r, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			r.stop()
			return nil, fmt.Errorf("redis-server does not answer: %w\n%s", err, p.said())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (r *redisServer) stop() {
	if r == nil {
		return
	}
	_ = r.look.Close()
	r.process.stop()
}

// info reads one number of INFO.
func (r *redisServer) info(ctx context.Context, name string) (float64, error) {
	text, err := r.look.Info(ctx, "all").Result()
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(text, "\n"+name+":")
	if !ok {
		return 0, errors.New("redis does not tell " + name)
	}
	value, _, _ := strings.Cut(rest, "\r\n")
	return strconv.ParseFloat(value, 64)
}

// reads counts what Redis has read from its clients, which for clients that wait for each answer is round trips.
func (r *redisServer) reads(ctx context.Context) (float64, error) {
	return r.info(ctx, "total_reads_processed")
}

// memory is what Redis holds for its data, in bytes.
func (r *redisServer) memory(ctx context.Context) (float64, error) {
	return r.info(ctx, "used_memory")
}
