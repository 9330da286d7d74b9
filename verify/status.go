package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// mostLists bounds the memory. A server of ours has one; whoever shards them should stay below this.
const mostLists = 64

// statusClaim says where the status of a token is to be read (draft-ietf-oauth-status-list §6).
type statusClaim struct {
	List *struct {
		Index *uint64 `json:"idx"`
		URI   string  `json:"uri"`
	} `json:"status_list"`
}

// statuses are the issuer's status lists.
type statuses struct {
	fetcher fetcher
	keys    *keySet
	now     func() time.Time
	log     *slog.Logger

	mu    sync.Mutex
	lists map[string]*watched
}

// watched is a list that some token has named.
type watched struct {
	kept[statusList]
	asked time.Time // when it was needed last
}

func newStatuses(f fetcher, keys *keySet, o Options) *statuses {
	return &statuses{fetcher: f, keys: keys, now: o.Now, log: o.Log, lists: map[string]*watched{}}
}

// checkStatus refuses a token that the issuer has taken back. A token without the claim cannot be taken back; one whose
// claim is not understood is refused, as it may say that it was.
func (v *Verifier) checkStatus(ctx context.Context, scheme string, c *statusClaim) error {
	if c == nil {
		return nil
	}
	if c.List == nil || c.List.Index == nil || !v.statuses.fetcher.own(c.List.URI) {
		return v.badToken(scheme, errors.New("the token's status is not told in a way that is understood, or not by the issuer"))
	}
	index := *c.List.Index
	list, err := v.statuses.list(c.List.URI).find(ctx, func(l statusList) bool { return l.has(index) })
	if err != nil {
		return v.unavailable(fmt.Errorf("read the token's status: %w", err))
	}
	if status := list.at(index); status != 0 {
		return v.badToken(scheme, fmt.Errorf("the issuer has taken the token back: its status is %d", status))
	}
	return nil
}

// list is the one at this address, read or not.
func (s *statuses) list(uri string) *watched {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.lists[uri]
	if w == nil {
		s.forget()
		w = &watched{kept: kept[statusList]{what: uri, now: s.now, log: s.log}}
		w.read = func(ctx context.Context, before reading[statusList]) (reading[statusList], error) {
			return s.read(ctx, uri, before)
		}
		s.lists[uri] = w
	}
	w.asked = s.now()
	return w
}

// forget makes room for another list.
func (s *statuses) forget() {
	if len(s.lists) < mostLists {
		return
	}
	oldest := ""
	for uri, w := range s.lists {
		if oldest == "" || w.asked.Before(s.lists[oldest].asked) {
			oldest = uri
		}
	}
	delete(s.lists, oldest)
}

// read asks the issuer for a list. One that has not changed is fresh again; one that has run out is never asked for by
// its ETag, as nothing that could be answered would make it good.
func (s *statuses) read(ctx context.Context, uri string, before reading[statusList]) (reading[statusList], error) {
	asked := ask{address: uri, accept: "application/" + typeOfList, most: mostListToken}
	if s.now().Before(before.usable) {
		asked.etag = before.value.etag
	}
	answer, err := s.fetcher.get(ctx, asked)
	if err != nil {
		return reading[statusList]{}, err
	}
	list := before.value
	if !answer.same {
		if list, err = s.open(ctx, uri, string(answer.body)); err != nil {
			return reading[statusList]{}, err
		}
		list.etag = answer.etag
	}
	now := s.now()
	if !now.Before(list.ends) {
		return reading[statusList]{}, errors.New("the list has expired")
	}
	fresh := now.Add(list.life)
	if fresh.After(list.ends) {
		fresh = list.ends
	}
	return reading[statusList]{value: list, fresh: fresh, usable: list.ends}, nil
}

// open checks that the issuer has signed this list, and under this address.
func (s *statuses) open(ctx context.Context, uri, text string) (statusList, error) {
	found, err := parseOfIssuer(text, mostListToken, typeOfList)
	if err != nil {
		return statusList{}, err
	}
	key, err := s.keys.key(ctx, found.header.KeyID)
	if err != nil {
		return statusList{}, err
	}
	var c listClaims
	if err := found.open(key, &c); err != nil {
		return statusList{}, err
	}
	switch {
	case c.Subject != uri:
		return statusList{}, errors.New("the list belongs to another address")
	case c.Issuer != "" && c.Issuer != s.fetcher.issuer:
		return statusList{}, errors.New("the list has another issuer")
	case c.Issued <= 0 || s.now().Add(skew).Before(time.Unix(c.Issued, 0)):
		return statusList{}, errors.New("the list is from the future, or does not say from when it is")
	}
	list, err := c.list()
	list.ends = c.ends(s.now())
	return list, err
}
