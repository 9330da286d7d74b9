package verify

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	typeOfList    = "statuslist+jwt"
	mostListToken = 4 << 20 // as it is sent
	// mostList bounds what a list becomes: a few kB of zlib can be gigabytes. It is enough for 33 million tokens.
	mostList = 4 << 20
	// ttlUnsaid is how long a list is fresh that does not say it.
	ttlUnsaid = time.Minute
)

// listClaims are those of a status list that are read (draft-ietf-oauth-status-list §5.1).
type listClaims struct {
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
	Issued  int64  `json:"iat"`
	Expires int64  `json:"exp"`
	TTL     int64  `json:"ttl"`
	List    struct {
		Bits uint64 `json:"bits"`
		Text string `json:"lst"`
	} `json:"status_list"`
}

// statusList has a few bits for every token that may still be good.
type statusList struct {
	bits  uint64 // of one status: 1, 2, 4 or 8
	bytes []byte
	ends  time.Time     // until then it is used if there is no newer one
	life  time.Duration // how long it is fresh
	etag  string
}

// list unpacks the statuses. A list without an end is refused: what is taken back would be good for as long as somebody
// can keep the issuer's answers away.
func (c listClaims) list() (statusList, error) {
	switch c.List.Bits {
	case 1, 2, 4, 8:
	default:
		return statusList{}, fmt.Errorf("the list has statuses of %d bits", c.List.Bits)
	}
	if c.Expires <= 0 || c.TTL < 0 {
		return statusList{}, errors.New("the list has no exp, or a ttl in the past")
	}
	unpacked, err := unpack(c.List.Text)
	if err != nil {
		return statusList{}, err
	}
	life := ttlUnsaid
	if c.TTL > 0 {
		life = time.Duration(min(c.TTL, int64(mostFresh/time.Second))) * time.Second
	}
	return statusList{bits: c.List.Bits, bytes: unpacked, life: life}, nil
}

// ends is exp by our own clock. What it shows now that is later than iat may be how far it runs ahead, or behind: lists live for
// a minute or so, and a clock that every token is forgiven must not make them run out as they come.
func (c listClaims) ends(now time.Time) time.Time {
	return time.Unix(c.Expires, 0).Add(min(now.Sub(time.Unix(c.Issued, 0)), skew))
}

// unpack is base64url and zlib (§4.2).
func unpack(text string) ([]byte, error) {
	packed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errors.New("the list is not base64url")
	}
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack the list: %w", err)
	}
	unpacked, err := io.ReadAll(io.LimitReader(r, mostList+1))
	if err != nil {
		return nil, fmt.Errorf("unpack the list: %w", err)
	}
	if len(unpacked) > mostList {
		return nil, errors.New("the list is too long")
	}
	return unpacked, nil
}

func (l statusList) has(index uint64) bool {
	return l.bits > 0 && index/(8/l.bits) < uint64(len(l.bytes))
}

// at is the status with this index, which the list has. The first one is in the lowest bits of the first byte (§4.1).
func (l statusList) at(index uint64) byte {
	each := 8 / l.bits
	return l.bytes[index/each] >> (index % each * l.bits) & (1<<l.bits - 1)
}
