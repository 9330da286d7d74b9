package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// bareFlag makes this program the bare handler: bench --bare <listen> <redis>.
const bareFlag = "--bare"

// What the bare handler serves: the least that net/http can do for a request of each kind.
const (
	bareGetPath   = "/get"   // one Redis GET, a short answer
	bareFormPath  = "/form"  // the same for a POST whose form is read
	bareBytesPath = "/bytes" // bytes that were made before, about as many as a key set has
)

// serveBare is the child process that everything is compared with. It ends with its parent.
func serveBare(listen, redis string) error {
	client := goredis.NewClient(&goredis.Options{Addr: redis, DisableIdentity: true})
	ctx := context.Background()
	if err := client.Set(ctx, "bare", "pending", 0).Err(); err != nil {
		return err
	}
	get := func(w http.ResponseWriter, r *http.Request) {
		value, err := client.Get(r.Context(), "bare").Result()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"error":"` + value + `"}`))
	}
	mux := http.NewServeMux()
	mux.HandleFunc(bareGetPath, get)
	mux.HandleFunc(bareFormPath, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		get(w, r)
	})
	made := bytes.Repeat([]byte("x"), 1024)
	mux.HandleFunc(bareBytesPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(made)
	})
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// bare starts the bare handler.
func (b bench) bare(ctx context.Context, redis string) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := b.launch(address, self, bareFlag, address, redis)
	if err != nil {
		return nil, err
	}
	if err := answers(ctx, "http://"+address+"/"); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}
