package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/handclasp/handclasp/keys"
)

// bareFlag makes this program the bare handler: bench --bare <listen> <redis> <folder of keys>.
const bareFlag = "--bare"

// What the bare handler serves: the least that net/http can do for a request of each kind.
const (
	bareGetPath   = "/get"   // one Redis GET, a short answer
	bareFormPath  = "/form"  // the same for a POST whose form is read
	bareBytesPath = "/bytes" // bytes that were made before, about as many as a key set has
	bareSignPath  = "/sign"  // a form, one Redis GET and one signature by libcrypto: the floor under a refresh
)

// handlers answer with the least work.
type handlers struct {
	redis *goredis.Client
	key   *keys.Signing
}

// serveBare is the child process that everything is compared with. It ends with its parent.
func serveBare(listen, redis, folder string) error {
	ctx := context.Background()
	own, err := keys.Open(ctx, keys.Options{Dir: folder})
	if err != nil {
		return err
	}
	h := handlers{goredis.NewClient(&goredis.Options{Addr: redis, DisableIdentity: true}), own.Current()}
	if err := h.redis.Set(ctx, "bare", "pending", 0).Err(); err != nil {
		return err
	}
	made := bytes.Repeat([]byte("x"), 1024)
	mux := http.NewServeMux()
	mux.HandleFunc(bareGetPath, h.get)
	mux.HandleFunc(bareFormPath, h.form)
	mux.HandleFunc(bareSignPath, h.sign)
	mux.HandleFunc(bareBytesPath, func(w http.ResponseWriter, _ *http.Request) { answer(w, made) })
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (h handlers) get(w http.ResponseWriter, r *http.Request) {
	value, err := h.redis.Get(r.Context(), "bare").Result()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, []byte(`{"error":"`+value+`"}`))
}

func (h handlers) form(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.get(w, r)
}

func (h handlers) sign(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, errGet := h.redis.Get(r.Context(), "bare").Result()
	signature, errSign := h.key.Sign(make([]byte, signedBytes))
	if err := errors.Join(errGet, errSign); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, base64.RawURLEncoding.AppendEncode(nil, signature))
}

func answer(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

// bare starts the bare handler.
func (b bench) bare(ctx context.Context, redis, keyFolder string) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := b.launch(address, self, bareFlag, address, redis, keyFolder)
	if err != nil {
		return nil, err
	}
	if err := answers(ctx, "http://"+address+"/"); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}
