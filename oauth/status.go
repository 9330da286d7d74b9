package oauth

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/handclasp/handclasp/store"
)

// Status lists (draft-ietf-oauth-status-list) let a resource server that only knows our keys refuse the tokens of an ended
// session within ten seconds, without a call a request. These add up to the bound: what an end has to wait for before it is in
// the list, in a cache on the way, and at the resource server.
const (
	statusRead = 2 * time.Second // how old what we know of ended sessions may be
	StatusAge  = 3 * time.Second // how long a list may be cached on its way
	statusTTL  = 4 * time.Second // how long a resource server may rely on it (§5.1, ttl)

	statusLife  = time.Minute // until a list is no good any more (exp)
	statusRenew = statusLife / 2
	// statusSlack is how much longer than a token an end is told: the clocks of replicas and resource servers differ, and an
	// answer may have been on its way.
	statusSlack = 5 * time.Minute
	mostLists   = 1000 // kept at once
)

// Ends tells which sessions have ended; store.Records says what it promises.
type Ends interface {
	EndedIndexes(ctx context.Context, since time.Time) (indexes []int64, newest int64, err error)
}

// Status says in a token where its end would be told (§6.1).
type Status struct {
	List StatusPlace `json:"status_list"`
}

// StatusPlace is a place in a list.
type StatusPlace struct {
	Index int64  `json:"idx"`
	URI   string `json:"uri"`
}

// statusOf is the place of a session; nil of one that has none.
func (p *Provider) statusOf(index int64) *Status {
	if index == 0 {
		return nil
	}
	return &Status{StatusPlace{Index: index % store.StatusListSize, URI: p.statusURI(index / store.StatusListSize)}}
}

func (p *Provider) statusURI(list int64) string {
	return p.Issuer + "/oauth/status/" + strconv.FormatInt(list, 10)
}

// statusLists are those that were asked for, made before they are asked for again. What they tell comes from the records each
// time, so a process that dies has forgotten no end, and every replica tells the same.
type statusLists struct {
	mu     sync.Mutex
	readAt time.Time
	newest int64
	ended  map[int64][]int64 // the places of ended sessions by list, in order
	made   map[int64]statusList
}

type statusList struct {
	Document
	ended  []int64
	signed time.Time
	kid    string
}

// statusClaims are those of a list (§5.1).
type statusClaims struct {
	Issuer  string     `json:"iss"`
	Subject string     `json:"sub"`
	Issued  int64      `json:"iat"`
	Expires int64      `json:"exp"`
	TTL     int64      `json:"ttl"` // seconds
	List    statusBits `json:"status_list"`
}

type statusBits struct {
	Bits int    `json:"bits"`
	List string `json:"lst"`
}

// StatusList returns a signed list. store.ErrNotFound: there is none of that name. Records that do not answer are an *Error: an
// older list would say of a session that has ended that it lives.
func (p *Provider) StatusList(ctx context.Context, name string) (Document, error) {
	n, err := strconv.ParseInt(name, 10, 40)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != name {
		return Document{}, store.ErrNotFound
	}
	l, now := &p.lists, p.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if age := now.Sub(l.readAt); age >= statusRead || age < 0 {
		if err := p.readEnds(ctx, now); err != nil {
			return Document{}, err
		}
	}
	if n > l.newest+1 { // the next one may have been begun since
		return Document{}, store.ErrNotFound
	}
	made, ok := l.made[n]
	if ok && made.kid == p.Keys.Current().KID && now.Sub(made.signed) < statusRenew && slices.Equal(made.ended, l.ended[n]) {
		return made.Document, nil
	}
	if made, err = p.makeList(n, l.ended[n], now); err != nil {
		return Document{}, err
	}
	if len(l.made) >= mostLists {
		clear(l.made)
	}
	l.made[n] = made
	return made.Document, nil
}

// readEnds is called with the lists locked.
func (p *Provider) readEnds(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.stepTime())
	defer cancel()
	indexes, newest, err := p.Ends.EndedIndexes(ctx, now.Add(-p.AccessLife-statusSlack))
	if err != nil {
		return unavailable(err)
	}
	slices.Sort(indexes)
	ended := map[int64][]int64{}
	for _, i := range indexes {
		n := i / store.StatusListSize
		ended[n] = append(ended[n], i%store.StatusListSize)
	}
	p.lists.readAt, p.lists.newest, p.lists.ended = now, newest, ended
	return nil
}

// makeList sets a bit for each ended session, the lowest of a byte first (§4.1), and signs them.
func (p *Provider) makeList(n int64, ended []int64, now time.Time) (statusList, error) {
	bits := make([]byte, store.StatusListSize/8)
	for _, i := range ended {
		bits[i/8] |= 1 << (i % 8)
	}
	var packed bytes.Buffer
	w, err := zlib.NewWriterLevel(&packed, zlib.BestCompression)
	if err == nil {
		_, err = w.Write(bits)
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		return statusList{}, &Error{Code: CodeServerError, Cause: err}
	}
	kid := p.Keys.Current().KID
	text, err := p.sign("statuslist+jwt", statusClaims{
		Issuer: p.Issuer, Subject: p.statusURI(n), Issued: now.Unix(), Expires: now.Add(statusLife).Unix(),
		TTL: int64(statusTTL / time.Second), List: statusBits{Bits: 1, List: base64.RawURLEncoding.EncodeToString(packed.Bytes())},
	})
	if err != nil {
		return statusList{}, err
	}
	return statusList{NewDocument([]byte(text)), ended, now, kid}, nil
}
