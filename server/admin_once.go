package server

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/handclasp/handclasp/admin"
	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/store"
)

const (
	// onceKept is how long the answer to an Idempotency-Key is kept.
	onceKept = time.Hour
	// onceClaim is how long whoever came first has for it: longer than a request may take.
	onceClaim = 2 * adminPatience
)

// The refusals that only this API's door knows.
const (
	reasonBusy      = "in_progress"
	reasonOtherBody = "other_body"
)

// once keeps what was answered to an Idempotency-Key. One step of the ticket store decides who does the work; everybody else
// gets what that one answered. A secret that is shown once is in some of the answers, so all of them are sealed under a key
// that lies in the data folder and not in the ticket store.
type once struct {
	tickets Tickets
	seal    *keys.Secret
}

// kept is what was asked, and what was answered. Until then the status is zero.
type kept struct {
	Asked string `json:"asked"`
	Seed  []byte `json:"seed"` // what is made at random derives from it
	Told  told   `json:"told"`
}

// adminOnce is admin for changes that a client may want to repeat without doing them twice.
func (s *Server) adminOnce(scope string, do errand) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		key := r.Header.Get("Idempotency-Key")
		if key == "" {
			return s.admin(scope, do)(w, r)
		}
		asker, err := s.mayAdmin(r, scope)
		if err != nil {
			return err
		}
		t, err := s.doOnce(r, key, asker, do)
		if err != nil {
			return adminTrouble(err)
		}
		t.write(w)
		return nil
	}
}

// doOnce answers as the first request with this key was answered, or does it. Refusals are answers too. If the process ends in
// between, the claim runs out and the next try does the work again: what it makes at random derives from the seed that was kept
// before the work began, so that it finds what was made, and makes no second one.
func (s *Server) doOnce(r *http.Request, key string, asker admin.Asker, do errand) (told, error) {
	if len(key) > 255 || !visible(key) {
		return told{}, mistake("Idempotency-Key: want up to 255 visible characters")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return told{}, mistake("the body is too large, or was not sent whole")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	ctx, name := r.Context(), store.Digest("admin once", asker.Actor+"\n"+key)
	k, err := s.once.begin(ctx, name, store.Digest("admin request", r.Method+" "+r.URL.RequestURI()+"\n"+string(body)))
	if err != nil || k.Told.Status != 0 {
		return k.Told, err
	}
	asker.Seed = k.Seed
	t, err := do(r, s.Admin.For(asker))
	if err != nil {
		if t, err = refusedAs(adminTrouble(err)); err != nil {
			return t, err
		}
	}
	k.Told = t
	if err := s.once.keep(ctx, name, k); err != nil {
		s.Log.WarnContext(ctx, "keep the answer to an Idempotency-Key", "error", err)
	}
	return t, nil
}

// refusedAs is a refusal as it is written; what may turn out otherwise at the next try stays an error.
func refusedAs(err error) (told, error) {
	a := classify(err)
	if a.status >= http.StatusInternalServerError {
		return told{}, err
	}
	body, wrong := json.Marshal(errorOf(a, err))
	if wrong != nil {
		return told{}, wrong
	}
	return told{Status: a.status, Body: body}, nil
}

// begin returns what was answered under a name; or, with a status of zero, the caller alone is to do it now.
func (o once) begin(ctx context.Context, name, asked string) (kept, error) {
	k, err := o.recall(ctx, name, asked)
	if err != nil || k.Told.Status != 0 {
		return k, err
	}
	first, err := o.tickets.Mark(ctx, "once:"+name, onceClaim)
	if err != nil {
		return kept{}, err
	}
	if k, err = o.recall(ctx, name, asked); err != nil || k.Told.Status != 0 {
		return k, err // answered between the look and the claim
	}
	if !first {
		return kept{}, &admin.Refusal{Reason: reasonBusy, Text: "a request with this Idempotency-Key is being done"}
	}
	if k.Seed == nil {
		k = kept{Asked: asked, Seed: make([]byte, sha256.Size)}
		rand.Read(k.Seed) // never fails since Go 1.24: the program ends instead
		err = o.keep(ctx, name, k)
	}
	return k, err
}

// recall returns what was kept under a name, or nothing. It refuses a request that is another one than was asked.
func (o once) recall(ctx context.Context, name, asked string) (kept, error) {
	note, err := o.tickets.Note(ctx, "once:"+name)
	if errors.Is(err, store.ErrNotFound) {
		return kept{}, nil
	}
	if err != nil {
		return kept{}, err
	}
	k, err := o.open(name, note)
	if err != nil {
		return kept{}, fmt.Errorf("read the answer to an Idempotency-Key: %w", err)
	}
	if k.Asked != asked {
		return kept{}, &admin.Refusal{Reason: reasonOtherBody, Text: "this Idempotency-Key was sent with another request"}
	}
	return k, nil
}

func (o once) keep(ctx context.Context, name string, k kept) error {
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	id, key := o.seal.Current()
	box, err := boxOf(key)
	if err != nil {
		return err
	}
	sealed := box.Seal(nil, nil, text, []byte(name)) //nolint:gosec // G407: it makes a random nonce itself
	return o.tickets.PutNote(ctx, "once:"+name, id+"."+base64.RawURLEncoding.EncodeToString(sealed), onceKept)
}

func (o once) open(name, note string) (k kept, err error) {
	id, text, _ := strings.Cut(note, ".")
	key, ok := o.seal.Key(id)
	if !ok {
		return k, errors.New("it was sealed under a root that is gone")
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return k, err
	}
	box, err := boxOf(key)
	if err != nil {
		return k, err
	}
	whole, err := box.Open(nil, nil, sealed, []byte(name))
	if err != nil {
		return k, err
	}
	return k, json.Unmarshal(whole, &k)
}

func boxOf(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func visible(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
